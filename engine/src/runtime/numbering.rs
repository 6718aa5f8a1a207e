//! The places of executions: ascending in the order of their starts.

use stepwell_asl::time::Timestamp;

use crate::store::RowNo;

/// Starts within one millisecond that still get places of that millisecond; more borrow from the next.
const PER_MILLISECOND_BITS: u32 = 20;

/// Gives out places: the millisecond of the start, then a count. No database is asked, and rows of executions
/// that start together lie together.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    last: i64,
}

impl Numbering {
    /// Continues behind a place that is taken, should the clock have gone back since.
    pub(super) fn continue_behind(&mut self, taken: RowNo) {
        self.last = self.last.max(taken.0);
    }

    pub(super) fn next(&mut self, now: Timestamp) -> RowNo {
        let of_now = now.as_millis().max(0) << PER_MILLISECOND_BITS;
        self.last = of_now.max(self.last + 1);
        RowNo(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_only_ascend() {
        let mut numbering = Numbering::default();
        numbering.continue_behind(RowNo(5 << 20));
        let places: Vec<_> = [4_000, 4_000, 6_000, 6_000, 5_000]
            .map(|micros| numbering.next(Timestamp::from_micros(micros)).0)
            .into();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert_eq!(places[2], 6 << 20);
    }
}
