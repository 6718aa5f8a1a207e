//! How an attempt that waits no more has ended, read from the stored history: the owner remembers only those that
//! wait.

use stepwell_asl::ids::{ScopeId, TaskToken};
use stepwell_asl::machine::{Event, Fact};

use super::{Error, Service};
use crate::store::rows;

/// History rows read at a time.
const ROWS: u32 = 64;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With an output.
    Succeeded,
    /// With a failure that somebody reported.
    Failed,
    /// It timed out, or what it stood in was given up.
    GivenUp,
}

/// Follows one attempt through a history.
struct Trail {
    token: TaskToken,
    /// Where the attempt was scheduled; none before that was read.
    scope: Option<ScopeId>,
}

impl Trail {
    /// Takes in the next event; answers when it ends the attempt.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes next, nobody answered")]
    fn follow(&mut self, event: &Event) -> Option<Ending> {
        match &event.fact {
            Fact::TaskScheduled(task) if event.id == self.token.attempt => {
                self.scope = (task.nonce == self.token.nonce).then_some(event.scope);
                None
            }
            _ if self.scope != Some(event.scope) => None,
            Fact::TaskStarted { .. } | Fact::TaskSubmitted { .. } => None,
            Fact::TaskSucceeded { .. } => Some(Ending::Succeeded),
            Fact::TaskFailed { .. } => Some(Ending::Failed),
            _ => Some(Ending::GivenUp),
        }
    }
}

impl Service {
    /// How an attempt that waits no more has ended; `None` when there never was one with this token.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn ending(&self, token: TaskToken) -> Result<Option<Ending>, Error> {
        let Some(row) = self.store().execution(token.execution).await? else { return Ok(None) };
        let version = self.store().version_of_event(row.execution, token.attempt.0).await?;
        let Some(mut version) = version else { return Ok(None) };
        let mut trail = Trail { token, scope: None };
        loop {
            let stored = self.store().history(row.execution, version, ROWS).await?;
            for stored in &stored {
                let events = rows::decode(&stored.events)?;
                if let Some(ending) = events.iter().find_map(|event| trail.follow(event)) {
                    return Ok(Some(ending));
                }
            }
            if stored.len() < ROWS as usize {
                return Ok(trail.scope.map(|_| Ending::GivenUp));
            }
            version += u64::from(ROWS);
        }
    }
}
