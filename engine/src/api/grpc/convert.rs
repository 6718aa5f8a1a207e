//! Domain types as proto types. Nothing else in the engine knows both.

use prost_types::Timestamp as ProtoTimestamp;
use serde_json::Value;
use stepwell_asl::definition::{self, Severity};
use stepwell_asl::failure::Failure;
use stepwell_asl::history::HistoryEvent;
use stepwell_asl::time::Timestamp;
use stepwell_proto::v1;

use crate::catalog::Machine;
use crate::dispatch::{Delivery, Receipt, Verdict};
use crate::names::Realm;
use crate::service::ExecutionView;
use crate::store::{MachineRow, StoredStatus};

pub(super) fn timestamp(at: Timestamp) -> ProtoTimestamp {
    let micros = at.as_micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    ProtoTimestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

pub(super) fn duration(duration: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

pub(super) fn status(status: StoredStatus) -> v1::ExecutionStatus {
    match status {
        StoredStatus::Running => v1::ExecutionStatus::Running,
        StoredStatus::Succeeded => v1::ExecutionStatus::Succeeded,
        StoredStatus::Failed => v1::ExecutionStatus::Failed,
        StoredStatus::TimedOut => v1::ExecutionStatus::TimedOut,
        StoredStatus::Aborted => v1::ExecutionStatus::Aborted,
    }
}

/// The status to filter by; none for any.
pub(super) fn stored_status(status: v1::ExecutionStatus) -> Option<StoredStatus> {
    match status {
        v1::ExecutionStatus::Unspecified => None,
        v1::ExecutionStatus::Running => Some(StoredStatus::Running),
        v1::ExecutionStatus::Succeeded => Some(StoredStatus::Succeeded),
        v1::ExecutionStatus::Failed => Some(StoredStatus::Failed),
        v1::ExecutionStatus::TimedOut => Some(StoredStatus::TimedOut),
        v1::ExecutionStatus::Aborted => Some(StoredStatus::Aborted),
    }
}

pub(super) fn execution(view: ExecutionView) -> v1::Execution {
    v1::Execution {
        arn: view.arn,
        name: view.row.name,
        state_machine_arn: view.machine_arn,
        revision: view.row.revision_number,
        status: status(view.row.status).into(),
        compensation_status: v1::CompensationStatus::None.into(),
        started_at: Some(timestamp(view.row.started_at)),
        stopped_at: view.row.stopped_at.map(timestamp),
        input: view.input.map(|input| input.text().to_owned()),
        output: view.output.map(|output| output.text().to_owned()),
        error: view.failure.error.map(|error| error.to_string()),
        cause: view.failure.cause.map(|cause| cause.to_string()),
    }
}

pub(super) fn event(event: HistoryEvent) -> v1::HistoryEvent {
    v1::HistoryEvent {
        id: event.id.0,
        previous_id: event.previous.0,
        at: Some(timestamp(event.at)),
        r#type: event.event_type,
        details: event.details.map(|details| Value::Object(details).to_string()),
    }
}

/// A state machine with its definition.
pub(super) fn machine(machine: &Machine, realm: &Realm) -> v1::StateMachine {
    v1::StateMachine { definition: machine.row.definition.clone(), ..listed_machine(&machine.row, realm) }
}

/// A state machine in a list.
pub(super) fn listed_machine(row: &MachineRow, realm: &Realm) -> v1::StateMachine {
    v1::StateMachine {
        arn: realm.machine_arn(&row.name),
        name: row.name.clone(),
        definition: String::new(),
        revision: row.revision_number,
        created_at: Some(timestamp(row.created_at)),
        updated_at: Some(timestamp(row.updated_at)),
    }
}

pub(super) fn diagnostic(diagnostic: definition::Diagnostic) -> v1::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => v1::Severity::Error,
        Severity::Warning => v1::Severity::Warning,
    };
    v1::Diagnostic {
        severity: severity.into(),
        code: diagnostic.code.as_str().to_owned(),
        pointer: diagnostic.pointer,
        line: u32::try_from(diagnostic.line).unwrap_or(u32::MAX),
        column: u32::try_from(diagnostic.column).unwrap_or(u32::MAX),
        message: diagnostic.message,
        help: diagnostic.help.to_string(),
    }
}

pub(super) fn task(delivery: Delivery) -> v1::Task {
    let Delivery { order, header, number } = delivery;
    v1::Task {
        token: order.token.to_bytes().to_vec().into(),
        queue: order.queue.to_string(),
        input: order.input.text().to_owned().into_bytes().into(),
        idempotency_key: order.idempotency_key(),
        attempt: u32::try_from(order.attempt_number).unwrap_or(u32::MAX),
        execution_name: header.name.to_string(),
        execution_arn: header.arn.to_string(),
        state: order.state.to_string(),
        deadline_at: order.deadline_at.map(timestamp),
        heartbeat_timeout: order.heartbeat.map(duration),
        delivery: number,
        traceparent: String::new(),
    }
}

pub(super) fn receipt(receipt: Receipt) -> v1::Receipt {
    let verdict = match receipt.verdict {
        Verdict::Accepted => v1::Verdict::Accepted,
        Verdict::AlreadyOver => v1::Verdict::AlreadyOver,
        Verdict::Refused => v1::Verdict::Refused,
        Verdict::TryAgain => v1::Verdict::TryAgain,
    };
    v1::Receipt { token: receipt.token.into(), verdict: verdict.into(), message: receipt.message }
}

pub(super) fn failure(failure: v1::TaskFailure) -> Failure {
    Failure { error: failure.error.map(Into::into), cause: failure.cause.map(Into::into) }
}
