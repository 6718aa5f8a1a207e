//! What one turn of the owner decided, execution by execution, until it is durable.

use rustc_hash::FxHashMap;
use stepwell_asl::ids::{EventId, ExecutionId};
use stepwell_asl::machine::{Effect, Event, Transition};

use super::request::{Answer, Refused, ReplyTo};
use crate::dispatch::WorkerId;
use crate::store::Opening;

/// All executions that were touched, in the order they were first touched.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    of: FxHashMap<ExecutionId, usize>,
}

/// What was decided for one execution, and who is to be told.
pub(super) struct Entry {
    pub(super) execution: ExecutionId,
    /// Set when this turn starts it.
    pub(super) opening: Option<Opening>,
    pub(super) events: Vec<Event>,
    pub(super) effects: Vec<Effect>,
    pub(super) replies: Vec<Reply>,
    /// Which of the batch's writes is this one's; none when there was nothing to write.
    pub(super) write: Option<usize>,
}

/// An answer that waits for the commit.
pub(super) struct Reply {
    to: ReplyTo,
    answer: Answer,
    about: About,
}

/// What an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A start.
    Start,
    /// The answer to this attempt of the execution.
    Task(EventId),
    /// Anything else.
    Other,
}

impl Reply {
    /// The attempt that needs no worker any more, and the worker that answered it.
    pub(super) fn settles(&self) -> Option<(EventId, Option<WorkerId>)> {
        let over = match &self.answer {
            Ok(_) => true,
            Err(Refused::Rejected(rejection)) => *rejection != stepwell_asl::machine::Rejection::UnknownTask,
            Err(Refused::NotRunning) => true,
            Err(Refused::NameTaken | Refused::SetAside | Refused::Unconfirmed) => false,
        };
        match self.about {
            About::Task(attempt) if over => Some((attempt, self.to.worker())),
            About::Task(_) | About::Start | About::Other => None,
        }
    }

    pub(super) fn tell(self) {
        self.to.tell(self.answer);
    }
}

impl Batch {
    /// Adds what was decided for an execution, and starts it when there is an opening.
    pub(super) fn add(&mut self, execution: ExecutionId, transition: Transition, opening: Option<Opening>) {
        let entry = self.entry(execution);
        entry.opening = entry.opening.take().or(opening);
        entry.events.extend(transition.events);
        for effect in transition.effects {
            // One turn is enough, however often it was asked for.
            if effect != Effect::WakeNow || !entry.effects.contains(&Effect::WakeNow) {
                entry.effects.push(effect);
            }
        }
    }

    /// Remembers whom to tell what.
    pub(super) fn reply(&mut self, execution: ExecutionId, to: ReplyTo, answer: Answer, about: About) {
        self.entry(execution).replies.push(Reply { to, answer, about });
    }

    /// An execution is set aside: nothing of this turn is written for it, and nobody is told otherwise.
    pub(super) fn set_aside(&mut self, execution: ExecutionId) {
        let entry = self.entry(execution);
        entry.opening = None;
        entry.events.clear();
        entry.effects.clear();
        for reply in &mut entry.replies {
            reply.answer = Err(Refused::SetAside);
        }
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    fn entry(&mut self, execution: ExecutionId) -> &mut Entry {
        let index = *self.of.entry(execution).or_insert(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(Entry {
                execution,
                opening: None,
                events: Vec::new(),
                effects: Vec::new(),
                replies: Vec::new(),
                write: None,
            });
        }
        &mut self.entries[index]
    }
}

impl Entry {
    /// Tells everybody the same refusal: the write was not made.
    pub(super) fn refuse(self, refused: &Refused) {
        for reply in self.replies {
            reply.to.tell(Err(refused.clone()));
        }
    }

    /// The start was not made, for its name is taken. Whoever asked for something else in the same turn meant the
    /// execution that has the name, and that one does not run.
    pub(super) fn refuse_start(self) {
        for reply in self.replies {
            let refused = if reply.about == About::Start { Refused::NameTaken } else { Refused::NotRunning };
            reply.to.tell(Err(refused));
        }
    }
}
