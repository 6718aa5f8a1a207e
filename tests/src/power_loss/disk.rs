//! A disk, as far as a record was played on it, and what a power cut leaves of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use stepwell_asl::entropy::Entropy;

use super::record::{Entry, Operation};

/// The piece that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
/// Of SQLite: the most that it writes at once, and so the most that a torn write keeps.
const SECTORS_OF_A_PAGE: usize = 8;

/// What a cut does to what was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All of it is there: as good as no cut.
    Kept,
    /// Nothing of it is there.
    Lost,
    /// It is there up to some write, which may be torn.
    CutOff,
    /// Each write is there or not, whatever became of those before it.
    Reordered,
    /// Each sector of each write is there or not.
    Torn,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 5] = [Self::Kept, Self::Lost, Self::CutOff, Self::Reordered, Self::Torn];
}

/// The files of a folder, by their names, as a process that starts after the cut finds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Reads the files of a folder, but for SQLite's `-shm`, which nobody reads after a cut.
    ///
    /// # Panics
    /// When they can't be read.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
        let files = entries.filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            (!name.ends_with("-shm")).then(|| (name, std::fs::read(&path).expect("a readable file")))
        });
        Self(files.collect())
    }

    /// Writes them into a folder.
    ///
    /// # Panics
    /// When they can't be written.
    pub fn write(&self, folder: &Path) {
        for (name, bytes) in &self.0 {
            std::fs::write(folder.join(name), bytes).expect("a file can be written");
        }
    }

    /// Their names and lengths.
    #[must_use]
    pub fn lengths(&self) -> Vec<(&str, usize)> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect()
    }
}

/// A file: what is on the disk for sure, and what was done to it since.
#[derive(Default)]
struct File<'a> {
    synced: Vec<u8>,
    unsynced: Vec<&'a Operation>,
}

/// A disk while a record is played on it.
#[derive(Default)]
pub struct Disk<'a> {
    files: BTreeMap<&'a str, File<'a>>,
}

impl<'a> Disk<'a> {
    /// Plays one entry.
    ///
    /// # Panics
    /// When the entry is about a file that is not there.
    pub fn play(&mut self, entry: &'a Entry) {
        let name = entry.file.as_str();
        match &entry.operation {
            Operation::Create => {
                self.files.entry(name).or_default();
            }
            Operation::Unlink => {
                self.files.remove(name);
            }
            Operation::Sync => self.file(entry).sync(),
            operation @ (Operation::Write { .. } | Operation::Truncate { .. }) => {
                self.file(entry).unsynced.push(operation);
            }
        }
    }

    fn file(&mut self, entry: &Entry) -> &mut File<'a> {
        let file = self.files.get_mut(entry.file.as_str());
        file.unwrap_or_else(|| panic!("expected {} to be there, for {:?}", entry.file, entry.operation))
    }

    /// How many operations a cut could undo.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.files.values().map(|file| file.unsynced.len()).sum()
    }

    /// What a cut at this moment leaves.
    #[must_use]
    pub fn cut(&self, fate: Fate, entropy: &mut Entropy) -> Files {
        let left = self.files.iter().map(|(name, file)| ((*name).to_owned(), file.cut(fate, entropy)));
        Files(left.collect())
    }
}

impl File<'_> {
    fn sync(&mut self) {
        for operation in self.unsynced.drain(..) {
            apply(operation, &mut self.synced, |_| true);
        }
    }

    fn cut(&self, fate: Fate, entropy: &mut Entropy) -> Vec<u8> {
        let mut left = self.synced.clone();
        // How likely a write or a sector is to be there: nearly all of them or nearly none is worth a look too.
        let likely = entropy.next_fraction();
        let whole_until = match fate {
            Fate::Kept => self.unsynced.len(),
            Fate::CutOff => below(self.unsynced.len() + 1, entropy),
            Fate::Lost | Fate::Reordered | Fate::Torn => 0,
        };
        for (number, operation) in self.unsynced.iter().enumerate() {
            match fate {
                _ if number < whole_until => apply(operation, &mut left, |_| true),
                Fate::CutOff if number == whole_until => {
                    let kept = below(SECTORS_OF_A_PAGE + 1, entropy);
                    apply(operation, &mut left, |sector| sector < kept);
                }
                Fate::Kept | Fate::Lost | Fate::CutOff => {}
                Fate::Reordered if entropy.next_fraction() < likely => apply(operation, &mut left, |_| true),
                Fate::Reordered => {}
                Fate::Torn => apply(operation, &mut left, |_| entropy.next_fraction() < likely),
            }
        }
        left
    }
}

/// A number from 0, less than this one.
pub(super) fn below(end: usize, entropy: &mut Entropy) -> usize {
    let drawn = entropy.next_in(0, i64::try_from(end).unwrap_or(i64::MAX));
    usize::try_from(drawn).unwrap_or(0)
}

/// Does to a file what is there of an operation: of a write, those of its sectors, counted from 0, that are
/// kept; of a truncation, the whole when its only sector is.
fn apply(operation: &Operation, bytes: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
    let place = |offset: u64| usize::try_from(offset).expect("a file fits the memory");
    match operation {
        Operation::Write { offset, data } => {
            let offset = place(*offset);
            for (number, sector) in sectors(offset..offset + data.len()).enumerate() {
                if is_kept(number) {
                    bytes.resize(bytes.len().max(sector.end), 0);
                    bytes[sector.clone()].copy_from_slice(&data[sector.start - offset..sector.end - offset]);
                }
            }
        }
        Operation::Truncate { length } => {
            if is_kept(0) {
                bytes.resize(place(*length), 0);
            }
        }
        Operation::Create | Operation::Sync | Operation::Unlink => {}
    }
}

/// The pieces of a range that lie in one sector each.
fn sectors(mut rest: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let end = rest.end.min((rest.start / SECTOR_BYTES + 1) * SECTOR_BYTES);
        let sector = rest.start..end;
        rest.start = end;
        (!sector.is_empty()).then_some(sector)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(operation: Operation) -> Entry {
        Entry { end: 0, file: "a".to_owned(), operation }
    }

    fn written(offset: u64, byte: u8, length: usize) -> Entry {
        entry(Operation::Write { offset, data: vec![byte; length] })
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_has_its_fate() {
        let record = [
            entry(Operation::Create),
            written(0, 1, 700),
            entry(Operation::Sync),
            written(500, 2, 700),
            entry(Operation::Truncate { length: 1_100 }),
        ];
        let mut disk = Disk::default();
        record.iter().for_each(|entry| disk.play(entry));
        assert_eq!(disk.unsynced(), 2);

        let synced = vec![1; 700];
        let kept = [vec![1; 500], vec![2; 600]].concat();
        let mut entropy = Entropy::from_seed([1, 2]);
        let mut seen = std::collections::BTreeSet::new();
        for fate in Fate::ALL {
            for _ in 0..200 {
                let left = disk.cut(fate, &mut entropy).0.remove("a").expect("a file that was made is there");
                match fate {
                    Fate::Kept => assert_eq!(left, kept),
                    Fate::Lost => assert_eq!(left, synced),
                    Fate::CutOff | Fate::Reordered | Fate::Torn => {
                        assert_eq!(left[..500], kept[..500], "what was synced and not written again");
                        seen.insert((fate as u8, left));
                    }
                }
            }
        }
        let count = |fate: Fate| seen.iter().filter(|(of, _)| *of == fate as u8).count();
        // Cut off: none to three sectors of the write, and with the truncation. Reordered: each of the two or not.
        // Torn: each of the three sectors, and the truncation, or not.
        assert_eq!((count(Fate::CutOff), count(Fate::Reordered), count(Fate::Torn)), (5, 4, 16));
    }
}
