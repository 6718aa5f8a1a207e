//! At which moments of a record the power is cut, and the disks that the cuts leave.

use std::sync::Arc;

use futures::StreamExt;
use stepwell_asl::entropy::Entropy;

use super::check::{Fault, Promises, check};
use super::disk::{Disk, Fate, Files, below};
use super::record::{Entry, Operation, Record};
use super::workload::Acknowledgement;

/// Disks that are looked at together.
const TOGETHER: usize = 4;
/// How far around an interesting moment the power is cut, in entries.
const NEAR: i64 = 6;

/// One cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// How many entries of the record were done before it.
    pub entries: usize,
    /// What became of those that were not synced.
    pub fate: Fate,
    seed: [u64; 2],
}

/// What was found wrong after a cut.
#[derive(Debug)]
pub struct Loss {
    /// The cut.
    pub cut: Cut,
    /// The disk, as the cut left it.
    pub files: Arc<Files>,
    /// What is wrong with it; never empty.
    pub faults: Vec<Fault>,
}

/// What came of many cuts.
#[derive(Debug, Default)]
pub struct Findings {
    /// Cuts that undid something: not all was synced, and not all of it kept.
    pub undone: usize,
    /// Cuts after which something is wrong, in the order of their moments.
    pub losses: Vec<Loss>,
}

/// Chooses cuts, in the order of their moments: half of them anywhere, a quarter just before a sync, where most
/// is at stake, and a quarter around checkpoints.
#[must_use]
pub fn choose(record: &Record, count: usize, entropy: &mut Entropy) -> Vec<Cut> {
    let where_it = |fits: fn(&Entry) -> bool| -> Vec<usize> {
        let numbered = record.entries.iter().enumerate();
        numbered.filter(|(_, entry)| fits(entry)).map(|(number, _)| number).collect()
    };
    let syncs = where_it(|entry| entry.operation == Operation::Sync);
    let checkpoints = where_it(Entry::is_of_checkpoint);
    let mut cuts: Vec<_> = (0..count)
        .map(|number| {
            let entries = match number % 4 {
                0 | 1 => below(record.entries.len() + 1, entropy),
                2 => one_of(&syncs, entropy),
                _ => one_of(&checkpoints, entropy).saturating_add_signed(
                    isize::try_from(entropy.next_in(-NEAR, NEAR + 1)).expect("a small number"),
                ),
            };
            let fate = Fate::ALL[below(Fate::ALL.len(), entropy)];
            let entries = entries.min(record.entries.len());
            Cut { entries, fate, seed: [entropy.next_u64(), entropy.next_u64()] }
        })
        .collect();
    cuts.sort_by_key(|cut| cut.entries);
    cuts
}

fn one_of(numbers: &[usize], entropy: &mut Entropy) -> usize {
    numbers.get(below(numbers.len(), entropy)).copied().unwrap_or_default()
}

/// Plays a record, cuts the power, and checks what every cut leaves.
///
/// # Panics
/// When a check does.
pub async fn look(record: &Record, cuts: &[Cut], acknowledged: &[Acknowledgement]) -> Findings {
    let mut disk = Disk::default();
    let mut entries = record.entries.iter();
    let mut played = 0;
    let mut position = 0;
    let mut findings = Findings::default();
    let undone = &mut findings.undone;
    let disks = cuts.iter().map(|cut| {
        for entry in entries.by_ref().take(cut.entries - played) {
            disk.play(entry);
            position = entry.end;
        }
        played = cut.entries;
        *undone += usize::from(cut.fate != Fate::Kept && disk.unsynced() > 0);
        let files = disk.cut(cut.fate, &mut Entropy::from_seed(cut.seed));
        (*cut, Arc::new(files), Promises::by(position, acknowledged))
    });
    let looks = futures::stream::iter(disks).map(|(cut, files, promises)| async move {
        let looked_at = files.clone();
        let faults = tokio::spawn(async move { check(&looked_at, &promises).await }).await;
        Loss { cut, files, faults: faults.expect("a check does not panic") }
    });
    let losses = looks.buffered(TOGETHER).filter(|loss| std::future::ready(!loss.faults.is_empty()));
    findings.losses = losses.collect().await;
    findings
}
