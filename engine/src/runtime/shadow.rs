//! A second copy of an execution, made only of what is written: in builds with debug assertions, every test
//! that runs an engine proves with it that replaying the stored history gives the live state.

use std::sync::Arc;

use stepwell_asl::machine::{Event, Execution, Header};

use crate::store::rows;

/// Scopes above which comparing at every step would make large Maps quadratic; they are compared at their end.
const SCOPES_COMPARED: usize = 64;

/// The copy. Empty in builds without debug assertions.
#[derive(Default)]
pub(super) struct Shadow(Option<Execution>);

impl Shadow {
    /// A copy of an execution that was just read back.
    pub(super) fn of(execution: &Execution) -> Self {
        Self(cfg!(debug_assertions).then(|| execution.clone()))
    }

    /// Follows a row that is about to be written, and compares.
    ///
    /// # Panics
    /// When the row does not read back as what was decided, or replays to something else: a fault of the
    /// interpreter or of the stored form, which no test may pass over.
    pub(super) fn follow(&mut self, live: &Execution, written: &[u8], events: &[Event]) {
        if !cfg!(debug_assertions) {
            return;
        }
        let decoded = rows::decode(written).unwrap_or_default();
        assert!(decoded == events, "a history row does not read back as it was written");
        self.apply(live.header(), decoded);
        let closed = live.stopped_at().is_some();
        if closed || live.scopes() <= SCOPES_COMPARED {
            assert!(self.0.as_ref() == Some(live), "replaying the history does not give the live execution");
        }
    }

    fn apply(&mut self, header: &Arc<Header>, events: Vec<Event>) {
        match &mut self.0 {
            Some(execution) => events.iter().for_each(|event| execution.apply(event)),
            None => self.0 = Execution::replay(header.clone(), events),
        }
    }
}
