//! A batch, taken apart by table, and the search for the writes in it that can't be made.
//!
//! Invariant: rows stand in the order of their keys, so that a statement walks each table once from left to
//! right. Knows no SQL: both backends write the same rows, each in its own dialect.

use std::ops::Range;

use super::{Closing, HistoryRow, Opening, RowNo, Write, Written};

/// The rows of some writes, by the table they go to.
#[derive(Default)]
pub(super) struct Rows<'a> {
    /// New rows of `execution` and `live`.
    pub(super) openings: Vec<(RowNo, &'a Opening)>,
    /// New rows of `history`.
    pub(super) history: Vec<(RowNo, &'a HistoryRow)>,
    /// Changes of rows of `execution`, whose rows of `live` go.
    pub(super) closings: Vec<(RowNo, Closing)>,
}

impl<'a> Rows<'a> {
    /// Takes writes apart.
    pub(super) fn of(writes: &'a [Write]) -> Self {
        let mut rows = Self::default();
        for write in writes {
            let no = write.execution;
            rows.openings.extend(write.opening.iter().map(|opening| (no, opening)));
            rows.history.extend(write.history.iter().map(|row| (no, row)));
            rows.closings.extend(write.closing.map(|closing| (no, closing)));
        }
        rows.openings.sort_by_key(|(no, _)| *no);
        rows.history.sort_by_key(|(no, row)| (*no, row.version));
        rows.closings.sort_by_key(|(no, _)| *no);
        rows
    }
}

/// Finds the writes that can't be made by halving: a range that fails is tried again as its two halves, from
/// left to right, so that of two writes that exclude each other the first one wins.
pub(super) struct Bisection {
    pending: Vec<Range<usize>>,
    verdicts: Vec<Written>,
}

impl Bisection {
    /// A search in a batch of `len` writes which is known to hold one that can't be made.
    pub(super) fn of(len: usize) -> Self {
        let mut bisection = Self { pending: Vec::new(), verdicts: vec![Written::Committed; len] };
        bisection.split(0..len);
        bisection
    }

    /// The next range to write, all of it or nothing.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.pending.pop()
    }

    /// What became of a range.
    pub(super) fn found(&mut self, range: Range<usize>, written: Written) {
        match written {
            Written::Committed => {}
            Written::NameTaken | Written::VersionConflict if range.len() > 1 => self.split(range),
            Written::NameTaken | Written::VersionConflict => {
                for verdict in self.verdicts.iter_mut().skip(range.start).take(1) {
                    *verdict = written;
                }
            }
        }
    }

    /// What became of each write, when there is no range left.
    pub(super) fn verdicts(self) -> Vec<Written> {
        self.verdicts
    }

    fn split(&mut self, range: Range<usize>) {
        let middle = range.start + range.len() / 2;
        self.pending
            .extend([middle..range.end, range.start..middle].into_iter().filter(|half| !half.is_empty()));
    }
}

/// A count or version as it is stored. One beyond what a database holds is never reached; as a bound in a
/// query it may stand for "all".
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bisects a batch in which the writes at `bad` can't be made; the verdicts and the number of tries.
    fn bisect(len: usize, bad: &[usize]) -> (Vec<usize>, usize) {
        let mut bisection = Bisection::of(len);
        let mut tries = 0;
        let mut end = 0;
        while let Some(range) = bisection.next() {
            tries += 1;
            let written = match bad.iter().any(|index| range.contains(index)) {
                true => Written::VersionConflict,
                false => Written::Committed,
            };
            if written == Written::Committed || range.len() == 1 {
                assert_eq!(range.start, end, "ranges follow each other");
                end = range.end;
            }
            bisection.found(range, written);
        }
        assert_eq!(end, len, "every write was tried");
        let verdicts = bisection.verdicts();
        ((0..len).filter(|index| verdicts[*index] != Written::Committed).collect(), tries)
    }

    #[test]
    fn bisection_finds_exactly_the_writes_that_fail() {
        for (len, bad) in
            [(1, vec![0]), (2, vec![1]), (3, vec![0, 2]), (256, vec![77]), (256, vec![0, 128, 255])]
        {
            assert_eq!(bisect(len, &bad).0, bad);
        }
        let all: Vec<usize> = (0..256).collect();
        assert_eq!(bisect(256, &all), (all, 510));
        assert_eq!(bisect(256, &[100]).1, 16);
    }
}
