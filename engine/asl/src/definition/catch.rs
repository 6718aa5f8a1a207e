//! `Catch`: where a failed state goes on, and with what.

use std::sync::Arc;

use super::fields::{Cursor, Fields};
use super::{ResultPath, StateName, error_equals};
use crate::error_name;

/// One catcher of a state's `Catch`.
#[derive(Debug, Clone, PartialEq)]
pub struct Catcher {
    /// `ErrorEquals`.
    pub error_equals: Vec<Arc<str>>,
    /// `ResultPath`: where the error output goes in the state's raw input.
    pub result_path: ResultPath,
    /// `Next`.
    pub next: StateName,
}

impl Catcher {
    /// Reads a state's `Catch`.
    pub(super) fn parse_all(state: &Fields<'_>) -> Vec<Self> {
        let Some(list) = state.get("Catch") else { return Vec::new() };
        let catchers: Vec<Cursor<'_>> = list.list().into_iter().flatten().collect();
        let last = catchers.len().saturating_sub(1);
        catchers.iter().enumerate().filter_map(|(at, catcher)| Self::parse(*catcher, at == last)).collect()
    }

    fn parse(catcher: Cursor<'_>, is_last: bool) -> Option<Self> {
        let fields = catcher.fields(&[&["ErrorEquals", "ResultPath", "Next"]])?;
        fields.require(&["ErrorEquals", "Next"]);
        let error_equals = error_equals::parse(&fields, is_last);
        let result_path = ResultPath::parse(&fields);
        let next = fields.get("Next")?.string()?.into();
        Some(Self { error_equals, result_path, next })
    }

    /// Whether it is for this error.
    #[must_use]
    pub fn matches(&self, error: &str) -> bool {
        self.error_equals.iter().any(|matcher| error_name::matches(matcher, error))
    }
}
