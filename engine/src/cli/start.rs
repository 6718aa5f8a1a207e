//! `stepwell start`: starts an execution, and waits for its end if asked to.

use std::io::Read;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use stepwell_asl::payload::Payload;
use stepwell_proto::v1::{Execution, StartExecutionRequest};

use super::client::Client;
use super::error::Error;
use super::exit::Exit;
use super::follow::{Followed, Follower};
use super::progress::Progress;
use super::{Global, execution};

/// What to start.
#[derive(Args)]
pub(super) struct Arguments {
    /// The state machine's name or ARN
    #[arg(value_name = "NAME")]
    machine: String,
    /// The input: JSON text, @FILE, or - for standard input
    #[arg(long, default_value = "{}", value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    input: String,
    /// The execution's name; starting again with the same name and input gives the execution that runs
    #[arg(long, value_name = "EXECUTION")]
    name: Option<String>,
    /// Wait for the end; exit 0 only if it SUCCEEDED
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let input = input(&arguments.input)?;
    let client = global.client().await?;
    let request = StartExecutionRequest {
        state_machine: arguments.machine,
        name: arguments.name.unwrap_or_default(),
        input: Some(input.clone()),
    };
    let started = client.start(request).await?;
    // The answer to a start is short: it leaves out what we know.
    let running = Execution { input: Some(input), ..started.execution.unwrap_or_default() };
    if !arguments.wait {
        if global.output.is_json() {
            global.output.document(&execution::json(&running))?;
        } else {
            global.output.text(announcement(&running, started.started))?;
        }
        return Ok(Exit::Done.into());
    }
    let ended = wait(&client, &running).await?;
    if global.output.is_json() {
        global.output.document(&execution::json(&ended))?;
    } else {
        global.output.text(execution::headline(&ended))?;
        global.output.text(execution::ending(&ended).trim_end())?;
    }
    Ok(execution::exit(&ended).into())
}

/// The input's text, from where it is.
fn input(given: &str) -> Result<String, Error> {
    let (text, whence) = match given.strip_prefix('@') {
        Some(file) => {
            let read = std::fs::read_to_string(file);
            (read.map_err(|error| Error::Unreadable { name: file.to_owned(), error })?, file)
        }
        None if given == "-" => {
            let name = "standard input";
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Error::Unreadable { name: name.to_owned(), error })?;
            (text, name)
        }
        None => (given.to_owned(), "--input"),
    };
    match Payload::from_text(text.as_str()) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::Usage(format!(
            "{whence}: {error}; quote JSON text for the shell, or give @FILE, or - for standard input"
        ))),
    }
}

fn announcement(execution: &Execution, new: bool) -> String {
    let good = Style::new().fg_color(Some(AnsiColor::Green.into())).bold();
    let (name, arn) = (execution::short_name(execution), &execution.arn);
    let what = if new { "started" } else { "runs already:" };
    format!("{good}✓{good:#} {what} {name}\n  {arn}\n  follow it with `stepwell watch {name}`")
}

async fn wait(client: &Client, running: &Execution) -> Result<Execution, Error> {
    let _progress = Progress::new(format!("waiting for {}", execution::short_name(running)));
    let mut follower = Follower::end(client, &running.arn);
    loop {
        if let Followed::Ended(ended) = follower.next().await? {
            return Ok(*ended);
        }
    }
}
