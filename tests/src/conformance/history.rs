//! Comparing histories: event by event, and where branches ran side by side, as one of the legal orders.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::matcher::Matcher;

/// Compares a recorded history with one of ours.
///
/// # Errors
/// Where they differ.
pub fn compare(
    matcher: &mut Matcher,
    expected: &[Value],
    actual: &[Value],
    unordered: &[Range<usize>],
) -> Result<(), String> {
    let before = matcher.clone();
    let in_order = compare_in_order(matcher, expected, actual, unordered);
    if in_order.is_ok() || !is_concurrent(expected) {
        return in_order;
    }
    *matcher = before;
    compare_interleaved(matcher, expected, actual)
}

fn compare_in_order(
    matcher: &mut Matcher,
    expected: &[Value],
    actual: &[Value],
    unordered: &[Range<usize>],
) -> Result<(), String> {
    let sorted_types = |events: &[Value]| {
        let mut types: Vec<String> = events.iter().map(|event| kind(event).to_owned()).collect();
        for range in unordered {
            if let Some(part) = types.get_mut(range.clone()) {
                part.sort();
            }
        }
        types
    };
    let (expected_types, actual_types) = (sorted_types(expected), sorted_types(actual));
    if expected_types != actual_types {
        let same = expected_types
            .iter()
            .zip(&actual_types)
            .take_while(|(expected, actual)| expected == actual)
            .count();
        let tail = |types: &[String]| types.iter().skip(same).take(4).cloned().collect::<Vec<_>>().join(", ");
        let (expected, found) = (tail(&expected_types), tail(&actual_types));
        return Err(format!("history, after {same} events: expected {expected}; found {found}"));
    }
    for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        if unordered.iter().any(|range| range.contains(&at)) {
            continue;
        }
        compare_links(at, expected, actual, unordered)?;
        matcher.compare(
            &format!("history[{at}] {}", kind(expected)),
            &details(expected),
            &details(actual),
        )?;
    }
    for range in unordered {
        let part = |events: &[Value]| -> Vec<Value> {
            events.get(range.clone()).into_iter().flatten().map(details).collect()
        };
        matcher.compare_unordered("history, unordered", &part(expected), &part(actual))?;
    }
    Ok(())
}

/// The numbers of an event and of the one before it. What follows from an unordered part may follow from any
/// event of it.
fn compare_links(
    at: usize,
    expected: &Value,
    actual: &Value,
    unordered: &[Range<usize>],
) -> Result<(), String> {
    for member in ["id", "previousEventId"] {
        let (Some(wanted), found) = (number(expected, member), number(actual, member)) else { continue };
        let from_unordered = member == "previousEventId"
            && unordered.iter().any(|range| {
                let within =
                    |id: u64| usize::try_from(id).is_ok_and(|id| id > range.start && id <= range.end);
                within(wanted) && found.is_some_and(within)
            });
        if found != Some(wanted) && !from_unordered {
            let found = found.unwrap_or_default();
            return Err(format!(
                "history[{at}] {} {member}: expected {wanted}, found {found}",
                kind(expected)
            ));
        }
    }
    Ok(())
}

/// Whether several branches or iterations were started side by side, so that the order is one of many.
fn is_concurrent(history: &[Value]) -> bool {
    let mut starts: BTreeMap<u64, usize> = BTreeMap::new();
    let is_start =
        |event: &&Value| kind(event).ends_with("StateEntered") || kind(event) == "MapIterationStarted";
    for previous in history.iter().filter(is_start).filter_map(|event| number(event, "previousEventId")) {
        *starts.entry(previous).or_default() += 1;
    }
    starts.values().any(|count| *count > 1)
}

/// Any legal order: the same events, numbered without gaps, each caused by an earlier event of the same type.
fn compare_interleaved(matcher: &mut Matcher, expected: &[Value], actual: &[Value]) -> Result<(), String> {
    let types = |events: &[Value]| counted(events.iter().map(|event| kind(event).to_owned()));
    if types(expected) != types(actual) {
        return Err(format!(
            "history, in any order: expected {:?}, found {:?}",
            types(expected),
            types(actual)
        ));
    }
    for (at, event) in actual.iter().enumerate() {
        let (id, previous) = (number(event, "id"), number(event, "previousEventId"));
        if id != Some(at as u64 + 1) || previous >= id {
            return Err(format!(
                "history[{at}]: expected the number {} after its cause, found {event}",
                at + 1
            ));
        }
    }
    // Joins follow from whichever branch ended last, so they are free to differ.
    let links = |events: &[Value]| {
        counted(events.iter().filter(|event| !kind(event).starts_with("Parallel")).map(|event| {
            let cause =
                number(event, "previousEventId").and_then(|id| usize::try_from(id.checked_sub(1)?).ok());
            let cause = cause.and_then(|at| events.get(at)).map_or("none", kind);
            format!("{cause} → {}", kind(event))
        }))
    };
    let all_linked = expected.iter().all(|event| number(event, "previousEventId").is_some());
    if all_linked && links(expected) != links(actual) {
        return Err(format!(
            "history, in any order: expected {:?}, found {:?}",
            links(expected),
            links(actual)
        ));
    }
    let all = |events: &[Value]| -> Vec<Value> { events.iter().map(details).collect() };
    matcher.compare_unordered("history, in any order", &all(expected), &all(actual))
}

fn counted(texts: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    counts
}

fn kind(event: &Value) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn number(event: &Value, member: &str) -> Option<u64> {
    event.get(member).and_then(Value::as_u64)
}

/// An event without its numbers.
fn details(event: &Value) -> Value {
    let members = event.as_object().into_iter().flatten();
    let numbers = ["id", "previousEventId", "timestamp"];
    let kept = members.filter(|(name, _)| !numbers.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}
