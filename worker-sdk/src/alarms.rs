//! Alarms: what is to happen at which moment, for a few hundred things at a time.
//!
//! Invariant: an alarm that was cleared never goes off, so a finished task leaves nothing behind here and
//! the set is never larger than what it was set for. It keeps no clock: the caller brings the time.

use std::collections::BTreeSet;

use tokio::time::Instant;

/// A set of moments, each with the key of what is due then.
#[derive(Debug)]
pub(crate) struct Alarms<K: Ord> {
    due: BTreeSet<(Instant, K)>,
}

impl<K: Ord> Alarms<K> {
    pub(crate) fn new() -> Self {
        Self { due: BTreeSet::new() }
    }

    pub(crate) fn set(&mut self, at: Instant, key: K) {
        self.due.insert((at, key));
    }

    /// Takes an alarm back; `at` is the moment it was set for.
    pub(crate) fn clear(&mut self, at: Instant, key: K) {
        self.due.remove(&(at, key));
    }

    /// When the next alarm goes off.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out one alarm that is due by `now`, the earliest first.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        self.due.pop_first().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_go_off_in_order_and_only_when_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut alarms = Alarms::new();
        alarms.set(at(30), "c");
        alarms.set(at(10), "a");
        alarms.set(at(20), "b");
        alarms.clear(at(20), "b");

        assert_eq!(alarms.next(), Some(at(10)));
        assert_eq!(alarms.pop(at(9)), None);
        assert_eq!(alarms.pop(at(29)), Some("a"));
        assert_eq!(alarms.pop(at(29)), None);
        assert_eq!(alarms.pop(at(30)), Some("c"));
        assert_eq!(alarms.next(), None);
    }
}
