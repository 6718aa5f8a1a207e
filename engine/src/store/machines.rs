//! Writing state machines, once for both databases.
//!
//! Invariant: a revision is never changed and never deleted; a name has one machine at most that is not
//! deleted. The caller brings the transaction, with whatever its database needs to make it safe.

use sqlx::{Database, Encode, Executor, FromRow, IntoArguments, Type};
use stepwell_asl::time::Timestamp;

use super::batch::stored;
use super::{Error, MachineNo, MachineRow, RevisionNo};

/// What [`super::Store::put_machine`] has to write.
pub(super) enum Put {
    /// Nothing: the answer is known.
    Nothing(Option<MachineRow>),
    /// A machine with its first revision.
    Machine,
    /// One more revision.
    Revision(MachineRow),
}

impl Put {
    /// Decides from the machine that has the name now.
    pub(super) fn decide(current: Option<MachineRow>, definition: &str, only_new: bool) -> Self {
        match current {
            None => Self::Machine,
            Some(machine) if machine.definition == definition => Self::Nothing(Some(machine)),
            Some(_) if only_new => Self::Nothing(None),
            Some(machine) => Self::Revision(machine),
        }
    }

    /// Writes what was decided; the machine as it is then.
    pub(super) async fn write<DB: Database>(
        self,
        connection: &mut DB::Connection,
        name: &str,
        definition: &str,
        now: Timestamp,
    ) -> Result<Option<MachineRow>, Error>
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
        DB::Arguments: IntoArguments<DB>,
        i64: Type<DB> + for<'q> Encode<'q, DB>,
        for<'q> &'q str: Type<DB> + Encode<'q, DB>,
        (i64,): for<'r> FromRow<'r, DB::Row>,
    {
        let (machine, number, created_at) = match self {
            Self::Nothing(answer) => return Ok(answer),
            Self::Machine => {
                let (no,): (i64,) = sqlx::query_as(
                    "INSERT INTO state_machine (name, created_at) VALUES ($1, $2) RETURNING no",
                )
                .bind(name)
                .bind(now.as_micros())
                .fetch_one(&mut *connection)
                .await?;
                (MachineNo(no), 1, now)
            }
            Self::Revision(machine) => (machine.machine, machine.revision_number + 1, machine.created_at),
        };
        let (revision,): (i64,) = sqlx::query_as(
            "INSERT INTO revision (machine_no, number, definition, created_at) \
             VALUES ($1, $2, $3, $4) RETURNING no",
        )
        .bind(machine.0)
        .bind(stored(number))
        .bind(definition)
        .bind(now.as_micros())
        .fetch_one(&mut *connection)
        .await?;
        Ok(Some(MachineRow {
            machine,
            name: name.to_owned(),
            revision: RevisionNo(revision),
            revision_number: number,
            definition: definition.to_owned(),
            created_at,
            updated_at: now,
        }))
    }
}

/// Marks a machine as deleted. Whether there was one.
pub(super) const DELETE: &str =
    "UPDATE state_machine SET deleted_at = $2 WHERE name = $1 AND deleted_at IS NULL";
