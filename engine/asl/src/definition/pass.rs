//! The Pass state: hands on its input or a fixed result.

use super::fields::Fields;
use super::{Next, lint};
use crate::payload::Payload;

/// A Pass state.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// `Result`: a literal, in which nothing is evaluated.
    pub result: Option<Payload>,
    /// `Next` or `End`.
    pub next: Next,
}

impl Pass {
    pub(super) const FIELDS: &[&str] = &["Result", "Next", "End"];

    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        let result = state.get("Result").map(|field| {
            lint::static_result(&field);
            Payload::from_value(field.value.clone())
        });
        Some(Self { result, next: Next::parse(state)? })
    }
}
