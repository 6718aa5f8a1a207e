//! `StartAt` with its `States`: a whole machine, a branch of a Parallel, the processor of a Map.

use std::sync::Arc;

use indexmap::IndexMap;

use super::fields::{Cursor, Fields, shortened};
use super::{Code, STATE_NAME_MAX, STATES_MAX, State, StateName, transitions};

/// One `StartAt` with its `States`.
#[derive(Debug, Clone, PartialEq)]
pub struct StateMap {
    /// Where it begins; a key of `states`.
    pub start_at: StateName,
    /// In the order of the text.
    pub states: IndexMap<StateName, Arc<State>>,
}

impl StateMap {
    pub(super) const FIELDS: &[&str] = &["StartAt", "States"];

    /// A state by its name.
    #[must_use]
    pub fn state(&self, name: &str) -> Option<&Arc<State>> {
        self.states.get(name)
    }

    /// Reads both fields, and checks that the states lead to one another and to an end.
    pub(super) fn parse(map: &Fields<'_>) -> Option<Self> {
        map.require(&["States", "StartAt"]);
        let start_at = map.get("StartAt").and_then(|field| field.string());
        let field = map.get("States")?;
        let Some(members) = field.value.as_object() else {
            field.expected(Code::WrongType, "an object");
            return None;
        };
        if members.is_empty() {
            field.report(Code::InvalidValue, "Value cannot be empty");
            return None;
        }
        transitions::check(map, &field);
        let states = field.members().filter_map(|(name, state)| {
            let name = admit(name, &state)?;
            let state = State::parse(Arc::clone(&name), state)?;
            Some((name, Arc::new(state)))
        });
        let states = states.collect();
        Some(Self { start_at: start_at?.into(), states })
    }
}

/// Whether a state may have this name, beside all the names before it.
fn admit(name: &str, state: &Cursor<'_>) -> Option<StateName> {
    let length = name.chars().count();
    if length == 0 || length > STATE_NAME_MAX {
        let message =
            format!("expected a state name of 1 to {STATE_NAME_MAX} characters, found one of {length}");
        state.report(Code::InvalidStateName, message);
        return None;
    }
    let name: StateName = name.into();
    let mut names = state.reading.state_names.borrow_mut();
    if names.len() > STATES_MAX {
        // Reported when the first one too many came.
        return None;
    }
    if !names.insert(Arc::clone(&name)) {
        state.report(Code::DuplicateStateName, format!("Duplicate State name: {}", shortened(&name)));
        return None;
    }
    if names.len() > STATES_MAX {
        state.report(Code::TooManyStates, format!("expected at most {STATES_MAX} states, found more"));
        return None;
    }
    Some(name)
}
