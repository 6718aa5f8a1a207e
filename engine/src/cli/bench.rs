//! `stepwell bench`: puts load on a running server and tells what it bears.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::Global;
use super::exit::Exit;
use crate::bench::{self, Footprint, Load, Outcome, Pace, Process};

/// The order saga, as people read it in `definitions/`.
const ORDER_SAGA: &str = include_str!("../../../definitions/order-saga.asl.json");
/// The name the benchmark's definition is deployed under.
const STATE_MACHINE: &str = "stepwell-bench";

/// How much load, and for how long.
#[derive(Args)]
pub(super) struct Arguments {
    /// Keep so many sagas in flight: a closed loop
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    concurrency: u32,
    /// Start so many sagas per second, whatever becomes of them: an open loop
    #[arg(long, conflicts_with = "concurrency", value_parser = positive)]
    rate: Option<f64>,
    /// Seconds to measure
    #[arg(long, default_value_t = 10)]
    duration: u64,
    /// Seconds to run before measuring
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Percent of orders whose payment is refused, so that the saga walks back up
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    failing: u8,
    /// Another definition than the order saga; bring workers for it with --no-workers
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
    /// Start no workers: some are connected already
    #[arg(long)]
    no_workers: bool,
    /// Be the workers (what the benchmark starts as its child)
    #[arg(long, hide = true)]
    be_workers: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("expected a number, found '{text}'"))?;
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err(format!("expected more than 0, found {text}")) }
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    if arguments.be_workers {
        bench::serve(&global.server, stepwell_worker::shutdown_signal()).await?;
        return Ok(Exit::Done.into());
    }
    deploy(&arguments, global).await?;
    let mut workers = if arguments.no_workers { None } else { Some(start_workers(&global.server)?) };
    let watched = Watched::new(&global.server, workers.as_ref());
    let load = Load {
        machine: STATE_MACHINE.to_owned(),
        pace: arguments.rate.map_or(Pace::Concurrency(arguments.concurrency as usize), Pace::PerSecond),
        warmup: Duration::from_secs(arguments.warmup),
        duration: Duration::from_secs(arguments.duration),
        failing: f64::from(arguments.failing) / 100.0,
    };
    let before = watched.footprints();
    let outcome = with_progress(global, &load).await?;
    let after = watched.footprints();
    if let Some(workers) = &mut workers {
        workers.kill().await.context("the workers did not end")?;
    }
    let report = report(&outcome, &before, &after);
    if global.output.is_json() {
        global.output.document(&report)?;
    } else {
        global.output.text(table(&report))?;
    }
    if let Some(error) = &outcome.first_error {
        anyhow::bail!("{} sagas did not end as they should; the first: {error}", outcome.errors);
    }
    Ok(Exit::Done.into())
}

async fn deploy(arguments: &Arguments, global: &Global) -> anyhow::Result<()> {
    let definition = match &arguments.definition {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?
        }
        None => ORDER_SAGA.to_owned(),
    };
    global.client().await?.deploy(STATE_MACHINE.to_owned(), definition).await?;
    Ok(())
}

/// The workers, in a process of their own.
fn start_workers(server: &str) -> anyhow::Result<Child> {
    let this = std::env::current_exe().context("can't find this program")?;
    let mut command = Command::new(this);
    command.args(["bench", "--be-workers", "--server", server]).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().context("can't start the workers")
}

/// The processes whose cost is told.
struct Watched {
    server: Option<Process>,
    workers: Option<Process>,
}

impl Watched {
    fn new(server: &str, workers: Option<&Child>) -> Self {
        let port = server.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok());
        Self { server: port.and_then(bench::serving), workers: workers.and_then(Child::id).map(Process::of) }
    }

    fn footprints(&self) -> Footprints {
        Footprints {
            server: self.server.and_then(Process::footprint),
            workers: self.workers.and_then(Process::footprint),
            clients: Process::of(std::process::id()).footprint(),
        }
    }
}

struct Footprints {
    server: Option<Footprint>,
    workers: Option<Footprint>,
    clients: Option<Footprint>,
}

/// Runs the load, with a bar on a terminal meanwhile.
async fn with_progress(global: &Global, load: &Load) -> anyhow::Result<Outcome> {
    let counted = Arc::new(AtomicU64::new(0));
    let bar = ProgressBar::new((load.warmup + load.duration).as_secs());
    if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {msg}") {
        bar.set_style(style);
    }
    let ticking = async {
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = counted.load(Ordering::Relaxed);
            bar.inc(1);
            bar.set_message(format!("{} sagas/s", now - before));
            before = now;
        }
    };
    let outcome = tokio::select! {
        outcome = bench::run(&global.server, load, counted.clone()) => outcome,
        () = ticking => unreachable!("ticking never ends"),
    };
    bar.finish_and_clear();
    outcome.with_context(|| format!("can't reach a Stepwell server at {}", global.server))
}

/// The document of `--output json`.
fn report(outcome: &Outcome, before: &Footprints, after: &Footprints) -> Value {
    let counted = outcome.latencies.len();
    let all = outcome.finished.max(1);
    let seconds = outcome.elapsed.as_secs_f64();
    let latency = outcome.latencies.clone().percentiles_ms([0.5, 0.9, 0.99, 1.0]);
    let latency =
        latency.map(|[p50, p90, p99, max]| json!({ "p50": p50, "p90": p90, "p99": p99, "max": max }));
    json!({
        "sagas": counted,
        "errors": outcome.errors,
        "seconds": seconds,
        "sagasPerSecond": per(counted as u64, seconds),
        "latencyMs": latency,
        "server": used(before.server, after.server, all),
        "workers": used(before.workers, after.workers, all),
        "clients": used(before.clients, after.clients, all),
    })
}

/// What a process used per saga, warm-up included.
fn used(before: Option<Footprint>, after: Option<Footprint>, sagas: u64) -> Option<Value> {
    let (before, after) = (before?, after?);
    let cpu_us = u64::try_from(after.cpu.saturating_sub(before.cpu).as_micros()).unwrap_or(u64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let sagas = sagas as f64;
    let disk = after
        .disk_bytes
        .zip(before.disk_bytes)
        .map(|(after, before)| per(after.saturating_sub(before), sagas));
    Some(json!({
        "cpuUsPerSaga": per(cpu_us, sagas),
        "rssBytes": after.rss_bytes_peak,
        "diskBytesPerSaga": disk,
    }))
}

fn per(amount: u64, units: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53")]
    let amount = amount as f64;
    (amount / units.max(f64::EPSILON) * 10.0).round() / 10.0
}

/// The same for people.
fn table(report: &Value) -> String {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let mut lines = vec![
        format!(
            "{:.0} sagas in {:.1} s: {:.0} sagas/s",
            number("/sagas"),
            number("/seconds"),
            number("/sagasPerSecond")
        ),
        format!(
            "latency ms   p50 {:.2}   p90 {:.2}   p99 {:.2}   max {:.2}",
            number("/latencyMs/p50"),
            number("/latencyMs/p90"),
            number("/latencyMs/p99"),
            number("/latencyMs/max"),
        ),
    ];
    for who in ["server", "workers", "clients"] {
        if report.get(who).is_some_and(Value::is_object) {
            let mut line = format!(
                "{who:<10}   {:.0} µs CPU per saga, {:.0} MiB",
                number(&format!("/{who}/cpuUsPerSaga")),
                number(&format!("/{who}/rssBytes")) / f64::from(1 << 20),
            );
            if let Some(disk) = report.pointer(&format!("/{who}/diskBytesPerSaga")).and_then(Value::as_f64) {
                line.push_str(&format!(", {disk:.0} bytes on disk per saga"));
            }
            lines.push(line);
        }
    }
    lines.join("\n")
}
