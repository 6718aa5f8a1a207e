//! Stepwell itself, measured by its own `stepwell bench`.

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Runtime;

use super::contender::{Contender, Length, Load, Running};
use super::figures::Figures;
use super::processes::{self, Tree};
use crate::postgres::{DurablePostgres, Postgres};
use crate::process::Server;

/// Which database is behind it.
#[derive(Clone)]
pub enum Backend {
    /// A file of its own.
    Sqlite,
    /// A private server that waits for the disk, and what runs the calls to it.
    Postgres(Arc<Runtime>),
}

/// Stepwell on a database.
pub struct Stepwell(pub Backend);

impl Contender for Stepwell {
    fn name(&self) -> String {
        match self.0 {
            Backend::Sqlite => "Stepwell, SQLite".to_owned(),
            Backend::Postgres(_) => "Stepwell, Postgres".to_owned(),
        }
    }

    fn start(&self) -> anyhow::Result<Box<dyn Running>> {
        let postgres = match &self.0 {
            Backend::Sqlite => None,
            Backend::Postgres(runtime) => Some(runtime.block_on(Postgres::durable_database())),
        };
        let server = Server::start_with(postgres.as_ref().map(|postgres| postgres.url.clone()), &[]);
        Ok(Box::new(RunningStepwell { server, postgres }))
    }

    fn takes_all_loads(&self) -> bool {
        true
    }
}

/// A server that is up.
struct RunningStepwell {
    server: Server,
    postgres: Option<DurablePostgres>,
}

impl Running for RunningStepwell {
    fn drive(&mut self, load: Load, length: Length) -> anyhow::Result<Figures> {
        let database = || {
            let postgres = self.postgres.as_ref()?;
            Some((Tree(postgres.process).cpu_us(), processes::disk_bytes(&postgres.data)))
        };
        let before = database();
        let mut figures = bench(&self.server, load, length);
        if let Some(((cpu_before, disk_before), (cpu, disk))) = before.zip(database()) {
            // Bench tells of the sagas it counted, not of those of its warm-up: they are as many per second.
            let all = figures.finished + figures.per_second * length.warmup as f64;
            figures.database_us = Some((cpu - cpu_before) / all.max(1.0));
            figures.disk_bytes = Some((disk - disk_before).max(0.0) / all.max(1.0));
        }
        Ok(figures)
    }
}

/// Runs `stepwell bench` against a server.
#[must_use]
pub fn bench(server: &Server, load: Load, length: Length) -> Figures {
    let (warmup, seconds) = (length.warmup.to_string(), length.seconds.to_string());
    let mut arguments = ["bench", "--output", "json", "--warmup", &warmup, "--duration", &seconds]
        .map(str::to_owned)
        .to_vec();
    match load {
        Load::InFlight(in_flight) => arguments.extend(["--concurrency".to_owned(), in_flight.to_string()]),
        Load::Failing { in_flight, percent } => {
            arguments.extend(["--concurrency".to_owned(), in_flight.to_string()]);
            arguments.extend(["--failing".to_owned(), percent.to_string()]);
        }
        Load::PerSecond(rate) => arguments.extend(["--rate".to_owned(), format!("{rate:.1}")]),
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // It exits 1 when a saga failed; that is a figure too.
    let report = server.stepwell(&arguments).json();
    let figure = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    Figures {
        server_us: figure("/server/cpuUsPerSaga"),
        workers_us: figure("/workers/cpuUsPerSaga"),
        clients_us: figure("/clients/cpuUsPerSaga"),
        rss_mib: figure("/server/rssBytes").map(|bytes| bytes / f64::from(1 << 20)),
        disk_bytes: figure("/server/diskBytesPerSaga"),
        ..latencies(&report)
    }
}

/// How many sagas, how fast, and how many went wrong, from a report in the form of `stepwell bench`.
#[must_use]
pub fn latencies(report: &Value) -> Figures {
    let figure = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
    Figures {
        per_second: figure("/sagasPerSecond").unwrap_or_default(),
        p50_ms: figure("/latencyMs/p50"),
        p90_ms: figure("/latencyMs/p90"),
        p99_ms: figure("/latencyMs/p99"),
        max_ms: figure("/latencyMs/max"),
        finished: figure("/sagas").unwrap_or_default(),
        errors: report["errors"].as_u64().unwrap_or_default(),
        ..Figures::default()
    }
}
