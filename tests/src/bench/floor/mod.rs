//! The floor: what the order saga costs when nothing is done for it but what can't be left out.
//!
//! Three processes, as with the engine: the clients, the server and the workers. The messages are those of a
//! real saga, recorded before ([`saga`]), byte for byte but for a number in the tokens; the bytes of its rows go
//! to the disk in group commit; and nothing is answered before its batch is there. Absent is everything else: no
//! definition, no JSON, no history to read back, no timers, no index, no second worker.
//!
//! Two things can be chosen. The clients speak by calls, as the interface has it, or all on one stream, which is
//! the cheapest there is. And the rows go nowhere, to the end of a file, or into one SQLite table.

pub mod client;
pub mod disk;
mod outbox;
mod owner;
pub mod saga;
pub mod server;
pub mod worker;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clap::ValueEnum;
use tempfile::TempDir;

use self::disk::Medium;
use self::saga::Saga;
use super::contender::{Contender, Length, Load, Running};
use super::figures::Figures;
use super::processes::{self, Tree};
use super::stepwell::latencies;
use crate::process::Process;

/// How a client introduces itself on its stream.
const CLIENT: &str = "client";
/// How the workers do.
const WORKER: &str = "worker";

/// How the clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Speech {
    /// A start and a follow are a call each, as in the interface.
    Calls,
    /// Everything goes on one stream.
    Stream,
}

/// One of the floors.
pub struct Floor {
    /// What is sent and written.
    pub saga: Arc<Saga>,
    /// How the clients speak.
    pub speech: Speech,
    /// Where rows go.
    pub medium: Medium,
}

impl Contender for Floor {
    fn name(&self) -> String {
        let rows = match self.medium {
            Medium::None => "nothing written",
            Medium::Log => "appended log",
            Medium::Sqlite => "SQLite table",
        };
        let speech = match self.speech {
            Speech::Calls => "calls",
            Speech::Stream => "streams",
        };
        format!("floor: {speech}, {rows}")
    }

    fn start(&self) -> anyhow::Result<Box<dyn Running>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("saga");
        self.saga.save(&file)?;
        let medium =
            self.medium.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut server = role(&["floor-server", "--medium", &medium], &file)?;
        let address = server.line_where(|_| true);
        let mut worker = role(&["floor-worker", "--server", &address], &file)?;
        let _ = worker.line_where(|_| true);
        Ok(Box::new(RunningFloor { server, worker, address, speech: self.speech, folder }))
    }
}

struct RunningFloor {
    server: Process,
    worker: Process,
    address: String,
    speech: Speech,
    folder: TempDir,
}

impl Running for RunningFloor {
    fn drive(&mut self, load: Load, Length { warmup, seconds }: Length) -> anyhow::Result<Figures> {
        let Load::InFlight(in_flight) = load else { anyhow::bail!("the floor only takes closed loops") };
        let (server, worker) = (Tree(self.server.id()), Tree(self.worker.id()));
        let usage = || {
            (
                server.cpu_us(),
                worker.cpu_us(),
                processes::ended_children_cpu_us(),
                processes::disk_bytes(self.folder.path()),
            )
        };
        let speech = match self.speech {
            Speech::Calls => "calls",
            Speech::Stream => "stream",
        };
        let before = usage();
        let (in_flight, warmup, seconds) = (in_flight.to_string(), warmup.to_string(), seconds.to_string());
        let arguments = [
            "floor-client",
            "--server",
            &self.address,
            "--speech",
            speech,
            "--in-flight",
            &in_flight,
            "--warmup",
            &warmup,
            "--seconds",
            &seconds,
        ];
        let report = role(&arguments, &self.folder.path().join("saga"))?.wait().ok().json();
        let after = usage();
        let finished = report["finished"].as_f64().unwrap_or_default().max(1.0);
        let per_saga = |before: f64, after: f64| Some((after - before) / finished);
        Ok(Figures {
            server_us: per_saga(before.0, after.0),
            workers_us: per_saga(before.1, after.1),
            clients_us: per_saga(before.2, after.2),
            disk_bytes: per_saga(before.3, after.3),
            rss_mib: Some(server.rss_mib()),
            ..latencies(&report)
        })
    }
}

/// Starts this program again, as one of the floor's processes.
fn role(arguments: &[&str], saga: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).arg("--saga").arg(saga);
    Ok(Process::spawn(command))
}

/// Tells whoever started this process that it is ready.
fn announce(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
