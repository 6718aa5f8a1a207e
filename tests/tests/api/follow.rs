//! Followers: each sees every event once and in order, from wherever it begins and however slow it is.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use stepwell_proto::v1::{
    Execution, ExecutionStatus, FollowExecutionRequest, FollowExecutionResponse, HistoryEvent,
};
use stepwell_tests::node::{Database, TestNode, soon};
use stepwell_tests::small_machines::{one_task, task_then_map};
use tonic::{Code, Status, Streaming};

everywhere! {
    followers_see_every_event_once
    a_slow_follower_loses_nothing
    a_follower_goes_on_after_a_restart
}

/// Reads to the end: the events, and the execution as it ended.
async fn read(
    mut stream: Streaming<FollowExecutionResponse>,
) -> Result<(Vec<HistoryEvent>, Execution), Status> {
    let mut events = Vec::new();
    loop {
        let message = soon(stream.message()).await?.expect("an end is told before the stream ends");
        events.extend(message.events);
        if let Some(execution) = message.execution {
            assert!(soon(stream.message()).await?.is_none(), "nothing comes after the end");
            return Ok((events, execution));
        }
    }
}

async fn followers_see_every_event_once(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &task_then_map("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    let early = join_all([0, 1, 2, 4, 9, 1_000].map(|from| node.follow(&arn, from, false))).await;
    let waiting = node.follow("order/o", 0, true).await;
    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, "[1,2,3]").await;
    worker.leave().await.expect("a good end");
    let end = node.end_of(&arn).await;
    let whole = node.history(&arn).await;
    assert_eq!(end.status(), ExecutionStatus::Succeeded);

    let late = join_all([0, 1, 2, 4, 9, 1_000].map(|from| node.follow("o", from, false))).await;
    let froms = [0, 1, 2, 4, 9, 1_000].into_iter().cycle();
    for (stream, from) in early.into_iter().chain(late).zip(froms) {
        let (events, execution) = read(stream).await.expect("the stream holds");
        let expected: Vec<_> = whole.iter().filter(|event| event.id >= from).cloned().collect();
        assert_eq!((events, &execution), (expected, &end), "from {from}");
    }
    assert_eq!(read(waiting).await.expect("the stream holds"), (Vec::new(), end));
    node.shut_down().await;
}

async fn a_slow_follower_loses_nothing(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &task_then_map("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    // It takes the first events and then none until all is over: far more than what may wait for it.
    let mut slow = node.follow(&arn, 0, false).await;
    let first = soon(slow.message()).await.expect("the stream holds").expect("a first message");
    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, json!((0..1_500).collect::<Vec<_>>()).to_string()).await;
    worker.leave().await.expect("a good end");
    let end = node.end_of(&arn).await;

    let (rest, execution) = read(slow).await.expect("the stream holds");
    let events: Vec<_> = first.events.into_iter().chain(rest).collect();
    assert!(events.len() > 6_000, "{}", events.len());
    let whole = node.history(&arn).await;
    assert!(events == whole, "every event, once and in order");
    assert_eq!(execution, end);
    node.shut_down().await;
}

async fn a_follower_goes_on_after_a_restart(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut stream = node.follow(&arn, 0, false).await;
    let seen = soon(stream.message()).await.expect("the stream holds").expect("events").events;
    let down = node.begin_shut_down();
    let status = soon(stream.message()).await.expect_err("the stream breaks");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    // Who follows does not hold the node up.
    tokio::time::timeout(Duration::from_secs(4), down.ended()).await.expect("a quick end");

    let node = TestNode::start(database).await;
    let next = seen.last().expect("an event").id + 1;
    let stream = node.follow(&arn, next, false).await;
    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, "{}").await;
    worker.leave().await.expect("a good end");
    let (rest, _) = read(stream).await.expect("the stream holds");
    let events: Vec<_> = seen.into_iter().chain(rest).collect();
    assert_eq!(events, node.history(&arn).await);
    node.shut_down().await;
}

#[tokio::test]
async fn nothing_is_followed_that_is_not_there() {
    let node = TestNode::start(&Database::sqlite()).await;
    for (execution, expected) in [("order/nothing", Code::NotFound), ("", Code::InvalidArgument)] {
        let request = FollowExecutionRequest { execution: execution.to_owned(), ..Default::default() };
        let refusal = soon(node.executions.clone().follow_execution(request)).await;
        assert_eq!(refusal.err().map(|status| status.code()), Some(expected));
    }
    node.shut_down().await;
}
