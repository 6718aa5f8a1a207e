//! Points in time, as values handed in from outside: nothing in this crate reads a clock.

use std::fmt;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z, on the wall clock of whoever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This point plus a duration; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long from `self` until `later`; zero when `later` has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// Reads an ISO-8601 extended offset date-time as the service accepts it: a date, a capital `T`, a
    /// time with seconds, and `Z` or an offset (RFC 3339). `None` for anything else.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() >= 20
            && bytes.get(10) == Some(&b'T')
            && bytes.get(13) == Some(&b':')
            && bytes.get(16) == Some(&b':')
            && text.is_ascii()
            && !text.contains(['[', ' ', ','])
            && (text.ends_with('Z') || bytes.get(bytes.len() - 3) == Some(&b':'));
        if !shaped {
            return None;
        }
        text.parse::<jiff::Timestamp>().ok().map(|parsed| Self(parsed.as_microsecond()))
    }
}

/// ISO 8601 in UTC with three digits of milliseconds and a `Z`, as the context object and histories show it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{}", stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_service_reads() {
        for good in [
            "2016-12-05T21:29:29Z",
            "2016-12-05T21:29:29.00Z",
            "2016-12-05T21:29:29.000000Z",
            "2016-12-05T21:29:29+02:00",
        ] {
            assert!(Timestamp::parse_rfc3339(good).is_some(), "{good}");
        }
        for bad in [
            "2016-12-05T21:29:29",
            "2016-12-05 21:29:29Z",
            "2016-13-05T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "05-12-2016T21:29:29Z",
            "2023-02-24",
            "2016-12-05t21:29:29Z",
            "",
        ] {
            assert!(Timestamp::parse_rfc3339(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn prints_milliseconds_in_utc() {
        let stamp = Timestamp::parse_rfc3339("2023-11-21T08:27:31.5456+02:00").unwrap();
        assert_eq!(stamp.to_string(), "2023-11-21T06:27:31.545Z");
    }
}
