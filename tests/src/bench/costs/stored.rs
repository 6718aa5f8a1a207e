//! What executions that have ended cost those that come after them: the start of a server, and each saga.
//!
//! Invariant: what is measured at a size is measured on a copy, so that measuring does not change the size.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::bench::contender::{Length, Load};
use crate::bench::figures::{Figures, Spread, grouped, number, spread};
use crate::bench::stepwell::bench;
use crate::bench::table::Table;
use crate::bench::{Settings, say};
use crate::process::Server;

/// Starts per second while the database is filled: so many that it does not take long, so few that a server keeps
/// up with them.
const FILL_PER_SECOND: f64 = 2_500.0;
/// The longest run that fills, in seconds.
const FILL_SECONDS_MAX: f64 = 20.0;
/// Starts per second while the cost of one is measured: hardly any, beside those that are stored.
const PACE: f64 = 500.0;
/// How long that takes.
const PACED: Length = Length { warmup: 1, seconds: 4 };
/// Sagas in flight while the peak is measured.
const IN_FLIGHT: u32 = 64;
/// How long that takes: it stores many more.
const PEAK: Length = Length { warmup: 0, seconds: 2 };

/// One measurement at one size.
struct Sample {
    start_ms: f64,
    restart_ms: f64,
    paced: Figures,
    peak: Figures,
}

/// Fills one database more and more, and measures at each size.
pub(super) fn growth(settings: &Settings) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("stepwell.db");
    let mut table = Table::new([
        "stored executions",
        "start to ready line, ms",
        "the same after kill -9, ms",
        "server CPU µs per saga, 500/s",
        "p50 ms, 500/s",
        "p99 ms, 500/s",
        "sagas/s, 64 in flight",
        "server RSS MiB",
        "database MiB",
    ]);
    let mut stored = 0.0;
    for size in settings.plan.stored.iter().copied() {
        say(&format!("stored executions: filling to {size}"));
        fill(&file, &mut stored, size as f64)?;
        let samples: anyhow::Result<Vec<Sample>> =
            (0..settings.plan.repeats).map(|_| sample(&file)).collect();
        let samples = samples?;
        let of = |figure: fn(&Sample) -> Option<f64>| spread(Spread::of(samples.iter().filter_map(figure)));
        table.row([
            grouped(stored),
            of(|sample| Some(sample.start_ms)),
            of(|sample| Some(sample.restart_ms)),
            of(|sample| sample.paced.server_us),
            of(|sample| sample.paced.p50_ms),
            of(|sample| sample.paced.p99_ms),
            of(|sample| Some(sample.peak.per_second)),
            of(|sample| sample.paced.rss_mib),
            number(std::fs::metadata(&file)?.len() as f64 / f64::from(1 << 20)),
        ]);
    }
    Ok(format!("All stored executions have ended; the database is in the page cache.\n\n{table}"))
}

/// Runs sagas until about so many are stored.
fn fill(file: &Path, stored: &mut f64, size: f64) -> anyhow::Result<()> {
    let server = start(file);
    while size - *stored >= 1.0 {
        let missing = size - *stored;
        let seconds = (missing / FILL_PER_SECOND).clamp(1.0, FILL_SECONDS_MAX).ceil();
        let length = Length { warmup: 0, seconds: seconds as u64 };
        let run = bench(&server, Load::PerSecond((missing / seconds).clamp(1.0, FILL_PER_SECOND)), length);
        anyhow::ensure!(run.finished > 0.0, "expected sagas to end, found none that did");
        *stored += run.finished;
    }
    anyhow::ensure!(server.terminate().code == Some(0), "expected the server to end in order");
    Ok(())
}

fn sample(file: &Path) -> anyhow::Result<Sample> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("stepwell.db");
    std::fs::copy(file, &copy).with_context(|| format!("can't copy {}", file.display()))?;
    let (mut server, start_ms) = timed(&copy);
    let paced = bench(&server, Load::PerSecond(PACE), PACED);
    let peak = bench(&server, Load::InFlight(IN_FLIGHT), PEAK);
    server.kill();
    let (_server, restart_ms) = timed(&copy);
    Ok(Sample { start_ms, restart_ms, paced, peak })
}

/// A server, and how many milliseconds it took until it was ready.
fn timed(file: &Path) -> (Server, f64) {
    let since = Instant::now();
    let server = start(file);
    (server, since.elapsed().as_secs_f64() * 1_000.0)
}

fn start(file: &Path) -> Server {
    Server::start_with(Some(format!("sqlite://{}", file.display())), &[])
}
