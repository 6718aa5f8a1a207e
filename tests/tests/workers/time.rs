//! Time-outs and heartbeats, on the wall clock: the shortest there are, and nothing waits longer than they do.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_proto::v1::{ExecutionStatus, Verdict};
use stepwell_tests::node::{Database, TestNode, present, soon};
use stepwell_tests::small_machines::{caught_task, task_with};

/// How often the living give a sign of life: many times in the silence that is too long.
const BEAT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_attempt_that_times_out_is_cancelled_and_over() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &caught_task("work", json!({ "TimeoutSeconds": 1 }))).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut worker = node.worker("w", &["work"], 2).await;
    let task = worker.task().await;
    assert_eq!(worker.cancellation().await, task.token);
    assert_eq!(worker.succeed(&task.token, "{}").await, Verdict::AlreadyOver);
    let output: Value = serde_json::from_str(&present(node.end_of(&arn).await.output)).expect("JSON");
    assert_eq!(output, json!({ "Error": "States.Timeout", "Cause": "" }));
    let events = node.history(&arn).await;
    let at = |name: &str| {
        let at = present(events.iter().find(|event| event.r#type == name).and_then(|event| event.at));
        Duration::new(at.seconds.unsigned_abs(), at.nanos.unsigned_abs())
    };
    assert!(at("TaskTimedOut") - at("TaskScheduled") >= Duration::from_secs(1), "not before its time");
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_task_that_nobody_takes_times_out_too() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &task_with("work", json!({ "TimeoutSeconds": 1 }))).await;
    let arn = node.run("order", "o", &json!({})).await;
    let ended = node.end_of(&arn).await;
    assert_eq!((ended.status(), ended.error.as_deref()), (ExecutionStatus::Failed, Some("States.Timeout")));
    let mut worker = node.worker("late", &["work"], 1).await;
    assert!(worker.settle().await.0.is_empty(), "it is handed to nobody any more");
    drop(worker);
    node.shut_down().await;
}

/// One task beats; its neighbour is silent and is timed out twice, which takes longer than the first one may be
/// silent.
#[tokio::test]
async fn heartbeats_keep_a_task_alive() {
    let node = TestNode::start(&Database::sqlite()).await;
    let retry = json!({ "HeartbeatSeconds": 1, "Retry": [{
        "ErrorEquals": ["States.HeartbeatTimeout"], "MaxAttempts": 1, "IntervalSeconds": 1,
    }] });
    node.deploy("living", &task_with("living", json!({ "HeartbeatSeconds": 2 }))).await;
    node.deploy("silent", &task_with("silent", retry)).await;
    let mut living = node.worker("living", &["living"], 1).await;
    let living_arn = node.run("living", "o", &json!({})).await;
    let task = living.task().await;
    let silent_arn = node.run("silent", "o", &json!({})).await;
    let mut silent = node.worker("silent", &["silent"], 2).await;

    let silence = async {
        for _ in 0..2 {
            let task = silent.task().await;
            assert_eq!(silent.cancellation().await, task.token);
            assert_eq!(silent.succeed(&task.token, "{}").await, Verdict::AlreadyOver);
        }
        node.end_of(&silent_arn).await
    };
    let beats = async {
        let mut beat = tokio::time::interval(BEAT);
        loop {
            beat.tick().await;
            living.beat(&task.token).await;
        }
    };
    let ended = soon(async {
        tokio::select! {
            ended = silence => ended,
            () = beats => unreachable!("it beats until it is dropped"),
        }
    })
    .await;
    assert_eq!((ended.status(), ended.error.as_deref()), (ExecutionStatus::Failed, Some("States.Timeout")));
    assert_eq!(
        living.succeed(&task.token, "{}").await,
        Verdict::Accepted,
        "it has lived through two silences"
    );
    assert_eq!(node.end_of(&living_arn).await.status(), ExecutionStatus::Succeeded);
    drop((living, silent));
    node.shut_down().await;
}
