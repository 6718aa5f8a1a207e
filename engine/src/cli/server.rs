//! `stepwell server`: runs an engine node until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use stepwell_asl::machine::Limits;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::output::is_colored;
use crate::catalog::Put;
use crate::names::Realm;
use crate::runtime::clock;
use crate::server::{Node, Settings};

/// What a node can be told. Flags win over the environment.
#[derive(Args)]
pub(super) struct Arguments {
    /// Where executions are kept: sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, env = "STEPWELL_DATABASE_URL", default_value = "sqlite://stepwell.db")]
    database_url: String,
    /// Where gRPC listens; port 0 takes a free one
    #[arg(long, env = "STEPWELL_GRPC_ADDR", default_value = "127.0.0.1:7410")]
    grpc_addr: SocketAddr,
    /// Where HTTP listens; port 0 takes a free one
    #[arg(long, env = "STEPWELL_HTTP_ADDR", default_value = "127.0.0.1:7411")]
    http_addr: SocketAddr,
    /// Deploy every *.asl.json of this folder at the start
    #[arg(long, env = "STEPWELL_DEFINITIONS", value_name = "DIR")]
    definitions: Option<PathBuf>,
    /// The region that ARNs show
    #[arg(long, env = "STEPWELL_REGION", default_value = "local")]
    region: String,
    /// The account that ARNs show
    #[arg(long, env = "STEPWELL_ACCOUNT", default_value = "000000000000")]
    account: String,
    /// Largest input, output or result, in bytes
    #[arg(long, env = "STEPWELL_PAYLOAD_BYTES_MAX", default_value_t = Limits::default().payload_bytes_max)]
    payload_bytes_max: usize,
    /// Most events in one history
    #[arg(long, env = "STEPWELL_HISTORY_EVENTS_MAX", default_value_t = Limits::default().history_events_max)]
    history_events_max: u64,
    /// How logs are written to stderr; RUST_LOG says which
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    log_to_stderr(arguments.log_format);
    let node = Node::start(Settings {
        database_url: arguments.database_url,
        grpc_addr: arguments.grpc_addr,
        http_addr: arguments.http_addr,
        realm: Realm { region: arguments.region, account: arguments.account },
        limits: Limits {
            payload_bytes_max: arguments.payload_bytes_max,
            history_events_max: arguments.history_events_max,
            ..Limits::default()
        },
    })
    .await?;
    if let Some(folder) = &arguments.definitions {
        deploy_all(&node, folder).await?;
    }
    // The one line on stdout: whoever started us may wait for it.
    anstream::println!("stepwell ready grpc={} http={}", node.grpc_addr, node.http_addr);
    node.run_until(told_to_stop()?).await?;
    Ok(ExitCode::SUCCESS)
}

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(is_colored(&std::io::stderr()));
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}

/// Resolves on SIGTERM and on Ctrl-C.
fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Deploys a folder's definitions under their files' names. One that is not valid stops the server: it was
/// asked to have them.
async fn deploy_all(node: &Node, folder: &std::path::Path) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("can't read the folder {}", folder.display()))?;
    let mut files: Vec<_> =
        entries.collect::<Result<Vec<_>, _>>()?.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let Some(name) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".asl.json")) else {
            continue;
        };
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        let put = node.service().catalog().put(name, &text, Put::CreateOrUpdate, clock::now()).await;
        let (machine, _) = put.with_context(|| format!("can't deploy {}", file.display()))?;
        info!(name, revision = machine.row.revision_number, "deployed");
    }
    Ok(())
}
