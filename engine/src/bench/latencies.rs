//! How long sagas took: every one of them is kept, so percentiles are exact.

use std::time::Duration;

/// Finished sagas' durations.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.micros.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// The duration in milliseconds that this share of sagas did not exceed, for each share; `None` when there
    /// were no sagas.
    #[must_use]
    pub fn percentiles_ms<const N: usize>(mut self, shares: [f64; N]) -> Option<[f64; N]> {
        self.micros.sort_unstable();
        let last = self.micros.len().checked_sub(1)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into a list that fits memory, rounded"
        )]
        Some(shares.map(|share| {
            let rank = (last as f64 * share).round() as usize;
            f64::from(self.micros.get(rank).copied().unwrap_or_default()) / 1_000.0
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.clone().percentiles_ms([0.5]), None);
        (0..=100).rev().for_each(|ms| latencies.add(Duration::from_millis(ms)));
        assert_eq!(latencies.percentiles_ms([0.5, 0.99, 1.0]), Some([50.0, 99.0, 100.0]));
    }
}
