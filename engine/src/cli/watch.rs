//! `stepwell watch`: an execution, live.

use std::process::ExitCode;

use clap::Args;
use stepwell_asl::history::HistoryEvent;
use stepwell_asl::time::Timestamp;
use stepwell_proto::v1::Execution;

use super::event::States;
use super::exit::Exit;
use super::follow::{Followed, Follower};
use super::output::{Output, folded};
use super::progress::Progress;
use super::{Global, event, execution, moment};

/// Widest data of an event, in characters.
const DATA_CHARS_MAX: usize = 72;
/// How wide the columns are that most events fit.
const TYPE_CHARS: usize = 24;
const STATE_CHARS: usize = 20;

/// Which execution.
#[derive(Args)]
pub(super) struct Arguments {
    /// Its ARN, machine/name, or its name where only one execution has it
    execution: String,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let client = global.client().await?;
    let mut follower = Follower::events(&client, &arguments.execution, 1);
    let progress = Progress::new(format!("watching {}", arguments.execution));
    let mut start = None;
    let mut states = States::default();
    loop {
        match follower.next().await? {
            Followed::Events(events) => {
                for event in &events {
                    let start = *start.get_or_insert(event.at);
                    let state = states.of(event);
                    progress.above(|| show(event, start, state, global.output))?;
                }
            }
            Followed::Ended(ended) => {
                drop(progress);
                conclude(&ended, global.output)?;
                return Ok(Exit::Done.into());
            }
        }
    }
}

fn show(event: &HistoryEvent, start: Timestamp, state: &str, output: Output) -> std::io::Result<()> {
    if output.is_json() {
        return output.line(&event::json(event));
    }
    let style = event::style(event);
    let at = moment::offset(start.until(event.at));
    let event_type = &event.event_type;
    let data = folded(&event::data(event), DATA_CHARS_MAX);
    let line = format!("{at:>10}  {style}{event_type:TYPE_CHARS$}{style:#}  {state:STATE_CHARS$}  {data}");
    output.text(line.trim_end())
}

fn conclude(ended: &Execution, output: Output) -> std::io::Result<()> {
    if output.is_json() {
        return output.line(&execution::json(ended));
    }
    output.text(format_args!("{}\n{}", execution::headline(ended), execution::ending(ended).trim_end()))
}
