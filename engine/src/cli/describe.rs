//! `stepwell describe`: one execution.

use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::{Global, execution};

/// Which execution.
#[derive(Args)]
pub(super) struct Arguments {
    /// Its ARN, machine/name, or its name where only one execution has it
    execution: String,
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let described = global.client().await?.describe(&arguments.execution).await?;
    if global.output.is_json() {
        global.output.document(&execution::json(&described))?;
    } else {
        global.output.text(execution::description(&described))?;
    }
    Ok(Exit::Done.into())
}
