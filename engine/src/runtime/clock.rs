//! The one place that reads the wall clock and the system's randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_asl::entropy::Entropy;
use stepwell_asl::time::Timestamp;

/// The wall clock, now.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A fresh stream of randomness, from the operating system.
#[must_use]
pub fn entropy() -> Entropy {
    let mut seed = [0; 16];
    if getrandom::fill(&mut seed).is_err() {
        // No randomness at all: the address space layout and the clock still differ from run to run.
        let here = std::ptr::from_ref(&seed).addr() as u64;
        return Entropy::from_seed([here, now().as_micros().unsigned_abs()]);
    }
    let (high, low) = seed.split_at(8);
    let word = |bytes: &[u8]| bytes.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    Entropy::from_seed([word(high), word(low)])
}
