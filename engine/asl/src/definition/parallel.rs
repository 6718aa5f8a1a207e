//! The Parallel state: runs several branches at once.

use std::sync::Arc;

use super::fields::Fields;
use super::{Catcher, Next, Retrier, StateMap};

/// A Parallel state.
#[derive(Debug, Clone, PartialEq)]
pub struct Parallel {
    /// `Branches`, in order.
    pub branches: Vec<Arc<StateMap>>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub next: Next,
}

impl Parallel {
    pub(super) const FIELDS: &[&str] = &["Branches", "Retry", "Catch", "Next", "End"];

    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        state.require(&["Branches"]);
        let (retry, catch, next) = (Retrier::parse_all(state), Catcher::parse_all(state), Next::parse(state));
        let field = state.get("Branches")?;
        let branches = field.filled_list()?.filter_map(|branch| {
            let fields = branch.fields(&[StateMap::FIELDS])?;
            StateMap::parse(&fields).map(Arc::new)
        });
        let branches = branches.collect();
        Some(Self { branches, retry, catch, next: next? })
    }
}
