//! Playing a case and judging what came of it.

use serde_json::Value;
use stepwell_asl::definition::{Code, Definition, Severity};

use super::case::{Case, Expected};
use super::history;
use super::matcher::Matcher;
use super::play::{Played, play};

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did what was recorded.
    Passed,
    /// It did something else.
    Failed(String),
    /// It needs something that the parser refuses as not supported yet, or a service that is not there.
    NotSupportedYet(String),
}

/// Plays a case and compares.
#[must_use]
pub fn judge(case: &Case) -> Verdict {
    if case.express {
        return Verdict::NotSupportedYet("EXPRESS state machines".to_owned());
    }
    let (definition, diagnostics) = Definition::parse(&case.definition);
    let Some(definition) = definition else {
        let errors: Vec<_> = diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
        return match errors.iter().find(|found| found.code == Code::NotSupportedYet) {
            Some(missing) => Verdict::NotSupportedYet(missing.message.clone()),
            None => Verdict::Failed(errors.first().map(|error| error.to_string()).unwrap_or_default()),
        };
    };
    let played = match play(case, definition) {
        Ok(played) => played,
        Err(message) => return Verdict::Failed(message),
    };
    // Integrations that the engine is to play itself.
    if let Some(queue) = played.unserved.iter().find(|queue| queue.contains(':')) {
        return Verdict::NotSupportedYet(format!("the integration {queue}"));
    }
    match compare(&case.expected, &played) {
        Ok(()) => Verdict::Passed,
        Err(difference) => Verdict::Failed(difference),
    }
}

fn compare(expected: &Expected, played: &Played) -> Result<(), String> {
    if expected.status != played.status {
        let why =
            [&played.error, &played.cause].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
        let unserved = played.unserved.join(", ");
        return Err(format!(
            "status: expected {}, found {} {why} {unserved}",
            expected.status, played.status
        ));
    }
    let mut matcher = Matcher::default();
    for (name, expected, found) in [
        ("output", &expected.output, &played.output),
        ("error", &expected.error, &played.error),
        ("cause", &expected.cause, &played.cause),
    ] {
        match (expected, found) {
            (Some(expected), Some(found)) => matcher.compare(name, expected, &Value::from(found.as_str()))?,
            (None, None) => {}
            (Some(expected), None) => return Err(format!("{name}: expected {expected}, found nothing")),
            (None, Some(found)) => return Err(format!("{name}: expected nothing, found {found}")),
        }
    }
    match &expected.history {
        Some(recorded) => history::compare(&mut matcher, recorded, &played.history, &expected.unordered),
        None => Ok(()),
    }
}
