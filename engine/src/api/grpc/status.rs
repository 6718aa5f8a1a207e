//! The one place where refusals become gRPC statuses.

use std::time::Duration;

use stepwell_asl::definition::{Diagnostic, Severity};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::service::Error;

/// When to come back after RESOURCE_EXHAUSTED.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Statuses travel in headers, and clients take only so much there: a longer message is cut, in characters.
const MESSAGE_MAX: usize = 500;
/// Faults of a definition are named until they take this many bytes; `ValidateDefinition` names all.
const VIOLATION_BYTES_MAX: usize = 4 * 1024;

/// A refusal as clients see it: the canonical code, one clear sentence, and details for programs.
pub(super) fn status(error: Error) -> Status {
    let message: String = error.to_string().chars().take(MESSAGE_MAX).collect();
    match error {
        Error::NotFound(_) => Status::not_found(message),
        Error::InvalidArgument(_) => Status::invalid_argument(message),
        Error::InvalidDefinition(diagnostics) => {
            let details = ErrorDetails::with_bad_request(violations(&diagnostics));
            Status::with_error_details(Code::InvalidArgument, message, details)
        }
        Error::AlreadyExists(_) => Status::already_exists(message),
        Error::FailedPrecondition(_) => Status::failed_precondition(message),
        Error::Exhausted(_) => {
            let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
            Status::with_error_details(Code::ResourceExhausted, message, details)
        }
        Error::Unavailable(_) => Status::unavailable(message),
        Error::Internal(_) => Status::internal(message),
    }
}

fn violations(diagnostics: &[Diagnostic]) -> Vec<FieldViolation> {
    let mut room = VIOLATION_BYTES_MAX;
    let violation = |diagnostic: &Diagnostic| {
        let description = format!("{} {}", diagnostic.code.as_str(), diagnostic.message);
        FieldViolation::new(format!("definition{}", diagnostic.pointer), description)
    };
    let fits = |violation: &FieldViolation| {
        let bytes = violation.field.len() + violation.description.len();
        let fits = bytes <= room;
        room = room.saturating_sub(bytes);
        fits
    };
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(violation).take_while(fits).collect()
}

/// A request that names something it must not leave out.
pub(super) fn required(field: &str, value: &str) -> Result<(), Status> {
    if !value.is_empty() {
        return Ok(());
    }
    let details = ErrorDetails::with_bad_request_violation(field, "must not be empty");
    Err(Status::with_error_details(
        Code::InvalidArgument,
        format!("expected {field}, found nothing"),
        details,
    ))
}
