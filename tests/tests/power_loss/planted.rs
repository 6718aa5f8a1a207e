//! That the harness would see a loss: with planted bugs it does.
//!
//! They are planted in the recorder, which pretends syncs, and not in the engine, which has no way to be unsafe.
//! What the recorder pretends is exactly what SQLite leaves out with `synchronous=NORMAL`: the last test compares
//! the two.

use std::path::Path;
use std::process::Command;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use stepwell_tests::power_loss::check::Fault;
use stepwell_tests::power_loss::life;
use stepwell_tests::power_loss::record::{Entry, Operation};
use stepwell_tests::power_loss::recorder::{Loses, Recorder};
use stepwell_tests::process::Process;

use super::cuts::cut;

/// Sagas of each of the two servers of a run.
const SAGAS: usize = 40;
/// Many more cuts than it takes to find the bug.
const CUTS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_found_when_commits_are_not_synced() {
    let run = life::record(Loses::CommitSyncs, SAGAS, SAGAS).await;
    let findings = cut(&run, CUTS).await;
    let faults: Vec<_> = findings.losses.iter().flat_map(|loss| &loss.faults).collect();
    assert!(faults.iter().any(|fault| matches!(fault, Fault::Lost(_))), "found nothing lost");
    // That is what SQLite promises for NORMAL: old, but sound.
    let damaged = faults.iter().find(|fault| matches!(fault, Fault::Damaged(_)));
    assert_eq!(damaged, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_when_nothing_is_synced() {
    let run = life::record(Loses::Syncs, SAGAS, SAGAS).await;
    let findings = cut(&run, CUTS).await;
    let mut faults = findings.losses.iter().flat_map(|loss| &loss.faults);
    assert!(faults.any(|fault| matches!(fault, Fault::Damaged(_))), "found no damage");
}

#[test]
fn the_planted_bug_is_what_sqlite_leaves_out_with_synchronous_normal() {
    let full = shape_of_commits("FULL", Loses::Nothing);
    let planted = shape_of_commits("FULL", Loses::CommitSyncs);
    let normal = shape_of_commits("NORMAL", Loses::Nothing);
    assert_eq!(planted, normal);
    let syncs = |shape: &[String]| shape.iter().filter(|line| line.contains("Sync")).count();
    assert_eq!(syncs(&full) - syncs(&normal), COMMITS);
}

/// Transactions of `commits_under_the_recorder`, table and rows.
const COMMITS: usize = 21;

/// What a real SQLite does with this setting, without the bytes: they have random salts in them.
fn shape_of_commits(synchronous: &str, loses: Loses) -> Vec<String> {
    let recorder = Recorder::new();
    let mut command = Command::new(std::env::current_exe().expect("a test has an executable"));
    command
        .args(["--exact", "planted::commits_under_the_recorder", "--ignored"])
        .env("SYNCHRONOUS", synchronous)
        .env("DATABASE", recorder.data().join("plain.db"));
    recorder.preload(&mut command, loses);
    let ended = Process::spawn(command).wait().ok();
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
    recorder.record().entries.iter().map(shape).collect()
}

fn shape(entry: &Entry) -> String {
    match &entry.operation {
        Operation::Write { offset, data } => format!("{} Write {offset} {}", entry.file, data.len()),
        operation
        @ (Operation::Create | Operation::Truncate { .. } | Operation::Sync | Operation::Unlink) => {
            format!("{} {operation:?}", entry.file)
        }
    }
}

#[tokio::test]
#[ignore = "it is run in a process of its own, by the test above"]
async fn commits_under_the_recorder() {
    let (Ok(database), Ok(synchronous)) = (std::env::var("DATABASE"), std::env::var("SYNCHRONOUS")) else {
        return;
    };
    let mut connection = connect(Path::new(&database), synchronous.parse().expect("a setting")).await;
    let mut run = async |sql: &'static str| {
        sqlx::query(sql).execute(&mut connection).await.expect("it runs");
    };
    run("CREATE TABLE counted (number INTEGER PRIMARY KEY)").await;
    for number in 1..COMMITS {
        run("INSERT INTO counted DEFAULT VALUES").await;
        if number == COMMITS / 2 {
            run("PRAGMA wal_checkpoint(PASSIVE)").await;
        }
    }
    connection.close().await.expect("it closes");
}

/// Opens a database as the engine does, but for this setting.
async fn connect(database: &Path, synchronous: SqliteSynchronous) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", "0");
    options.connect().await.expect("a database")
}
