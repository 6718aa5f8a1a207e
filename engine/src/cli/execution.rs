//! How an execution is shown.

use std::fmt::Write;
use std::time::Duration;

use anstyle::{Effects, Style};
use serde_json::{Map, Value};
use stepwell_proto::v1::{Execution, ExecutionStatus};

use super::exit::Exit;
use super::output::printable;
use super::{moment, status};
use crate::names::ExecutionRef;
use crate::runtime::clock;

/// The execution with AWS's names. What lists leave out is left out here.
pub(super) fn json(execution: &Execution) -> Value {
    let mut members = Map::new();
    let mut insert = |name: &str, value: Value| members.insert(name.to_owned(), value);
    insert("executionArn", Value::from(execution.arn.as_str()));
    insert("stateMachineArn", Value::from(execution.state_machine_arn.as_str()));
    insert("name", Value::from(execution.name.as_str()));
    insert("status", Value::from(status::name(execution.status())));
    insert("compensationStatus", Value::from(status::compensation(execution)));
    insert("version", Value::from(execution.revision));
    insert("startDate", moment::rfc3339(execution.started_at));
    if execution.stopped_at.is_some() {
        insert("stopDate", moment::rfc3339(execution.stopped_at));
    }
    for (name, text) in [("input", &execution.input), ("output", &execution.output)] {
        if let Some(text) = text {
            insert(name, serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())));
        }
    }
    for (name, text) in [("error", &execution.error), ("cause", &execution.cause)] {
        if let Some(text) = text {
            insert(name, Value::from(text.as_str()));
        }
    }
    Value::Object(members)
}

/// The short name that every command understands: `machine/name`.
pub(super) fn short_name(execution: &Execution) -> String {
    match ExecutionRef::parse(&execution.arn) {
        ExecutionRef::Full { machine, name } => format!("{machine}/{name}"),
        ExecutionRef::Name(name) => name.to_owned(),
    }
}

/// How long it took, or has been running for.
pub(super) fn duration(execution: &Execution) -> Duration {
    let Some(started) = execution.started_at.map(moment::read) else { return Duration::ZERO };
    started.until(execution.stopped_at.map_or_else(clock::now, moment::read))
}

/// Its outcome in one line: symbol, status, name, time.
pub(super) fn headline(execution: &Execution) -> String {
    let status = execution.status();
    let style = status::style(status) | Effects::BOLD;
    let (name, took) = (short_name(execution), moment::span(duration(execution)));
    let how_long = if status == ExecutionStatus::Running { "for" } else { "in" };
    format!("{style}{}{style:#}  {name}  {how_long} {took}", status::label(status))
}

/// The lines below the headline: how it ended.
pub(super) fn ending(execution: &Execution) -> String {
    let mut text = String::new();
    let compensation = status::compensation(execution);
    if compensation != "NONE" {
        row(&mut text, "compensation", compensation);
    }
    for (label, value) in [("error", &execution.error), ("cause", &execution.cause)] {
        if let Some(value) = value {
            row(&mut text, label, &printable(value));
        }
    }
    if let Some(output) = &execution.output {
        row(&mut text, "output", &pretty(output));
    }
    text
}

/// Everything that is known of it.
pub(super) fn description(execution: &Execution) -> String {
    let mut text = headline(execution);
    text.push('\n');
    row(&mut text, "arn", &execution.arn);
    let machine = format!("{} (version {})", execution.state_machine_arn, execution.revision);
    row(&mut text, "machine", &machine);
    for (label, at) in [("started", execution.started_at), ("stopped", execution.stopped_at)] {
        if let Some(at) = at {
            row(&mut text, label, &moment::local(moment::read(at)));
        }
    }
    if let Some(input) = &execution.input {
        row(&mut text, "input", &pretty(input));
    }
    text.push_str(&ending(execution));
    text.trim_end().to_owned()
}

/// A label and its value, whose further lines are indented below it.
fn row(text: &mut String, label: &str, value: &str) {
    const WIDTH: usize = 12;
    let faint = Style::new() | Effects::DIMMED;
    let value = value.replace('\n', &format!("\n  {:WIDTH$}  ", ""));
    // Writing to a string can't fail.
    let _ = writeln!(text, "  {faint}{label:WIDTH$}{faint:#}  {value}");
}

/// JSON text as people read it: in one line where it is short, else indented.
pub(super) fn pretty(text: &str) -> String {
    const ONE_LINE_MAX: usize = 80;
    match serde_json::from_str::<Value>(text) {
        Ok(value) if text.len() > ONE_LINE_MAX => format!("{value:#}"),
        Ok(value) => value.to_string(),
        Err(_) => printable(text),
    }
}

/// The exit code of a command that waited for it.
pub(super) fn exit(execution: &Execution) -> Exit {
    match execution.status() {
        ExecutionStatus::Succeeded => Exit::Done,
        ExecutionStatus::TimedOut => Exit::TimedOut,
        ExecutionStatus::Aborted => Exit::Aborted,
        ExecutionStatus::Failed | ExecutionStatus::Running | ExecutionStatus::Unspecified => Exit::Failed,
    }
}
