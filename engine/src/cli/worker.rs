//! `stepwell worker`: a worker that plays a script.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use stepwell_worker::{TaskTokens, Worker, shutdown_signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::Global;
use super::client::Client;
use super::error::Error;
use super::exit::Exit;
use super::output::is_colored;
use super::scripted::{Callbacks, Player, Script, ScriptedTask};

/// What a drain may take beyond the longest behaviour: the way to the engine and back.
const DRAIN_MARGIN: Duration = Duration::from_secs(2);
/// The longest wait between two tries to reach the server again: a script's worker is waited for by people.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Which script, and how to play it.
#[derive(Args)]
pub(super) struct Arguments {
    /// A JSON file with a behaviour for each task queue
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// The worker's name, for the tasks whose behaviour has no worker_name of its own
    #[arg(long)]
    name: Option<String>,
    /// How many tasks may be in work at the same time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    concurrency: u32,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    log_to_stderr();
    let script = read(&arguments.script)?;
    let drain_within = script.longest() + DRAIN_MARGIN;
    let tokens = TaskTokens::new(&global.server).map_err(usage)?;
    let callbacks = Callbacks::new(Client::connect_lazily(&global.server)?, tokens);

    let (shut_down, told) = watch::channel(false);
    let mut running = JoinSet::new();
    for worker in workers(script, arguments, &callbacks, drain_within, global)? {
        let mut told = told.clone();
        running.spawn(worker.run_until(async move {
            // An error means that nobody can tell us any more, which is as good as being told.
            let _ = told.wait_for(|told| *told).await;
        }));
    }
    // A worker ends by itself only when it is refused; then the others end with it.
    let first = tokio::select! {
        () = shutdown_signal() => None,
        ended = running.join_next() => ended,
    };
    shut_down.send_replace(true);
    let rest = running.join_all().await;
    callbacks.finish(drain_within).await;
    for ended in first.transpose()?.into_iter().chain(rest) {
        ended.map_err(|error| Error::Refused(error.to_string()))?;
    }
    Ok(Exit::Done.into())
}

fn read(file: &Path) -> Result<Script, Error> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Script::parse(&text).map_err(|error| Error::Usage(format!("the script {name}: {error}"))),
        Err(error) => Err(Error::Unreadable { name, error }),
    }
}

/// A worker for each name that the script mentions, for a worker has one; and one for all other tasks.
fn workers(
    script: Script,
    arguments: Arguments,
    callbacks: &Callbacks,
    drain_within: Duration,
    global: &Global,
) -> Result<Vec<Worker>, Error> {
    let default_name = arguments.name.unwrap_or_else(|| format!("scripted-{}", std::process::id()));
    let mut by_name: BTreeMap<String, Vec<(String, ScriptedTask)>> = BTreeMap::new();
    for (queue, task) in script.tasks() {
        let name = task.worker_name.clone().unwrap_or_else(|| default_name.clone());
        by_name.entry(name).or_default().push((queue, task));
    }
    let worker = |(name, tasks): (String, Vec<(String, ScriptedTask)>)| {
        let queues: Vec<&str> = tasks.iter().map(|(queue, _)| queue.as_str()).collect();
        info!(worker = name, queues = queues.join(", "), "playing");
        let builder = Worker::builder(&global.server)
            .name(name)
            .concurrency(arguments.concurrency)
            .manual_heartbeats()
            .reconnect_backoff(RECONNECT.0, RECONNECT.1)
            .drain_timeout(drain_within);
        let builder = tasks.into_iter().fold(builder, |builder, (queue, task)| {
            let player = Arc::new(Player { task, callbacks: callbacks.clone(), output: global.output });
            builder.raw_task(queue, move |task, input| {
                let player = player.clone();
                async move { player.play(task, input).await }
            })
        });
        builder.build().map_err(usage)
    };
    by_name.into_iter().map(worker).collect()
}

fn usage(error: stepwell_worker::Error) -> Error {
    Error::Usage(error.to_string())
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    logs.with_ansi(is_colored(&std::io::stderr())).init();
}
