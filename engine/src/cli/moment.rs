//! Times as people and programs read them.

use std::time::Duration;

use jiff::tz::TimeZone;
use prost_types::Timestamp as ProtoTimestamp;
use serde_json::Value;
use stepwell_asl::time::Timestamp;

/// A time off the wire.
pub(super) fn read(at: ProtoTimestamp) -> Timestamp {
    Timestamp::from_micros(at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos / 1_000)))
}

/// RFC 3339 text; null for a time that has not come.
pub(super) fn rfc3339(at: Option<ProtoTimestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::from(read(at).to_string()))
}

/// In the reader's own time zone, to the second.
pub(super) fn local(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(stamp) => stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at.to_string(),
    }
}

/// How long something took, in the two largest units: `12ms`, `3.4s`, `2m 05s`, `3h 07m`, `2d 04h`.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How long after the start something was, to the millisecond.
pub(super) fn offset(duration: Duration) -> String {
    format!("+{}.{:03}s", duration.as_secs(), duration.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_two_units() {
        let table = [
            (12, "12ms"),
            (3_456, "3.4s"),
            (125_000, "2m 05s"),
            (11_220_000, "3h 07m"),
            (187_200_000, "2d 04h"),
        ];
        for (milliseconds, text) in table {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
    }
}
