//! What one run came to, what several came to, and how numbers are written.

/// One run of one load on one contender. What can't be told is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Sagas that ended, per second.
    pub per_second: f64,
    /// Latencies from the start's call to the news of the end, in milliseconds.
    pub p50_ms: Option<f64>,
    /// See above.
    pub p90_ms: Option<f64>,
    /// See above.
    pub p99_ms: Option<f64>,
    /// See above.
    pub max_ms: Option<f64>,
    /// Processor time of the server per saga, in microseconds.
    pub server_us: Option<f64>,
    /// The same of a database in processes of its own.
    pub database_us: Option<f64>,
    /// The same of the workers.
    pub workers_us: Option<f64>,
    /// The same of the clients.
    pub clients_us: Option<f64>,
    /// The server's resident memory at its peak, in MiB.
    pub rss_mib: Option<f64>,
    /// Bytes on disk per saga.
    pub disk_bytes: Option<f64>,
    /// Sagas that ended as they should, over the whole run that counts.
    pub finished: f64,
    /// Sagas that did not end as they should.
    pub errors: u64,
}

impl Figures {
    /// Processor time of everything together per saga, in microseconds.
    #[must_use]
    pub fn all_us(&self) -> Option<f64> {
        let parts = self.server_us.zip(self.workers_us).zip(self.clients_us);
        parts.map(|((server, workers), clients)| {
            server + workers + clients + self.database_us.unwrap_or_default()
        })
    }
}

/// One figure over several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values; none when there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let at = |index: usize| values.get(index).copied().unwrap_or(max);
        let median = f64::midpoint(at((values.len() - 1) / 2), at(values.len() / 2));
        Some(Self { median, min, max })
    }
}

/// A cell: the median, and in parentheses the smallest and the largest; a dash when there is nothing.
#[must_use]
pub fn spread(values: Option<Spread>) -> String {
    match values {
        None => "–".to_owned(),
        Some(Spread { median, min, max }) if min == max => number(median),
        Some(Spread { median, min, max }) => {
            format!("{} ({}–{})", number(median), number(min), number(max))
        }
    }
}

/// A cell of a ratio: `2.3×`; a dash when there is nothing to divide.
#[must_use]
pub fn ratio(part: Option<f64>, whole: Option<f64>) -> String {
    match part.zip(whole) {
        Some((part, whole)) if whole > 0.0 => format!("{:.2}×", part / whole),
        Some(_) | None => "–".to_owned(),
    }
}

/// Three significant digits below a hundred, whole numbers with separators above.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middling if middling < 99.95 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

/// A count, with separators.
#[must_use]
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_deserve() {
        for (value, expected) in [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (45.67, "45.7"),
            (99.96, "100"),
            (999.6, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-4_321.0, "-4,321"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_spread_is_its_median_with_its_ends() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(spread(Spread::of([7.0])), "7.00");
        assert_eq!(spread(Spread::of([3.0, 1.0, 2.0])), "2.00 (1.00–3.00)");
        assert_eq!(spread(Spread::of([4.0, 1.0])), "2.50 (1.00–4.00)");
        assert_eq!(spread(None), "–");
        assert_eq!(ratio(Some(3.0), Some(2.0)), "1.50×");
        assert_eq!(ratio(Some(3.0), None), "–");
    }
}
