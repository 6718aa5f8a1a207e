//! Rows as queries return them, and what they mean.
//!
//! Invariant: a row that can't be understood is [`Error::Corrupt`], never a guess.

use sqlx::FromRow;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;

use super::{Error, ExecutionRow, HistoryRow, MachineNo, MachineRow, RevisionNo, RowNo, StoredStatus};

/// A row of `execution`, joined with its machine and revision.
#[derive(FromRow)]
pub(super) struct ExecutionRecord {
    pub(super) no: i64,
    id: Vec<u8>,
    machine_no: i64,
    machine_name: String,
    revision_no: i64,
    revision_number: i64,
    name: String,
    status: i64,
    started_at: i64,
    stopped_at: Option<i64>,
}

/// A row of `history`.
#[derive(FromRow)]
pub(super) struct HistoryRecord {
    pub(super) no: i64,
    version: i64,
    first_event: i64,
    events: Vec<u8>,
}

/// A row of `state_machine`, joined with its current revision.
#[derive(FromRow)]
pub(super) struct MachineRecord {
    no: i64,
    name: String,
    revision_no: i64,
    revision_number: i64,
    definition: String,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<ExecutionRecord> for ExecutionRow {
    type Error = Error;

    fn try_from(record: ExecutionRecord) -> Result<Self, Error> {
        let id = <[u8; 16]>::try_from(record.id.as_slice())
            .map_err(|_| Error::Corrupt(format!("expected an id of 16 bytes, found {}", record.id.len())))?;
        Ok(Self {
            execution: RowNo(record.no),
            id: ExecutionId(u128::from_be_bytes(id)),
            machine: MachineNo(record.machine_no),
            machine_name: record.machine_name,
            revision: RevisionNo(record.revision_no),
            revision_number: count(record.revision_number)?,
            name: record.name,
            status: StoredStatus::try_from(record.status)?,
            started_at: Timestamp::from_micros(record.started_at),
            stopped_at: record.stopped_at.map(Timestamp::from_micros),
        })
    }
}

impl TryFrom<HistoryRecord> for HistoryRow {
    type Error = Error;

    fn try_from(record: HistoryRecord) -> Result<Self, Error> {
        Ok(Self {
            version: count(record.version)?,
            first_event: count(record.first_event)?,
            events: record.events,
        })
    }
}

impl TryFrom<MachineRecord> for MachineRow {
    type Error = Error;

    fn try_from(record: MachineRecord) -> Result<Self, Error> {
        Ok(Self {
            machine: MachineNo(record.no),
            name: record.name,
            revision: RevisionNo(record.revision_no),
            revision_number: count(record.revision_number)?,
            definition: record.definition,
            created_at: Timestamp::from_micros(record.created_at),
            updated_at: Timestamp::from_micros(record.updated_at),
        })
    }
}

/// A stored number that can't be negative.
pub(super) fn count(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::Corrupt(format!("expected a number from 0, found {number}")))
}

/// By what the caller does about it: a value of the wrong kind stays wrong, everything else may pass.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let damaged = matches!(
            error,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_)
        );
        match damaged {
            true => Self::Corrupt(error.to_string()),
            false => Self::Unavailable(error.to_string()),
        }
    }
}

impl Error {
    /// What was unavailable while a database was being opened is a reason not to open it.
    pub(super) fn at_opening(self) -> Self {
        match self {
            Self::Unavailable(message) => Self::Open(message),
            Self::Fenced(_) | Self::Corrupt(_) | Self::Open(_) => self,
        }
    }
}
