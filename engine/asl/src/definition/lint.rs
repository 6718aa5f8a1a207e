//! Warnings about values that are allowed but most likely not what their author meant.
//! The first three are the service's own.

use super::Code;
use super::fields::Cursor;
use crate::error_name;

/// The names that start with `States.` and mean something.
const RESERVED: &[&str] = &[
    error_name::ALL,
    error_name::TIMEOUT,
    error_name::HEARTBEAT_TIMEOUT,
    error_name::TASK_FAILED,
    error_name::PERMISSIONS,
    error_name::RESULT_PATH_MATCH_FAILURE,
    error_name::PARAMETER_PATH_FAILURE,
    error_name::BRANCH_FAILED,
    error_name::NO_CHOICE_MATCHED,
    error_name::INTRINSIC_FAILURE,
    error_name::EXCEED_TOLERATED_FAILURE_THRESHOLD,
    error_name::ITEM_READER_FAILED,
    error_name::RESULT_WRITER_FAILED,
    error_name::QUERY_EVALUATION_ERROR,
    error_name::DATA_LIMIT_EXCEEDED,
];

/// A member of a template that looks like an expression under a name that does not end in `.$`.
pub(super) fn no_dollar(member: &Cursor<'_>) {
    if member.value.as_str().is_some_and(looks_evaluated) {
        member.report(Code::NoDollar, "the value looks like a path or a function call, but is not evaluated");
    }
}

/// A text that looks like a path where a text is meant.
pub(super) fn no_path(text: &Cursor<'_>) {
    if text.value.as_str().is_some_and(looks_evaluated) {
        text.report(Code::NoPath, "the value looks like a path or a function call, but is not evaluated");
    }
}

/// A fixed result with members that look evaluated.
pub(super) fn static_result(result: &Cursor<'_>) {
    for (name, member) in result.members() {
        if name.ends_with(".$") {
            member.report(Code::PassResultIsStatic, "the member looks evaluated, but is copied as it stands");
        }
        static_result(&member);
    }
    result.elements().for_each(|element| static_result(&element));
}

/// A name in `ErrorEquals` that cannot do what it says.
pub(super) fn reserved_error(name: &Cursor<'_>) {
    match name.value.as_str() {
        Some(error_name::RUNTIME) => {
            name.report(Code::UncatchableError, "States.Runtime is neither retried nor caught");
        }
        Some(text) if text.starts_with("States.") && !RESERVED.contains(&text) => {
            name.expected(Code::UnknownErrorName, "one of the reserved error names");
        }
        Some(_) | None => {}
    }
}

fn looks_evaluated(text: &str) -> bool {
    let is_call = || text.starts_with("States.") && text.contains('(') && text.ends_with(')');
    text.starts_with("$.") || text.starts_with("$$.") || text.starts_with("$[") || is_call()
}
