//! `stepwell stop`: ends a running execution.

use std::process::ExitCode;

use clap::Args;
use stepwell_proto::v1::StopExecutionRequest;

use super::exit::Exit;
use super::{Global, execution};

/// Which execution, and why.
#[derive(Args)]
pub(super) struct Arguments {
    /// Its ARN, machine/name, or its name where only one execution has it
    execution: String,
    /// An error name for the history
    #[arg(long)]
    error: Option<String>,
    /// The reason, for the history
    #[arg(long)]
    cause: Option<String>,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let Arguments { execution, error, cause } = arguments;
    let stopped = global.client().await?.stop(StopExecutionRequest { execution, error, cause }).await?;
    if global.output.is_json() {
        global.output.document(&execution::json(&stopped))?;
    } else {
        // One that had ended already stays as it was, and its headline tells.
        global.output.text(execution::headline(&stopped))?;
    }
    Ok(Exit::Done.into())
}
