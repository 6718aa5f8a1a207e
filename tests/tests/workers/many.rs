//! Many executions at once, with workers that come and go.

use std::collections::BTreeSet;
use std::pin::pin;

use futures::stream::{self, StreamExt};
use serde_json::json;
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::{ExecutionStatus, ListExecutionsRequest, Task, Verdict};
use stepwell_tests::node::{Database, TestNode, done, soon};
use tokio::sync::Notify;

everywhere! {
    every_task_of_many_executions_is_accepted_once
}

/// How many executions.
const EXECUTIONS: usize = 2_000;

/// Tasks that a worker takes on together.
const CONCURRENCY: u32 = 50;

/// Tasks after which a worker is lost.
const LOST_AFTER: usize = 300;

/// Works until it is told that all is done, and gives the tokens of the outcomes that were accepted. Answers
/// everything twice; every so often it is lost with all it has, and comes back.
async fn work(node: &TestNode, number: usize, done: &Notify) -> Vec<Vec<u8>> {
    let queues: &[&str] = if number.is_multiple_of(2) { &["first", "second"] } else { &["second", "first"] };
    let name = format!("w-{number}");
    let connect = || node.worker(&name, queues, CONCURRENCY);
    let mut accepted = Vec::new();
    let mut worker = connect().await;
    let mut taken = 0;
    let mut finished = pin!(done.notified());
    loop {
        let (tasks, receipts) = tokio::select! {
            () = &mut finished => return accepted,
            incoming = worker.incoming() => incoming,
        };
        for receipt in receipts {
            match receipt.verdict() {
                Verdict::Accepted => accepted.push(receipt.token.to_vec()),
                // The second answer, or another worker had the task before and was heard first.
                Verdict::AlreadyOver => {}
                other @ (Verdict::Unspecified | Verdict::Refused | Verdict::TryAgain) => {
                    panic!("expected an outcome to count or to be too late, found {other:?}")
                }
            }
        }
        taken += tasks.len();
        if taken > LOST_AFTER {
            // Outcomes whose receipts it has not seen are lost to it, and accepted all the same.
            taken = 0;
            worker = connect().await;
            continue;
        }
        let answer = |task: &Task| (task.token.to_vec(), Some(Answer::Output(task.input.clone())));
        worker.send_outcomes(tasks.iter().flat_map(|task| [answer(task), answer(task)])).await;
        worker.ask(u32::try_from(tasks.len()).expect("no more than its credits")).await;
    }
}

async fn every_task_of_many_executions_is_accepted_once(database: &Database) {
    let node = TestNode::start(database).await;
    let task = |queue: &str| json!({ "Type": "Task", "Resource": format!("worker:{queue}") });
    let mut machine =
        json!({ "StartAt": "First", "States": { "First": task("first"), "Second": task("second") } });
    machine["States"]["First"]["Next"] = json!("Second");
    machine["States"]["Second"]["End"] = json!(true);
    node.deploy("order", &machine).await;

    let finished = Notify::new();
    let workers = futures::future::join_all((0..4).map(|number| work(&node, number, &finished)));
    let executions = async {
        let ended = stream::iter(0..EXECUTIONS)
            .map(|number| {
                let node = &node;
                async move {
                    let arn = node.run("order", &format!("o-{number}"), &json!({ "number": number })).await;
                    let ended = node.end_of(&arn).await;
                    assert_eq!(ended.output, Some(json!({ "number": number }).to_string()));
                }
            })
            .buffer_unordered(100)
            .count()
            .await;
        assert_eq!(ended, EXECUTIONS);
        finished.notify_waiters();
    };
    let (accepted, ()) = tokio::join!(workers, executions);

    let told: Vec<_> = accepted.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = told.iter().collect();
    assert_eq!(distinct.len(), told.len(), "no outcome is accepted twice");
    assert!(
        (EXECUTIONS..=2 * EXECUTIONS).contains(&told.len()),
        "two for each execution, but for those unheard"
    );
    let request = ListExecutionsRequest { status: ExecutionStatus::Running.into(), ..Default::default() };
    assert!(done(soon(node.executions.clone().list_executions(request)).await).executions.is_empty());
    node.shut_down().await;
}
