//! The pulse of one running task: when its next sign of life is due.
//!
//! Invariant: the engine never sees a longer silence than the handler kept. A heartbeat that comes too soon
//! after the last one is put off, never dropped, so a handler may call [`TaskContext::heartbeat`] in a tight
//! loop at no cost.
//!
//! [`TaskContext::heartbeat`]: crate::TaskContext::heartbeat

use std::time::Duration;

use tokio::time::Instant;

/// Automatic heartbeats come at this fraction of the time-out: two may be lost before the third is late.
const AUTOMATIC_FRACTION: u32 = 3;

/// Heartbeats that a handler asks for are at least this fraction of the time-out apart.
const ASKED_FRACTION: u32 = 10;

/// However short the time-out, heartbeats are at least this far apart.
const INTERVAL_MIN: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Pulse {
    timeout: Duration,
    automatic: bool,
    last: Instant,
    next: Option<Instant>,
}

impl Pulse {
    /// The pulse of a task that starts now. With `automatic` off only [`Pulse::asked`] makes it beat.
    pub(crate) fn new(timeout: Duration, automatic: bool, now: Instant) -> Self {
        let mut pulse = Self { timeout, automatic, last: now, next: None };
        pulse.beaten(now);
        pulse
    }

    /// When the next heartbeat is due; `None` while the handler keeps silent.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The handler asked for a heartbeat.
    pub(crate) fn asked(&mut self, now: Instant) {
        let soonest = now.max(self.last + interval(self.timeout, ASKED_FRACTION));
        self.next = Some(self.next.map_or(soonest, |next| next.min(soonest)));
    }

    /// A heartbeat was handed to the stream.
    pub(crate) fn beaten(&mut self, now: Instant) {
        self.last = now;
        self.next = self.automatic.then(|| now + interval(self.timeout, AUTOMATIC_FRACTION));
    }
}

fn interval(timeout: Duration, fraction: u32) -> Duration {
    // A time-out beyond a day changes nothing, and keeps the addition to an `Instant` within its range.
    (timeout.min(Duration::from_secs(86_400)) / fraction).max(INTERVAL_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn seconds(start: Instant, pulse: &Pulse) -> Option<u64> {
        pulse.next().map(|at| (at - start).as_secs())
    }

    #[test]
    fn automatic_pulse_beats_at_a_third() {
        let start = Instant::now();
        let mut pulse = Pulse::new(TIMEOUT, true, start);
        assert_eq!(seconds(start, &pulse), Some(10));
        pulse.beaten(start + Duration::from_secs(11));
        assert_eq!(seconds(start, &pulse), Some(21));
    }

    #[test]
    fn manual_pulse_beats_when_asked_and_not_too_often() {
        let start = Instant::now();
        let mut pulse = Pulse::new(TIMEOUT, false, start);
        assert_eq!(seconds(start, &pulse), None);
        pulse.asked(start + Duration::from_secs(1));
        assert_eq!(seconds(start, &pulse), Some(3), "put off, not dropped");
        pulse.beaten(start + Duration::from_secs(3));
        assert_eq!(seconds(start, &pulse), None);
        pulse.asked(start + Duration::from_secs(20));
        assert_eq!(seconds(start, &pulse), Some(20), "long after the last one: at once");
    }

    #[test]
    fn extreme_timeouts_are_tamed() {
        let start = Instant::now();
        assert_eq!(Pulse::new(Duration::ZERO, true, start).next(), Some(start + INTERVAL_MIN));
        assert!(Pulse::new(Duration::MAX, true, start).next().is_some());
    }
}
