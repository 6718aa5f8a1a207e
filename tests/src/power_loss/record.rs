//! What was recorded: operations on files, in the order in which they were done, and what they say about
//! SQLite's write-ahead log.

use std::ops::Range;

/// The header of SQLite's write-ahead log.
const LOG_HEADER_BYTES: u64 = 32;
/// The header of a frame in it, which SQLite writes by itself, before the page.
const FRAME_HEADER_BYTES: usize = 24;

/// One operation on one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It was opened and made if it was not there.
    Create,
    /// Bytes were written at an offset.
    Write {
        /// Where the first byte went.
        offset: u64,
        /// What was written.
        data: Vec<u8>,
    },
    /// It was given this length.
    Truncate {
        /// In bytes.
        length: u64,
    },
    /// All that was written before is on the disk.
    Sync,
    /// It was removed.
    Unlink,
}

/// One entry of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry ends in the log: whoever saw the log this long knows that the operation was done.
    pub end: u64,
    /// The file's name in the recorded folder.
    pub file: String,
    /// What was done.
    pub operation: Operation,
}

/// All entries of a run.
#[derive(Debug)]
pub struct Record {
    /// In the order in which they were done.
    pub entries: Vec<Entry>,
}

/// The syncs and commits of a part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Syncs {
    /// Transactions that were committed.
    pub commits: usize,
    /// Times the write-ahead log was begun anew.
    pub log_begun: usize,
    /// Syncs of the write-ahead log.
    pub log_synced: usize,
    /// Checkpoints: syncs of the database itself.
    pub checkpoints: usize,
}

impl Record {
    /// Reads a log. An entry that a killed process did not finish is left out.
    ///
    /// # Panics
    /// When it is not the log of a recorder.
    #[must_use]
    pub fn parse(mut log: &[u8]) -> Self {
        let whole = log.len();
        let mut entries = Vec::new();
        while let Some((file, operation)) = next(&mut log) {
            entries.push(Entry { end: (whole - log.len()) as u64, file, operation });
        }
        Self { entries }
    }

    /// How many entries were complete when the log had this length.
    #[must_use]
    pub fn entries_at(&self, position: u64) -> usize {
        self.entries.partition_point(|entry| entry.end <= position)
    }

    /// What was committed and synced in a range of entries.
    #[must_use]
    pub fn syncs(&self, range: Range<usize>) -> Syncs {
        let mut syncs = Syncs::default();
        for entry in self.entries.get(range).unwrap_or_default() {
            if entry.is_of_log() {
                syncs.commits += usize::from(entry.commits());
                syncs.log_begun += usize::from(entry.begins_log());
                syncs.log_synced += usize::from(entry.operation == Operation::Sync);
            } else if entry.is_of_database() {
                syncs.checkpoints += usize::from(entry.operation == Operation::Sync);
            }
        }
        syncs
    }
}

impl Entry {
    fn is_of_log(&self) -> bool {
        self.file.ends_with("-wal")
    }

    fn is_of_database(&self) -> bool {
        self.file.ends_with(".db")
    }

    fn begins_log(&self) -> bool {
        self.is_of_log() && matches!(self.operation, Operation::Write { offset: 0, .. })
    }

    /// Whether it belongs to a checkpoint: it copies the write-ahead log into the database, or empties the log,
    /// or begins it anew.
    #[must_use]
    pub fn is_of_checkpoint(&self) -> bool {
        let empties_log = self.is_of_log() && matches!(self.operation, Operation::Truncate { .. });
        self.is_of_database() || empties_log || self.begins_log()
    }

    /// Whether it is the header of a frame that ends a transaction: such a one has the size of the database,
    /// which is not zero, as its second word.
    fn commits(&self) -> bool {
        let Operation::Write { offset: LOG_HEADER_BYTES.., data } = &self.operation else { return false };
        data.len() == FRAME_HEADER_BYTES && data.get(4..8) != Some(&[0; 4])
    }
}

/// Takes one entry from the front of a log, laid out as `struct entry` in the recorder.
fn next(log: &mut &[u8]) -> Option<(String, Operation)> {
    let mut rest = *log;
    let mut number = || {
        let (bytes, behind) = rest.split_first_chunk::<8>()?;
        rest = behind;
        Some(u64::from_ne_bytes(*bytes))
    };
    let [kind, offset, name_length, data_length] = [number()?, number()?, number()?, number()?];
    let (name, rest) = rest.split_at_checked(usize::try_from(name_length).ok()?)?;
    let (data, rest) = rest.split_at_checked(usize::try_from(data_length).ok()?)?;
    let operation = match kind {
        1 => Operation::Create,
        2 => Operation::Write { offset, data: data.to_vec() },
        3 => Operation::Truncate { length: offset },
        4 => Operation::Sync,
        5 => Operation::Unlink,
        unknown => panic!("expected an operation from 1 to 5, found {unknown}"),
    };
    *log = rest;
    Some((String::from_utf8_lossy(name).into_owned(), operation))
}
