//! The transitions of one state map: every target is there, every state can be reached, one of them ends.
//!
//! Works on the raw text's tree, so that a fault inside a state does not hide one between states.
//! As the service does, it does not look for unreachable states where nothing ends.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Code;
use super::fields::{Cursor, Fields, shortened};

/// Checks the transitions between the members of `States`.
pub(super) fn check(map: &Fields<'_>, states: &Cursor<'_>) {
    let names: FxHashSet<&str> = states.members().map(|(name, _)| name).collect();
    let start_at = map.get("StartAt");
    if let Some(start_at) = &start_at {
        check_target(start_at, &names);
    }
    let mut targets: FxHashMap<&str, Vec<String>> = FxHashMap::default();
    for (name, state) in states.members() {
        let mut reached = Vec::new();
        for_each_target(&state, |target| {
            check_target(target, &names);
            reached.extend(target.value.as_str().map(str::to_owned));
        });
        targets.insert(name, reached);
    }
    if !states.members().any(|(_, state)| may_end(&state)) {
        states.report(Code::MissingEndState, "Workflow has no terminal state");
        return;
    }
    if let Some(start) = start_at.as_ref().and_then(|field| names.get(field.value.as_str()?)) {
        report_unreachable(states, start, &targets);
    }
}

fn check_target(target: &Cursor<'_>, names: &FxHashSet<&str>) {
    if let Some(name) = target.value.as_str()
        && !names.contains(name)
    {
        target.report(Code::MissingTransitionTarget, format!("Missing 'Next' target: {}", shortened(name)));
    }
}

/// Visits every field of a state that names where it goes on.
fn for_each_target(state: &Cursor<'_>, mut visit: impl FnMut(&Cursor<'_>)) {
    for name in ["Next", "Default"] {
        if let Some(target) = state.member(name) {
            visit(&target);
        }
    }
    for name in ["Choices", "Catch"] {
        let Some(list) = state.member(name) else { continue };
        for element in list.elements() {
            if let Some(target) = element.member("Next") {
                visit(&target);
            }
        }
    }
}

/// Whether the state leads out of the map. One without a type, or with neither `Next` nor `End`, is given the
/// benefit of the doubt: that fault is reported as such.
fn may_end(state: &Cursor<'_>) -> bool {
    let says = |field: &str| state.member(field).is_some();
    match state.member("Type").and_then(|field| field.value.as_str()) {
        Some("Succeed" | "Fail") => true,
        Some("Choice") => false,
        Some(_) | None => {
            !says("Next") || state.member("End").is_some_and(|end| end.value.as_bool() == Some(true))
        }
    }
}

fn report_unreachable(states: &Cursor<'_>, start: &str, targets: &FxHashMap<&str, Vec<String>>) {
    let mut reached = FxHashSet::from_iter([start]);
    let mut pending = vec![start];
    while let Some(name) = pending.pop() {
        for target in targets.get(name).into_iter().flatten() {
            if reached.insert(target) {
                pending.push(target);
            }
        }
    }
    for (name, state) in states.members().filter(|(name, _)| !reached.contains(name)) {
        state.report(Code::UnreachableState, format!("State \"{}\" is not reachable.", shortened(name)));
    }
}
