//! The loop of the floor: hear, commit, answer. It decides nothing and remembers a number per saga.
//!
//! Invariant: as in the engine, nothing is answered before the batch it belongs to is on disk.

use std::collections::HashMap;
use std::sync::Arc;

use prost::bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::disk::Disk;
use super::outbox::Outbox;

/// Most requests in one commit, as in the engine.
const BATCH_MAX: usize = 256;

/// One request.
pub(super) struct Ask {
    pub(super) saga: u64,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// A start, and whom to tell that it is durable.
    Start(Reply),
    /// Whom to tell of the end.
    Follow(Reply),
    /// The outcome of this task.
    Answer(u8),
}

/// Who waits for an answer.
pub(super) enum Reply {
    /// A client that says everything on one stream, and knows its request by a token.
    Stream(Arc<Outbox>, Bytes),
    /// A call.
    Call(oneshot::Sender<()>),
}

impl Reply {
    fn tell(self) {
        match self {
            Self::Stream(outbox, token) => outbox.put(|mail| mail.replies.push(token)),
            // Whoever called may have gone.
            Self::Call(call) => drop(call.send(())),
        }
    }
}

#[derive(Default)]
struct Saga {
    follower: Option<Reply>,
    ended: bool,
}

/// Runs until nobody can ask any more.
///
/// # Errors
/// When the disk fails.
pub(super) fn run(
    mut mailbox: mpsc::Receiver<Ask>,
    workers: &Outbox,
    mut disk: Disk,
    rows: &[usize],
) -> anyhow::Result<()> {
    let mut sagas = HashMap::new();
    let mut asks = Vec::with_capacity(BATCH_MAX);
    while mailbox.blocking_recv_many(&mut asks, BATCH_MAX) > 0 {
        let written = asks.iter().filter_map(|ask| match ask.kind {
            Kind::Start(_) => rows.first(),
            Kind::Answer(step) => rows.get(usize::from(step) + 1),
            Kind::Follow(_) => None,
        });
        disk.commit(&written.copied().collect::<Vec<_>>())?;
        for ask in asks.drain(..) {
            act(&mut sagas, workers, ask, rows.len() - 1);
        }
        workers.flush();
    }
    Ok(())
}

fn act(sagas: &mut HashMap<u64, Saga>, workers: &Outbox, Ask { saga, kind }: Ask, tasks: usize) {
    match kind {
        Kind::Start(reply) => {
            sagas.insert(saga, Saga::default());
            workers.hold(|mail| mail.tasks.push((saga, 0)));
            reply.tell();
        }
        Kind::Follow(reply) => match sagas.get_mut(&saga) {
            Some(running) if !running.ended => running.follower = Some(reply),
            Some(_) | None => {
                sagas.remove(&saga);
                reply.tell();
            }
        },
        Kind::Answer(step) => {
            workers.hold(|mail| mail.receipts.push((saga, step)));
            if usize::from(step) + 1 < tasks {
                workers.hold(|mail| mail.tasks.push((saga, step + 1)));
            } else if let Some(running) = sagas.get_mut(&saga) {
                running.ended = true;
                if let Some(follower) = running.follower.take() {
                    sagas.remove(&saga);
                    follower.tell();
                }
            }
        }
    }
}
