//! Single executions that are large: a Map whose every item is a task, and a chain of Pass states.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Map, Value, json};
use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::{ExecutionStatus, FollowExecutionRequest, StartExecutionRequest};
use stepwell_worker::{TaskContext, TaskError, Worker};
use tokio::runtime::Runtime;

use crate::bench::figures::{Spread, grouped, spread};
use crate::bench::processes::Tree;
use crate::bench::{Settings, say};
use crate::process::{Process, Server};

/// More events than any of these executions has.
const HISTORY_EVENTS_MAX: &str = "10000000";
/// The queue of the items.
const QUEUE: &str = "item";
/// One execution after the other for so long: processor time is told in hundredths of a second.
const AT_LEAST: Duration = Duration::from_secs(1);
/// Items that the worker takes at a time.
const CONCURRENCY: u32 = 1_024;

/// Answers every item with itself, until told to stop: the worker of the Map, in a process of its own.
///
/// # Errors
/// When the server refuses it.
pub async fn work(server: &str) -> Result<(), stepwell_worker::Error> {
    Worker::builder(server)
        .name("items")
        .concurrency(CONCURRENCY)
        .task(QUEUE, |_: TaskContext, item: Value| async move { Ok::<_, TaskError>(item) })
        .build()?
        .run_until(stepwell_worker::shutdown_signal())
        .await
}

/// Measures both.
pub(super) fn executions(settings: &Settings, runtime: &Runtime) -> anyhow::Result<Vec<[String; 2]>> {
    let count = settings.plan.large;
    let server = Server::start_with(None, &["--history-events-max", HISTORY_EVENTS_MAX]);
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["item-worker", "--server", &server.grpc]);
    let _worker = Process::spawn(command);
    server.deploy("map", &map());
    server.deploy("chain", &chain(count));
    let items: Vec<u32> = (0..count).collect();
    let mut rows = Vec::new();
    for (machine, input, what, unit) in [
        ("map", json!({ "items": items }), "Map, each item a task", "tasks/s"),
        ("chain", json!({}), "chain of Pass states", "transitions/s"),
    ] {
        let (mut rates, mut cpu) = (Vec::new(), Vec::new());
        for repeat in 0..settings.plan.repeats {
            say(&format!("{what}: {count}"));
            let cpu_before = Tree(server.process().id()).cpu_us();
            let (since, mut done) = (Instant::now(), 0.0);
            while since.elapsed() < AT_LEAST {
                let name = format!("{machine}-{repeat}-{done}");
                runtime.block_on(one(&server.grpc, machine, &name, &input))?;
                done += f64::from(count);
            }
            rates.push(done / since.elapsed().as_secs_f64());
            cpu.push((Tree(server.process().id()).cpu_us() - cpu_before) / done);
        }
        let (rates, cpu) = (spread(Spread::of(rates)), spread(Spread::of(cpu)));
        rows.push([
            format!("{what}: executions of {}, one at a time", grouped(f64::from(count))),
            format!("{rates} {unit}; server {cpu} µs CPU each"),
        ]);
    }
    Ok(rows)
}

/// Runs one execution to the news of its end.
async fn one(server: &str, machine: &str, name: &str, input: &Value) -> anyhow::Result<()> {
    let mut client = ExecutionServiceClient::connect(server.to_owned()).await?;
    let start = StartExecutionRequest {
        state_machine: machine.to_owned(),
        name: name.to_owned(),
        input: Some(input.to_string()),
    };
    client.start_execution(start).await?;
    let follow =
        FollowExecutionRequest { execution: format!("{machine}/{name}"), from_event_id: 0, end_only: true };
    let mut news = client.follow_execution(follow).await?.into_inner();
    let ended =
        news.message().await?.and_then(|news| news.execution).context("expected the news of its end")?;
    let cause = ended.cause.as_deref().unwrap_or_default();
    anyhow::ensure!(
        ended.status() == ExecutionStatus::Succeeded,
        "{machine} ended as {:?}: {cause}",
        ended.status()
    );
    Ok(())
}

fn map() -> Value {
    let item = json!({ "Type": "Task", "Resource": format!("worker:{QUEUE}"), "End": true });
    json!({
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": { "StartAt": "One", "States": { "One": item } },
                "End": true,
            },
        },
    })
}

fn chain(count: u32) -> Value {
    let state = |number: u32| {
        let next = number + 1;
        let state = if next == count {
            json!({ "Type": "Pass", "End": true })
        } else {
            json!({ "Type": "Pass", "Next": format!("S{next}") })
        };
        (format!("S{number}"), state)
    };
    json!({ "StartAt": "S0", "States": (0..count).map(state).collect::<Map<_, _>>() })
}
