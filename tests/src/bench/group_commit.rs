//! The part `disk`: the rows of the order saga in bare group commit, without a wire.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::figures::{Spread, spread};
use super::floor::disk::{Disk, Medium};
use super::floor::saga::Saga;
use super::table::Table;
use super::{Settings, say};

/// Rows in one commit.
const BATCHES: [usize; 4] = [1, 16, 64, 256];

/// Runs and writes the part.
///
/// # Errors
/// When the disk fails.
pub fn group_commit(settings: &Settings, runtime: &Runtime) -> anyhow::Result<String> {
    let saga = runtime.block_on(Saga::record())?;
    let mut table = Table::new(["rows per commit", "where", "commits/s", "rows/s", "that is sagas/s"]);
    for batch in BATCHES {
        let batch_rows: Vec<usize> = saga.rows.iter().copied().cycle().take(batch).collect();
        for (medium, name) in
            [(Medium::Log, "append and fdatasync"), (Medium::Sqlite, "SQLite, WAL, synchronous=FULL")]
        {
            say(&format!("group commit: {batch} rows, {name}"));
            let during = Duration::from_secs(settings.plan.run.seconds.min(3));
            let rates: anyhow::Result<Vec<f64>> =
                (0..settings.plan.repeats).map(|_| commits_per_second(medium, &batch_rows, during)).collect();
            let rates = rates?;
            let of = |factor: f64| spread(Spread::of(rates.iter().map(|rate| rate * factor)));
            let rows = batch as f64;
            let sagas = rows / saga.rows.len() as f64;
            table.row([batch.to_string(), name.to_owned(), of(1.0), of(rows), of(sagas)]);
        }
    }
    Ok(format!(
        "One writer, nothing else to do. Rows have the sizes of the order saga's ({} per saga).\n\n{table}",
        saga.rows.len()
    ))
}

fn commits_per_second(medium: Medium, rows: &[usize], during: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut disk = Disk::create(medium, folder.path())?;
    let since = Instant::now();
    let mut commits = 0_u32;
    while since.elapsed() < during {
        disk.commit(rows)?;
        commits += 1;
    }
    Ok(f64::from(commits) / since.elapsed().as_secs_f64())
}
