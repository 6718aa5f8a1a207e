//! The report of one invocation: a line on stdout.

use anstyle::{AnsiColor, Effects, Style};
use serde_json::{Value, json};
use stepwell_asl::time::Timestamp;
use stepwell_worker::TaskContext;

use crate::cli::moment;
use crate::cli::output::{Output, folded};
use crate::runtime::clock;

/// Widest input shown to people, in characters.
const INPUT_CHARS_MAX: usize = 60;

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Returned,
    Raised,
    NoAnswer,
    Cancelled,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Raised => "raised",
            Self::NoAnswer => "no_answer",
            Self::Cancelled => "cancelled",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Returned => AnsiColor::Green,
            Self::Raised => AnsiColor::Red,
            Self::NoAnswer | Self::Cancelled => AnsiColor::Yellow,
        };
        Style::new().fg_color(Some(color.into()))
    }
}

/// A task that was taken.
pub(super) struct Invocation {
    /// When it was taken.
    at: Timestamp,
    task: TaskContext,
    input: String,
    output: Output,
}

impl Invocation {
    pub(super) fn of(task: &TaskContext, input: &str, output: Output) -> Self {
        Self { at: clock::now(), task: task.clone(), input: input.to_owned(), output }
    }

    /// Tells what becomes of it. Once per task.
    pub(super) fn report(self, outcome: Outcome) {
        let told = if self.output.is_json() {
            self.output.line(&self.json(outcome))
        } else {
            self.output.text(self.text(outcome))
        };
        // Whoever read the reports is gone; the work goes on.
        if let Err(error) = told {
            tracing::debug!(%error, "can't report an invocation");
        }
    }

    fn json(&self, outcome: Outcome) -> Value {
        json!({
            "at": self.at.to_string(),
            "task": self.task.queue(),
            "execution": self.task.execution_name(),
            "state": self.task.state(),
            "attempt": self.task.attempt(),
            "idempotencyKey": self.task.idempotency_key(),
            "input": serde_json::from_str(&self.input).unwrap_or_else(|_| Value::from(self.input.as_str())),
            "outcome": outcome.as_str(),
        })
    }

    fn text(&self, outcome: Outcome) -> String {
        let (faint, style) = (Style::new() | Effects::DIMMED, outcome.style());
        let task = &self.task;
        let again = if task.attempt() > 1 { format!(" attempt {}", task.attempt()) } else { String::new() };
        format!(
            "{faint}{}{faint:#}  {style}{:9}{style:#}  {}{again}  {faint}{} {}{faint:#}  {}",
            moment::local(self.at),
            outcome.as_str(),
            folded(task.queue(), INPUT_CHARS_MAX),
            folded(task.execution_name(), INPUT_CHARS_MAX),
            folded(task.state(), INPUT_CHARS_MAX),
            folded(&self.input, INPUT_CHARS_MAX),
        )
    }
}
