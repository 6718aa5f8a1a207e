//! The error names the language itself knows, as data. Everything else is the author's own.
//! Source: Amazon States Language specification, appendix A, and the service's documentation.

/// Matches every error name but those [`is_matched_by_all`] excludes.
pub const ALL: &str = "States.ALL";
/// A task, an execution or a heartbeat took too long.
pub const TIMEOUT: &str = "States.Timeout";
/// A task sent no heartbeat in time. Histories show it as [`TIMEOUT`].
pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// A task failed; as a matcher, any failure of a task but a timeout.
pub const TASK_FAILED: &str = "States.TaskFailed";
/// A task had no permission to run.
pub const PERMISSIONS: &str = "States.Permissions";
/// `ResultPath` does not fit the input it is applied to.
pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
/// A field ending in `.$` could not be evaluated.
pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
/// A branch of a Parallel state failed.
pub const BRANCH_FAILED: &str = "States.BranchFailed";
/// No rule of a Choice state matched and it has no `Default`.
pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
/// An intrinsic function was called with arguments it cannot take.
pub const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
/// More iterations of a Map failed than it tolerates.
pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
/// An item reader could not read its items.
pub const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";
/// A result writer could not write its results.
pub const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";
/// A query expression could not be evaluated.
pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
/// A fault of the definition met at run time: a path that leads nowhere, a value of the wrong kind.
pub const RUNTIME: &str = "States.Runtime";
/// A payload is larger than the limit.
pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
/// Stepwell's own: a task was handed to worker after worker, and each was lost while it had it.
pub const WORKER_LOST: &str = "Stepwell.WorkerLost";

/// Whether a matcher in `ErrorEquals` matches an error.
///
/// `States.Runtime` is matched by nothing, not even by its own name: it is a fault of the definition, and
/// the recordings of the service agree. `States.ALL` does match `States.DataLimitExceeded` (recorded, though
/// the documentation denies it). A timeout is matched by `States.Timeout`, and a heartbeat's also by its own
/// name; `States.TaskFailed` stands for any failure of a task but a timeout.
#[must_use]
pub fn matches(matcher: &str, error: &str) -> bool {
    if error == RUNTIME {
        return false;
    }
    match matcher {
        ALL => true,
        TASK_FAILED => error != TIMEOUT && error != HEARTBEAT_TIMEOUT,
        TIMEOUT => error == TIMEOUT || error == HEARTBEAT_TIMEOUT,
        _ => matcher == error,
    }
}
