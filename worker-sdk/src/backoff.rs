//! How long to wait before trying again: exponential backoff with full jitter.
//!
//! Full jitter (anything between nothing and the ceiling) spreads a thousand workers that lost the same
//! engine evenly, where a fixed delay would bring them all back in the same millisecond.

use std::time::Duration;

/// The ceiling of the delay: it doubles with every failure in a row, from `first` up to `longest`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The delay after so many failures in a row (0 counts as 1), with the jitter drawn.
    pub(crate) fn delay(self, failures: u32) -> Duration {
        // Without entropy the upper half of the range is still a sound delay.
        let entropy = getrandom::u64().unwrap_or(u64::MAX / 4 * 3);
        full_jitter(self.ceiling(failures), entropy)
    }

    fn ceiling(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// The point of `0..=ceiling` that `entropy` stands for.
fn full_jitter(ceiling: Duration, entropy: u64) -> Duration {
    let nanos = (ceiling.as_nanos() * u128::from(entropy)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_longest() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(10) };
        let table = [(0, 100), (1, 100), (2, 200), (3, 400), (7, 6_400), (8, 10_000), (u32::MAX, 10_000)];
        for (failures, milliseconds) in table {
            assert_eq!(backoff.ceiling(failures), Duration::from_millis(milliseconds), "{failures} failures");
        }
    }

    #[test]
    fn jitter_covers_the_whole_range() {
        let ceiling = Duration::from_secs(8);
        assert_eq!(full_jitter(ceiling, 0), Duration::ZERO);
        assert_eq!(full_jitter(ceiling, u64::MAX / 2 + 1), Duration::from_secs(4));
        assert!(full_jitter(ceiling, u64::MAX) < ceiling);
        assert!(full_jitter(ceiling, u64::MAX) > Duration::from_millis(7_999));
    }
}
