//! The performance report: runs the workload, its floor and a peer, and writes docs/performance.md.
//!
//! Invariant: a figure is never without the machine, the commit and the spread of its runs. Absent are figures
//! that a test could fail by: nothing here asserts a time.
//!
//! Start with `load.rs`; who takes part is a [`contender::Contender`].

pub mod contender;
pub mod costs;
pub mod document;
pub mod figures;
pub mod floor;
pub mod group_commit;
pub mod load;
pub mod machine;
pub mod processes;
pub mod restate;
pub mod stepwell;
pub mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;

use self::contender::Length;

/// One of the report's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The order saga under load on SQLite, beside the floor and Restate.
    Load,
    /// The order saga under load on Postgres.
    Postgres,
    /// Bare group commit.
    Disk,
    /// Syncs per saga, large executions, full databases.
    Costs,
}

/// What to run, and for how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much of everything.
    pub plan: Plan,
    /// The folder with the peers' programs.
    pub peers: Option<PathBuf>,
    /// Whether to build the server first, or to take the one that stands beside this program.
    pub build: bool,
    /// Where databases and logs go.
    pub data: PathBuf,
    /// The document.
    pub document: PathBuf,
}

/// How much of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How often everything is measured.
    pub repeats: u32,
    /// How long one run takes.
    pub run: Length,
    /// Sagas in flight.
    pub levels: Vec<u32>,
    /// Stored executions, ascending.
    pub stored: Vec<u64>,
    /// Items of the Map, states of the chain.
    pub large: u32,
}

impl Plan {
    /// What figures should come from; `long` adds a database of a million executions.
    #[must_use]
    pub fn full(long: bool) -> Self {
        let mut stored = vec![1_000, 100_000];
        stored.extend(long.then_some(1_000_000));
        Self {
            repeats: 3,
            run: Length { warmup: 1, seconds: 5 },
            levels: vec![1, 64, 256],
            stored,
            large: 10_000,
        }
    }

    /// Enough to see that everything works.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            repeats: 1,
            run: Length { warmup: 1, seconds: 2 },
            levels: vec![1, 64],
            stored: vec![1_000, 5_000],
            large: 1_000,
        }
    }
}

/// Runs these parts and writes each into the document as soon as it is done.
///
/// # Errors
/// When something can't be run, or the document has no place for it.
pub fn run(settings: &Settings, parts: &[Part]) -> anyhow::Result<()> {
    anyhow::ensure!(
        !cfg!(debug_assertions),
        "expected a release build, found a debug one: run it with --release"
    );
    anyhow::ensure!(
        !machine::in_memory(&settings.data),
        "expected a folder on a disk, found {} in memory, where nothing is ever synced: name another with --data",
        settings.data.display()
    );
    tempfile::env::override_temp_dir(&settings.data)
        .map_err(|already| anyhow::anyhow!("temporary files go to {} already", already.display()))?;
    if settings.build {
        build_server()?;
    }
    let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?);
    for part in parts {
        let about = machine::describe(&settings.data, &workspace())?;
        let table = match part {
            Part::Load => load::load(settings, &runtime)?,
            Part::Postgres => load::postgres(settings, &runtime)?,
            Part::Disk => group_commit::group_commit(settings, &runtime)?,
            Part::Costs => costs::costs(settings, &runtime)?,
        };
        write(settings, *part, &format!("{about} {}\n\n{table}", length(&settings.plan)))?;
    }
    Ok(())
}

/// How the figures were taken, in a sentence.
fn length(plan: &Plan) -> String {
    let Plan { repeats, run: Length { warmup, seconds }, .. } = plan;
    let runs = if *repeats == 1 { "1 run".to_owned() } else { format!("{repeats} runs") };
    let doubt = if *plan == Plan::quick() {
        " **A quick run, to see that it works: these are no figures.**"
    } else {
        ""
    };
    format!("{runs} of {seconds} s each, after {warmup} s of warm-up.{doubt}")
}

fn write(settings: &Settings, part: Part, text: &str) -> anyhow::Result<()> {
    let path = &settings.document;
    let document = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let name = part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let document = document::replace(&document, &name, text)?;
    std::fs::write(path, document).with_context(|| format!("can't write {}", path.display()))?;
    say(&format!("wrote the part {name} of {}", path.display()));
    Ok(())
}

/// Builds the server that is measured: cargo builds only what it was told to run.
fn build_server() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace());
    command.args(["build", "--release", "--quiet", "-p", "stepwell-tests", "--bin", "stepwell-under-test"]);
    // This program is target/release/bench-report: the server belongs beside it, whatever the target folder is.
    let this = std::env::current_exe().context("can't find this program")?;
    command.arg("--target-dir").arg(this.ancestors().nth(2).context("expected a target folder")?);
    let built = command.status().context("can't run cargo")?;
    anyhow::ensure!(built.success(), "expected cargo to build the server");
    Ok(())
}

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Tells whoever waits what is being done.
fn say(text: &str) {
    // Progress that can't be shown is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}
