//! `cargo run --release -p stepwell-tests --bin bench-report`: measures, and writes docs/performance.md.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use stepwell_tests::bench::contender::Length;
use stepwell_tests::bench::costs::large;
use stepwell_tests::bench::floor::disk::{Disk, Medium};
use stepwell_tests::bench::floor::saga::Saga;
use stepwell_tests::bench::floor::{Speech, client, server, worker};
use stepwell_tests::bench::{self, Part, Plan, Settings};
use tokio::runtime::Runtime;

/// The same as the engine's: the floor must not lose by its allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Stepwell beside its floor and a peer, and writes the tables of docs/performance.md
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    report: Report,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Args)]
struct Report {
    /// Short runs, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Also fill a database with a million executions
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Only these parts
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// The folder with the peers' programs; Restate is run when RESTATE_SERVER names its server too
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Take the server that was built beside this program, as it is
    #[arg(long)]
    no_build: bool,
    /// Where databases go: a folder on the disk to measure
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    data: PathBuf,
    /// The document with the tables
    #[arg(long, value_name = "FILE", default_value_os_t = bench::workspace().join("docs/performance.md"))]
    document: PathBuf,
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    FloorServer {
        #[arg(long)]
        medium: Medium,
        #[arg(long)]
        saga: PathBuf,
    },
    #[command(hide = true)]
    FloorWorker {
        #[arg(long)]
        server: String,
        #[arg(long)]
        saga: PathBuf,
    },
    #[command(hide = true)]
    FloorClient(FloorClient),
    #[command(hide = true)]
    ItemWorker {
        #[arg(long)]
        server: String,
    },
}

#[derive(Args)]
struct FloorClient {
    #[arg(long)]
    server: String,
    #[arg(long)]
    saga: PathBuf,
    #[arg(long)]
    speech: Speech,
    #[arg(long)]
    in_flight: u32,
    #[arg(long)]
    warmup: u64,
    #[arg(long)]
    seconds: u64,
}

fn main() -> anyhow::Result<()> {
    let Arguments { report, role } = Arguments::parse();
    match role {
        None => write_report(report),
        Some(role) => play(role),
    }
}

fn write_report(report: Report) -> anyhow::Result<()> {
    let Report { quick, long, only, peers, no_build, data, document } = report;
    let parts =
        if only.is_empty() { vec![Part::Load, Part::Postgres, Part::Disk, Part::Costs] } else { only };
    let plan = if quick { Plan::quick() } else { Plan::full(long) };
    bench::run(&Settings { plan, peers, build: !no_build, data, document }, &parts)
}

fn play(role: Role) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    match role {
        Role::FloorServer { medium, saga } => {
            let disk = Disk::create(medium, saga.parent().unwrap_or(Path::new(".")))?;
            runtime.block_on(server::serve(Saga::load(&saga)?, disk))
        }
        Role::FloorWorker { server, saga } => runtime.block_on(worker::work(&server, &Saga::load(&saga)?)),
        Role::FloorClient(floor) => print(&runtime.block_on(run_client(floor))?),
        Role::ItemWorker { server } => Ok(runtime.block_on(large::work(&server))?),
    }
}

async fn run_client(floor: FloorClient) -> anyhow::Result<Value> {
    let FloorClient { server, saga, speech, in_flight, warmup, seconds } = floor;
    let (saga, length) = (Saga::load(&saga)?, Length { warmup, seconds });
    match speech {
        Speech::Calls => client::by_calls(&server, &saga, in_flight, length).await,
        Speech::Stream => client::on_a_stream(&server, &saga, in_flight, length).await,
    }
}

fn print(document: &Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{document}").context("can't write to stdout")
}
