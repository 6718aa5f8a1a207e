//! A server without a planted bug: nothing is lost, and a commit costs one sync.

use stepwell_asl::entropy::Entropy;
use stepwell_tests::power_loss::cuts::{self, Findings};
use stepwell_tests::power_loss::life::{self, Run};
use stepwell_tests::power_loss::recorder::Loses;

/// Sagas of the server that is killed.
const SAGAS_BEFORE: usize = 40;
/// Enough sagas that the write-ahead log is copied into the database and begun anew while they run.
const SAGAS: usize = 400;
/// Cuts in a run of the suite.
const CUTS: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_the_power() {
    let run = life::record(Loses::Nothing, SAGAS_BEFORE, SAGAS).await;
    check_syncs(&run);
    let cuts = std::env::var("STEPWELL_CUTS").map(|cuts| cuts.parse().expect("STEPWELL_CUTS is a number"));
    let findings = cut(&run, cuts.unwrap_or(CUTS)).await;
    if let Some(loss) = findings.losses.first() {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        loss.files.write(&folder);
        panic!("{:?}: {:#?}\nthe disk after it is in {}", loss.cut, loss.faults, folder.display());
    }
}

/// A commit costs one sync, and whoever is in flight together shares it.
fn check_syncs(run: &Run) {
    let syncs = run.record.syncs(run.load.clone());
    println!("{} acknowledgements in all; while sagas ran: {syncs:?}", run.acknowledged.len());
    assert!(
        syncs.checkpoints > 0 && syncs.log_begun > 1,
        "expected the log to be copied and begun anew while sagas run: more of them are needed"
    );
    // Each checkpoint syncs the log before it copies it, and each beginning syncs the log's header. A checkpoint
    // that a reader cuts short syncs the log only: there may be one of those.
    let for_commits = syncs.log_synced - syncs.checkpoints - syncs.log_begun;
    assert!((syncs.commits..=syncs.commits + 1).contains(&for_commits), "expected one sync for each commit");
    assert!(syncs.commits < run.acknowledged.len());
}

/// Looks at so many cuts of a run, and says what it looked at.
pub(super) async fn cut(run: &Run, count: usize) -> Findings {
    let seed = match std::env::var("STEPWELL_SEED") {
        Ok(seed) => seed.parse().expect("STEPWELL_SEED is a number"),
        Err(_) => stepwell_engine::runtime::clock::now().as_micros().unsigned_abs(),
    };
    println!("STEPWELL_SEED={seed}");
    let cuts = cuts::choose(&run.record, count, &mut Entropy::from_seed([seed, 11]));
    let findings = cuts::look(&run.record, &cuts, &run.acknowledged).await;
    let (operations, losses) = (run.record.entries.len(), findings.losses.len());
    println!(
        "{count} cuts of {operations} operations; {} undid something, {losses} did harm",
        findings.undone
    );
    assert!(findings.undone > count / 4, "too few cuts undid something to mean anything");
    findings
}
