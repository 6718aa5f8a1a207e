//! The engine going down with workers at work, and coming back.

use serde_json::json;
use stepwell_proto::v1::Verdict;
use stepwell_tests::node::{Database, TestNode};
use stepwell_tests::raw_worker::RawWorker;
use stepwell_tests::small_machines::one_task;
use tonic::Code;

everywhere! {
    a_task_of_before_the_restart_is_answered_after_it
    what_waited_before_the_restart_is_handed_out_after_it
}

#[tokio::test]
async fn workers_are_told_to_drain_and_may_finish() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    for name in ["done", "waits"] {
        node.run("order", name, &json!({})).await;
    }
    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    let workers = node.workers.clone();
    let down = node.begin_shut_down();
    worker.drained().await;
    let refusal = RawWorker::connect(&workers, "late", &["work"], 1).await.err();
    assert_eq!(refusal.map(|status| status.code()), Some(Code::Unavailable), "nobody is welcome any more");
    worker.ask(5).await;
    assert_eq!(worker.succeed(&task.token, "{}").await, Verdict::Accepted, "it may finish what it has");
    assert!(worker.settle().await.0.is_empty(), "and gets nothing more");
    worker.leave().await.expect("a good end");
    down.ended().await;
}

#[tokio::test]
async fn a_worker_that_does_not_leave_is_sent_away() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    node.run("order", "o", &json!({})).await;
    let mut worker = node.worker("w", &["work"], 1).await;
    worker.task().await;
    let down = node.begin_shut_down();
    worker.drained().await;
    worker.end().await.expect("a good end");
    down.ended().await;
}

async fn a_task_of_before_the_restart_is_answered_after_it(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    let arns = [node.run("order", "o-1", &json!({})).await, node.run("order", "o-2", &json!({})).await];
    let mut worker = node.worker("w", &["work"], 2).await;
    let tasks = worker.take(2).await;
    drop(worker);
    node.shut_down().await;

    let node = TestNode::start(database).await;
    // One before it is handed out again, and one after.
    let mut worker = node.worker("w", &["work"], 0).await;
    assert_eq!(worker.succeed(&tasks[0].token, "\"before\"").await, Verdict::Accepted);
    worker.ask(2).await;
    let again = worker.task().await;
    assert_eq!((&again.token, &again.idempotency_key), (&tasks[1].token, &tasks[1].idempotency_key));
    assert_eq!(again.delivery, 1, "an engine that restarted counts anew");
    assert_eq!(worker.succeed(&tasks[1].token, "\"after\"").await, Verdict::Accepted);
    assert!(worker.settle().await.0.is_empty());
    for (arn, output) in arns.iter().zip(["\"before\"", "\"after\""]) {
        assert_eq!(node.end_of(arn).await.output.as_deref(), Some(output));
    }
    drop(worker);
    node.shut_down().await;
}

async fn what_waited_before_the_restart_is_handed_out_after_it(database: &Database) {
    let mut node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    let names: Vec<_> = (0..20).map(|number| format!("o-{number:02}")).collect();
    for name in &names {
        node.run("order", name, &json!({ "name": name })).await;
    }
    let mut handed_out = Vec::new();
    for _ in 0..2 {
        node.shut_down().await;
        node = TestNode::start(database).await;
        let mut worker = node.worker("w", &["work"], 10).await;
        for task in worker.take(10).await {
            assert_eq!(worker.succeed(&task.token, &*task.input).await, Verdict::Accepted);
            handed_out.push(task.execution_name);
        }
        worker.leave().await.expect("a good end");
    }
    handed_out.sort();
    assert_eq!(handed_out, names, "each once");
    for name in names {
        let ended = node.describe(&format!("order/{name}")).await;
        assert_eq!(ended.output, Some(json!({ "name": name }).to_string()));
    }
    node.shut_down().await;
}
