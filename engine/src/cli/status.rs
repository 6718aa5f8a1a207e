//! The status of an execution: its name, and a symbol and a colour that say the same to the eye.

use anstyle::{AnsiColor, Style};
use stepwell_proto::v1::{CompensationStatus, Execution, ExecutionStatus};

/// The name without its enum's, such as `SUCCEEDED`.
pub(super) fn name(status: ExecutionStatus) -> &'static str {
    status.as_str_name().trim_start_matches("EXECUTION_STATUS_")
}

/// What compensation did, such as `COMPENSATED`.
pub(super) fn compensation(execution: &Execution) -> &'static str {
    let status = execution.compensation_status();
    // An older server says nothing about it, which is none.
    let status = if status == CompensationStatus::Unspecified { CompensationStatus::None } else { status };
    status.as_str_name().trim_start_matches("COMPENSATION_STATUS_")
}

fn symbol_and_color(status: ExecutionStatus) -> (&'static str, AnsiColor) {
    match status {
        ExecutionStatus::Unspecified => ("?", AnsiColor::White),
        ExecutionStatus::Running => ("●", AnsiColor::Cyan),
        ExecutionStatus::Succeeded => ("✓", AnsiColor::Green),
        ExecutionStatus::Failed => ("✗", AnsiColor::Red),
        ExecutionStatus::TimedOut => ("◔", AnsiColor::Yellow),
        ExecutionStatus::Aborted => ("■", AnsiColor::Magenta),
    }
}

/// How it looks.
pub(super) fn style(status: ExecutionStatus) -> Style {
    Style::new().fg_color(Some(symbol_and_color(status).1.into()))
}

/// Symbol and name, without colour.
pub(super) fn label(status: ExecutionStatus) -> String {
    format!("{} {}", symbol_and_color(status).0, name(status))
}
