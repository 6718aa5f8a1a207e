//! `stepwell list`: executions, newest first.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::Cell;
use serde_json::json;
use stepwell_proto::v1::{Execution, ExecutionStatus, ListExecutionsRequest};

use super::exit::Exit;
use super::{Global, execution, moment, status, table};

/// The most executions one request asks for.
const PAGE: u32 = 1_000;

/// Which executions.
#[derive(Args)]
pub(super) struct Arguments {
    /// Only those of this state machine, by its name or ARN
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Only those with this status
    #[arg(long, value_enum, ignore_case = true)]
    status: Option<Status>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Running,
    Succeeded,
    Failed,
    #[value(alias = "timed_out")]
    TimedOut,
    Aborted,
}

impl Status {
    fn wire(self) -> ExecutionStatus {
        match self {
            Self::Running => ExecutionStatus::Running,
            Self::Succeeded => ExecutionStatus::Succeeded,
            Self::Failed => ExecutionStatus::Failed,
            Self::TimedOut => ExecutionStatus::TimedOut,
            Self::Aborted => ExecutionStatus::Aborted,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let (executions, more) = fetch(arguments, global).await?;
    if global.output.is_json() {
        let executions: Vec<_> = executions.iter().map(execution::json).collect();
        global.output.document(&json!({ "executions": executions }))?;
    } else if executions.is_empty() {
        anstream::eprintln!("no such executions; `stepwell start NAME` starts one");
    } else {
        global.output.text(rows(&executions))?;
        if more {
            anstream::eprintln!("there are more; --limit N shows N of them");
        }
    }
    Ok(Exit::Done.into())
}

/// The executions, and whether there are more than were asked for.
async fn fetch(arguments: &Arguments, global: &Global) -> anyhow::Result<(Vec<Execution>, bool)> {
    let client = global.client().await?;
    let mut executions = Vec::new();
    let mut page_token = String::new();
    loop {
        let missing = arguments.limit.saturating_sub(u32::try_from(executions.len()).unwrap_or(u32::MAX));
        let request = ListExecutionsRequest {
            state_machine: arguments.machine.clone().unwrap_or_default(),
            status: arguments.status.map_or(ExecutionStatus::Unspecified, Status::wire).into(),
            page_size: missing.min(PAGE),
            page_token,
        };
        let page = client.list(request).await?;
        executions.extend(page.executions);
        page_token = page.next_page_token;
        let enough = u32::try_from(executions.len()).is_ok_and(|found| found >= arguments.limit);
        if page_token.is_empty() || enough {
            return Ok((executions, !page_token.is_empty()));
        }
    }
}

fn rows(executions: &[Execution]) -> String {
    // The column is there when it has something to say.
    let compensated = executions.iter().any(|execution| status::compensation(execution) != "NONE");
    let mut columns = vec!["STATUS", "EXECUTION", "STARTED", "DURATION"];
    columns.extend(compensated.then_some("COMPENSATION"));
    let mut table = table::table(&columns);
    for execution in executions {
        let state = execution.status();
        let started = execution.started_at.map(|at| moment::local(moment::read(at))).unwrap_or_default();
        let mut row = vec![
            table::cell(status::label(state), status::style(state)),
            Cell::new(execution::short_name(execution)),
            Cell::new(started),
            Cell::new(moment::span(execution::duration(execution))),
        ];
        row.extend(compensated.then(|| Cell::new(status::compensation(execution))));
        table.add_row(row);
    }
    table::text(&table)
}
