//! `stepwell history`: the events of an execution.

use std::process::ExitCode;

use anstyle::{Effects, Style};
use clap::Args;
use comfy_table::Cell;
use serde_json::json;
use stepwell_asl::history::HistoryEvent;
use stepwell_proto::v1::GetExecutionHistoryRequest;

use super::event::States;
use super::exit::Exit;
use super::output::folded;
use super::{Global, event, execution, moment, table};

/// Events one request asks for: few enough that a page with large payloads stays in bounds.
const PAGE: u32 = 200;
/// Widest data in the table, in characters.
const DATA_CHARS_MAX: usize = 72;

/// Which execution, and how much of it.
#[derive(Args)]
pub(super) struct Arguments {
    /// Its ARN, machine/name, or its name where only one execution has it
    execution: String,
    /// Show inputs, outputs and causes whole
    #[arg(long)]
    full: bool,
    /// The newest event first
    #[arg(long)]
    reverse: bool,
    /// At most so many events
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: Option<u32>,
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let events = fetch(arguments, global).await?;
    if global.output.is_json() {
        let events: Vec<_> = events.iter().map(event::json).collect();
        global.output.document(&json!({ "events": events }))?;
    } else if arguments.full {
        global.output.text(whole(&events))?;
    } else {
        global.output.text(rows(&events))?;
    }
    Ok(Exit::Done.into())
}

async fn fetch(arguments: &Arguments, global: &Global) -> anyhow::Result<Vec<HistoryEvent>> {
    let client = global.client().await?;
    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut events = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = GetExecutionHistoryRequest {
            execution: arguments.execution.clone(),
            page_size: PAGE,
            page_token,
            reverse_order: arguments.reverse,
        };
        let page = client.history(request).await?;
        events.extend(page.events.into_iter().map(event::read));
        page_token = page.next_page_token;
        if page_token.is_empty() || events.len() >= limit {
            events.truncate(limit);
            return Ok(events);
        }
    }
}

fn rows(events: &[HistoryEvent]) -> String {
    let mut table = table::table(&["ID", "TIME", "EVENT", "STATE", "DATA"]);
    for (event, Context { offset, state }) in events.iter().zip(contexts(events)) {
        table.add_row([
            Cell::new(event.id.0),
            Cell::new(offset),
            table::cell(&event.event_type, event::style(event)),
            Cell::new(state),
            Cell::new(folded(&event::data(event), DATA_CHARS_MAX)),
        ]);
    }
    table::text(&table)
}

/// Each event with every member of its details below it.
fn whole(events: &[HistoryEvent]) -> String {
    let faint = Style::new() | Effects::DIMMED;
    let mut lines = Vec::new();
    for (event, Context { offset, state }) in events.iter().zip(contexts(events)) {
        let (id, style, event_type) = (event.id.0, event::style(event), &event.event_type);
        lines.push(format!("{id:<4}  {offset}  {style}{event_type}{style:#}  {state}").trim_end().to_owned());
        // That an input was not cut is seen by looking at it.
        let details = event.details.iter().flatten().filter(|(name, _)| !name.ends_with("Details"));
        for (name, value) in details {
            let text = value.as_str().map_or_else(|| value.to_string(), execution::pretty);
            let text = text.replace('\n', "\n        ");
            lines.push(format!("      {faint}{name}{faint:#} {text}"));
        }
    }
    lines.join("\n")
}

/// What an event takes from those before it.
struct Context {
    /// How long after the first one it was.
    offset: String,
    state: String,
}

/// The context of each event, whichever way they are ordered.
fn contexts(events: &[HistoryEvent]) -> Vec<Context> {
    let start = events.iter().map(|event| event.at).min().unwrap_or_default();
    let mut in_order: Vec<&HistoryEvent> = events.iter().collect();
    in_order.sort_by_key(|event| event.id);
    let mut states = States::default();
    for event in in_order {
        states.of(event);
    }
    let context = |event: &HistoryEvent| Context {
        offset: moment::offset(start.until(event.at)),
        state: states.of(event).to_owned(),
    };
    events.iter().map(context).collect()
}
