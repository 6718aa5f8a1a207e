//! Who follows which execution, and hears of its events once they are durable.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::Event;
use tokio::sync::mpsc;

use crate::store::Closing;

/// How many transitions a follower may be behind before it is cut off; it then reads the stored history and
/// subscribes again, so slowness costs it time and the engine no memory.
const BEHIND_MAX: usize = 64;

/// The events of one committed transition, shared by all who follow.
#[derive(Debug, Clone)]
pub struct News {
    /// In order.
    pub events: Arc<[Event]>,
    /// Set when the execution has ended with them; the last event then says how.
    pub ended: Option<Closing>,
}

/// Where one follower's news goes.
pub struct Subscription(mpsc::Sender<News>);

impl Subscription {
    /// A subscription, and the end its news comes out of. The end of the channel without an ending means that
    /// the follower was too slow.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<News>) {
        let (sender, receiver) = mpsc::channel(BEHIND_MAX);
        (Self(sender), receiver)
    }
}

/// All followers.
#[derive(Default)]
pub(super) struct Followers(FxHashMap<ExecutionId, Vec<mpsc::Sender<News>>>);

impl Followers {
    pub(super) fn add(&mut self, execution: ExecutionId, subscription: Subscription) {
        self.0.entry(execution).or_default().push(subscription.0);
    }

    /// Tells the followers of an execution; those who are gone or too slow are forgotten.
    pub(super) fn tell(&mut self, execution: ExecutionId, events: &[Event], ended: Option<Closing>) {
        let Some(followers) = self.0.get_mut(&execution) else { return };
        let news = News { events: events.into(), ended };
        followers.retain(|follower| follower.try_send(news.clone()).is_ok());
        if ended.is_some() || followers.is_empty() {
            self.0.remove(&execution);
        }
    }

    /// Cuts off who follows this one: nothing more will be told of it.
    pub(super) fn cut_off(&mut self, execution: ExecutionId) {
        self.0.remove(&execution);
    }

    /// Cuts everybody off: they read the stored history and come back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
