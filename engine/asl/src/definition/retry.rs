//! `Retry`: which errors to try again, how often and after what wait.

use std::sync::Arc;
use std::time::Duration;

use super::fields::{Cursor, Fields};
use super::{Code, error_equals};
use crate::entropy::Entropy;
use crate::error_name;

/// Longest `IntervalSeconds` and most `MaxAttempts`, as the service has them.
const COUNT_MAX: u64 = 99_999_999;
/// `MaxDelaySeconds` stays below a leap year, as the service has it.
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_399;

/// One retrier of a state's `Retry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`.
    pub error_equals: Vec<Arc<str>>,
    /// `IntervalSeconds`: the wait before the first retry. 1 when absent.
    pub interval_seconds: u64,
    /// `MaxAttempts`: how many retries; 0 for none. 3 when absent.
    pub max_attempts: u64,
    /// `BackoffRate`: how much longer each wait is than the last. 2.0 when absent.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`: the longest wait.
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy`.
    pub jitter_strategy: JitterStrategy,
}

/// Whether the waits are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JitterStrategy {
    /// Every wait is as long as computed.
    #[default]
    None,
    /// Every wait is drawn between zero and the computed length.
    Full,
}

impl Retrier {
    const FIELDS: &[&str] = &[
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
    ];

    /// Reads a state's `Retry`.
    pub(super) fn parse_all(state: &Fields<'_>) -> Vec<Self> {
        let Some(list) = state.get("Retry") else { return Vec::new() };
        let retriers: Vec<Cursor<'_>> = list.list().into_iter().flatten().collect();
        let last = retriers.len().saturating_sub(1);
        retriers.iter().enumerate().filter_map(|(at, retrier)| Self::parse(*retrier, at == last)).collect()
    }

    fn parse(retrier: Cursor<'_>, is_last: bool) -> Option<Self> {
        let fields = retrier.fields(&[Self::FIELDS])?;
        fields.require(&["ErrorEquals"]);
        let interval_seconds = fields.get("IntervalSeconds").and_then(|field| field.integer(1..=COUNT_MAX));
        let max_delay_seconds = fields.get("MaxDelaySeconds").and_then(|field| {
            let seconds = field.integer(1..=MAX_DELAY_SECONDS_MAX)?;
            if interval_seconds.is_some_and(|interval| interval >= seconds) {
                field.expected(Code::PointlessMaxDelay, "more than IntervalSeconds");
            }
            Some(seconds)
        });
        let backoff_rate = fields.get("BackoffRate").and_then(|field| {
            let rate = field.number()?;
            if rate < 1.0 {
                field.expected(Code::InvalidValue, "a number of at least 1.0");
            }
            Some(rate)
        });
        let jitter = [("FULL", JitterStrategy::Full), ("NONE", JitterStrategy::None)];
        Some(Self {
            error_equals: error_equals::parse(&fields, is_last),
            interval_seconds: interval_seconds.unwrap_or(1),
            max_attempts: fields
                .get("MaxAttempts")
                .and_then(|field| field.integer(0..=COUNT_MAX))
                .unwrap_or(3),
            backoff_rate: backoff_rate.unwrap_or(2.0),
            max_delay_seconds,
            jitter_strategy: fields
                .get("JitterStrategy")
                .and_then(|field| field.word(&jitter))
                .unwrap_or_default(),
        })
    }

    /// Whether it is for this error.
    #[must_use]
    pub fn matches(&self, error: &str) -> bool {
        self.error_equals.iter().any(|matcher| error_name::matches(matcher, error))
    }

    /// The wait before retry number `retries_so_far` + 1: interval × rate^`retries_so_far`, bounded by
    /// `MaxDelaySeconds`, then spread.
    #[must_use]
    pub fn delay(&self, retries_so_far: u64, entropy: &mut Entropy) -> Duration {
        /// A year: no wait is longer, whatever the rate.
        const LONGEST_SECONDS: f64 = 365.0 * 86_400.0;
        let exponent = i32::try_from(retries_so_far).unwrap_or(i32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "intervals are far below 2^53 seconds")]
        let (interval, longest) =
            (self.interval_seconds as f64, self.max_delay_seconds.map_or(LONGEST_SECONDS, |max| max as f64));
        let computed = (interval * self.backoff_rate.powi(exponent)).min(longest).min(LONGEST_SECONDS);
        let drawn = match self.jitter_strategy {
            JitterStrategy::None => computed,
            JitterStrategy::Full => computed * entropy.next_fraction(),
        };
        Duration::try_from_secs_f64(drawn).unwrap_or_default()
    }
}
