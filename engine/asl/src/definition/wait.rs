//! The Wait state: sleeps for a time or until one.

use super::Next;
use super::fields::Fields;
use super::task::TIMEOUT_SECONDS_MAX;
use crate::eval::Path;
use crate::time::Timestamp;

/// A Wait state.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// Until when.
    pub until: WaitUntil,
    /// `Next` or `End`.
    pub next: Next,
}

/// The four forms of waiting.
#[derive(Debug, Clone, PartialEq)]
pub enum WaitUntil {
    /// `Seconds`.
    Seconds(u64),
    /// `SecondsPath`.
    SecondsPath(Path),
    /// `Timestamp`.
    Timestamp(Timestamp),
    /// `TimestampPath`.
    TimestampPath(Path),
}

impl Wait {
    pub(super) const FIELDS: &[&str] =
        &["Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Next", "End"];

    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        let next = Next::parse(state);
        let until = WaitUntil::parse(state);
        Some(Self { until: until?, next: next? })
    }
}

impl WaitUntil {
    fn parse(state: &Fields<'_>) -> Option<Self> {
        let field = state.exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"])?;
        match field.name() {
            "Seconds" => field.integer(0..=TIMEOUT_SECONDS_MAX).map(Self::Seconds),
            "SecondsPath" => field.path().map(Self::SecondsPath),
            "Timestamp" => field.timestamp().map(Self::Timestamp),
            _ => field.path().map(Self::TimestampPath),
        }
    }
}
