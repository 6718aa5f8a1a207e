//! `Next` and `End`: where a state leads.

use super::fields::Fields;
use super::{Code, StateName};

/// Where a state leads: `Next`, or `End: true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// To another state of the same map.
    State(StateName),
    /// Out of the map.
    End,
}

impl Next {
    /// Reads the two fields, of which a state has exactly one. `"End": false` says the same as no `End`.
    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        let ends = state.get("End").map(|end| end.boolean());
        let found = match (state.get("Next"), ends) {
            (_, Some(None)) => return None,
            (Some(next), None | Some(Some(false))) => return Some(Self::State(next.string()?.into())),
            (None, Some(Some(true))) => return Some(Self::End),
            (Some(_), Some(Some(true))) => "both",
            (None, None | Some(Some(false))) => "neither",
        };
        let code = if found == "both" { Code::ConflictingFields } else { Code::MissingField };
        state.cursor.report(code, format!("expected exactly one of 'Next' and 'End', found {found}"));
        None
    }
}
