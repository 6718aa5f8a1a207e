//! What executions that have ended cost those that come after them: the start of a server, and each saga.

use std::time::Instant;

use crate::bench::contender::{Length, Load};
use crate::bench::figures::{Figures, Spread, grouped, number, spread};
use crate::bench::stepwell::bench;
use crate::bench::table::Table;
use crate::bench::{Settings, say};
use crate::process::Server;

/// Sagas in flight while the database is filled, and while it is measured.
const IN_FLIGHT: u32 = 64;
/// Seconds of one run that fills.
const FILL_SECONDS: u64 = 5;

/// Fills one database more and more, and measures at each size.
pub(super) fn growth(settings: &Settings) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("stepwell.db");
    let url = format!("sqlite://{}", file.display());
    let start = || Server::start_with(Some(url.clone()), &[]);
    let mut table = Table::new([
        "stored executions",
        "start to ready line, ms",
        "the same after kill -9, ms",
        "sagas/s (64 in flight)",
        "server CPU µs per saga",
        "server RSS MiB",
        "database MiB",
    ]);
    let mut stored = 0.0;
    for size in settings.plan.stored.iter().copied() {
        say(&format!("stored executions: filling to {size}"));
        let server = start();
        while stored < size as f64 {
            stored += fill(&server);
        }
        let _ = server.terminate().ok();
        let starts: Vec<f64> = (0..settings.plan.repeats).map(|_| timed(start)).collect();
        let mut server = start();
        let mut runs = Vec::new();
        let mut restarts = Vec::new();
        for _ in 0..settings.plan.repeats {
            let run = bench(&server, Load::InFlight(IN_FLIGHT), settings.plan.run);
            stored += run.per_second * (settings.plan.run.warmup + settings.plan.run.seconds) as f64;
            runs.push(run);
            server.kill();
            let since = Instant::now();
            server = start();
            restarts.push(since.elapsed().as_secs_f64() * 1_000.0);
        }
        let _ = server.terminate().ok();
        let of = |figure: fn(&Figures) -> Option<f64>| spread(Spread::of(runs.iter().filter_map(figure)));
        table.row([
            grouped(size as f64),
            spread(Spread::of(starts)),
            spread(Spread::of(restarts)),
            of(|run| Some(run.per_second)),
            of(|run| run.server_us),
            of(|run| run.rss_mib),
            number(std::fs::metadata(&file)?.len() as f64 / f64::from(1 << 20)),
        ]);
    }
    Ok(format!("The same database, fuller each time; all stored executions have ended.\n\n{table}"))
}

/// Runs sagas for a while; about how many have ended.
fn fill(server: &Server) -> f64 {
    let run = bench(server, Load::InFlight(IN_FLIGHT), Length { warmup: 0, seconds: FILL_SECONDS });
    run.per_second * FILL_SECONDS as f64
}

/// Milliseconds until a server is ready, which then ends in order.
fn timed(start: impl Fn() -> Server) -> f64 {
    let since = Instant::now();
    let server = start();
    let took = since.elapsed();
    let _ = server.terminate().ok();
    took.as_secs_f64() * 1_000.0
}
