//! The lives of a recorded server: it starts, runs sagas and ends, and does it again on the same disk.

use std::ops::Range;
use std::sync::Arc;

use stepwell_asl::entropy::Entropy;

use super::disk::{Disk, Fate, Files};
use super::record::Record;
use super::recorder::{Loses, Recorder};
use super::workload::{self, Acknowledgement};
use crate::process::Process;

/// A recorded run.
pub struct Run {
    /// What the server did to its files.
    pub record: Record,
    /// What it acknowledged meanwhile, in the order in which it was heard.
    pub acknowledged: Vec<Acknowledgement>,
    /// The entries of the last life while it ran sagas: without starting and ending.
    pub load: Range<usize>,
}

/// How many sagas a server runs before it is killed, and how many its successor runs before it is told to end.
/// The successor finds a write-ahead log that it has to recover.
///
/// # Panics
/// When a saga does not end well, or something went past the recorder.
pub async fn record(loses: Loses, killed_after: usize, ended_after: usize) -> Run {
    let recorder = Arc::new(Recorder::new());
    let (mut server, grpc) = start(&recorder, loses).await;
    let mut acknowledged = workload::run(&recorder, &grpc, 0..killed_after).await;
    server.kill();
    check_complete(&recorder);

    let (server, grpc) = start(&recorder, loses).await;
    let from = recorder.position();
    acknowledged.extend(workload::run(&recorder, &grpc, killed_after..killed_after + ended_after).await);
    let to = recorder.position();
    tokio::task::spawn_blocking(move || server.terminate().ok()).await.expect("the server ends");
    check_complete(&recorder);

    let record = recorder.record();
    let load = record.entries_at(from)..record.entries_at(to);
    Run { record, acknowledged, load }
}

async fn start(recorder: &Arc<Recorder>, loses: Loses) -> (Process, String) {
    let recorder = recorder.clone();
    tokio::task::spawn_blocking(move || recorder.server(loses)).await.expect("the server starts")
}

/// Nothing went past the recorder: the whole record played makes the very files that are there.
fn check_complete(recorder: &Recorder) {
    let record = recorder.record();
    let mut disk = Disk::default();
    record.entries.iter().for_each(|entry| disk.play(entry));
    let played = disk.cut(Fate::Kept, &mut Entropy::from_seed([0, 0]));
    let found = Files::read(&recorder.data());
    assert!(played == found, "the record makes {:?}, found {:?}", played.lengths(), found.lengths());
}
