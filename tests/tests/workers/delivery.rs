//! Who gets which task, and when: credits, order, turns, loss, return.

use serde_json::{Value, json};
use stepwell_proto::v1::{ExecutionStatus, Task, Verdict};
use stepwell_tests::node::{Database, TestNode, present};
use stepwell_tests::small_machines::{caught_task, one_task};

/// Starts executions `o-0`, `o-1` … of a machine, one after the other.
async fn start(node: &TestNode, machine: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        node.run(machine, &format!("o-{number}"), &json!({ "number": number })).await;
    }
}

fn names(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| task.execution_name.as_str()).collect()
}

#[tokio::test]
async fn a_task_tells_what_it_is() {
    let node = TestNode::start(&Database::sqlite()).await;
    let machine = json!({ "StartAt": "Charge", "States": { "Charge": {
        "Type": "Task", "Resource": "worker:charge", "End": true, "TimeoutSeconds": 600, "HeartbeatSeconds": 60,
        "Parameters": { "amount.$": "$.total" },
        "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1 }],
    } } });
    node.deploy("order", &machine).await;
    let arn = node.run("order", "o", &json!({ "total": 7 })).await;
    let mut worker = node.worker("w", &["charge"], 2).await;
    let first = worker.task().await;
    assert_eq!(
        (first.queue.as_str(), first.state.as_str(), first.execution_name.as_str(), &first.execution_arn),
        ("charge", "Charge", "o", &arn)
    );
    assert_eq!(&*first.input, br#"{"amount":7}"#);
    assert_eq!((first.attempt, first.delivery), (1, 1));
    assert_eq!(present(first.heartbeat_timeout).seconds, 60);
    let scheduled = node.history(&arn).await.into_iter().find(|event| event.r#type.ends_with("Scheduled"));
    let scheduled_at = present(present(scheduled).at);
    let deadline_at = present(first.deadline_at);
    assert_eq!((deadline_at.seconds, deadline_at.nanos), (scheduled_at.seconds + 600, scheduled_at.nanos));

    assert_eq!(worker.fail(&first.token, "Busy", "try again").await, Verdict::Accepted);
    let second = worker.task().await;
    assert_eq!((second.attempt, second.delivery), (2, 1));
    assert_ne!(second.token, first.token, "an attempt has a token of its own");
    assert_eq!(second.idempotency_key, first.idempotency_key, "a task has one key for all its attempts");
    assert_eq!(worker.succeed(&second.token, "{}").await, Verdict::Accepted);
    node.end_of(&arn).await;
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn tasks_come_in_order_and_never_more_than_asked_for() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    start(&node, "order", 0..10).await;
    let mut worker = node.worker("w", &["work"], 3).await;
    assert_eq!(names(&worker.settle().await.0), ["o-0", "o-1", "o-2"]);
    worker.ask(2).await;
    worker.ask(1).await;
    assert_eq!(names(&worker.settle().await.0), ["o-3", "o-4", "o-5"]);
    // An answer brings no credit by itself.
    start(&node, "order", 10..12).await;
    assert!(worker.settle().await.0.is_empty());
    worker.ask(u32::MAX).await;
    worker.ask(u32::MAX).await;
    assert_eq!(names(&worker.settle().await.0), ["o-6", "o-7", "o-8", "o-9", "o-10", "o-11"]);
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn of_several_queues_the_oldest_task_comes_first() {
    let node = TestNode::start(&Database::sqlite()).await;
    for queue in ["a", "b", "c"] {
        node.deploy(queue, &one_task(queue)).await;
    }
    for (number, queue) in ["b", "a", "b", "c", "a"].into_iter().enumerate() {
        start(&node, queue, number..number + 1).await;
    }
    let mut worker = node.worker("w", &["a", "b"], 2).await;
    assert_eq!(names(&worker.settle().await.0), ["o-0", "o-1"]);
    worker.ask(10).await;
    assert_eq!(names(&worker.settle().await.0), ["o-2", "o-4"], "c is served by nobody");
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn workers_of_a_queue_take_turns() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    let mut one = node.worker("one", &["work"], 10).await;
    let mut two = node.worker("two", &["work"], 2).await;
    start(&node, "order", 0..6).await;
    assert_eq!(names(&one.settle().await.0), ["o-0", "o-2", "o-4", "o-5"], "one has more credit");
    assert_eq!(names(&two.settle().await.0), ["o-1", "o-3"]);
    drop((one, two));
    node.shut_down().await;
}

#[tokio::test]
async fn a_task_waits_for_a_worker() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut stranger = node.worker("stranger", &["other"], 5).await;
    assert!(stranger.settle().await.0.is_empty());
    let mut worker = node.worker("w", &["work"], 0).await;
    assert!(worker.settle().await.0.is_empty());
    worker.ask(1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, r#""done""#).await;
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some(r#""done""#));
    drop((stranger, worker));
    node.shut_down().await;
}

#[tokio::test]
async fn what_a_lost_worker_had_goes_to_others_in_its_old_order() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    start(&node, "order", 0..4).await;
    let mut lost = node.worker("lost", &["work"], 3).await;
    let before = lost.take(3).await;
    drop(lost);
    let mut worker = node.worker("w", &["work"], 4).await;
    let after = worker.take(4).await;
    assert_eq!(names(&after), ["o-0", "o-1", "o-2", "o-3"]);
    for (again, first) in after.iter().zip(&before) {
        assert_eq!((&again.token, &again.idempotency_key), (&first.token, &first.idempotency_key));
        assert_eq!((first.delivery, again.delivery, again.attempt), (1, 2, 1));
    }
    for task in after {
        assert_eq!(worker.succeed(&task.token, "{}").await, Verdict::Accepted);
    }
    assert!(node.end_of("order/o-2").await.output.is_some());
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_task_that_loses_ten_workers_fails_and_may_be_caught() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &caught_task("work", json!({}))).await;
    node.deploy("careless", &one_task("work")).await;
    for machine in ["order", "careless"] {
        let arn = node.run(machine, "o", &json!({})).await;
        for delivery in 1..=10 {
            let mut worker = node.worker("lost", &["work"], 1).await;
            assert_eq!(worker.task().await.delivery, delivery);
        }
        let ended = node.end_of(&arn).await;
        let cause = "the task was handed to 10 workers, and each was lost while it had it";
        if machine == "order" {
            let output: Value = serde_json::from_str(&present(ended.output)).expect("JSON");
            assert_eq!(output, json!({ "Error": "Stepwell.WorkerLost", "Cause": cause }));
        } else {
            assert_eq!(ended.status(), ExecutionStatus::Failed);
            assert_eq!(
                (ended.error.as_deref(), ended.cause.as_deref()),
                (Some("Stepwell.WorkerLost"), Some(cause))
            );
        }
    }
    node.shut_down().await;
}

#[tokio::test]
async fn what_is_handed_back_goes_to_another_worker() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    let mut unwilling = node.worker("unwilling", &["work"], 5).await;
    start(&node, "order", 0..2).await;
    let tasks = unwilling.take(2).await;
    let mut worker = node.worker("w", &["work"], 1).await;
    // In the wrong order on purpose: the first credit is for whichever comes back first.
    assert_eq!(unwilling.hand_back(&tasks[1].token).await, Verdict::Accepted);
    let again = worker.task().await;
    assert_eq!((&again.token, again.delivery), (&tasks[1].token, 1), "returning is not losing");
    assert_eq!(unwilling.hand_back(&tasks[0].token).await, Verdict::Accepted);
    assert!(unwilling.settle().await.0.is_empty(), "not to the one that does not want it");
    assert_eq!(unwilling.hand_back(&tasks[0].token).await, Verdict::AlreadyOver, "it has it no more");
    assert_eq!(
        unwilling.succeed(&tasks[1].token, "{}").await,
        Verdict::Accepted,
        "its token is good all the same"
    );
    assert_eq!(worker.cancellation().await, tasks[1].token, "for the other one it is over");
    worker.ask(1).await;
    assert_eq!(worker.task().await.token, tasks[0].token);
    drop((unwilling, worker));
    node.shut_down().await;
}

#[tokio::test]
async fn a_worker_that_drains_gets_nothing_more() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    start(&node, "order", 0..1).await;
    let mut worker = node.worker("w", &["work"], 10).await;
    let task = worker.task().await;
    worker.drain().await;
    worker.ask(10).await;
    assert!(worker.settle().await.0.is_empty());
    start(&node, "order", 1..3).await;
    assert!(worker.settle().await.0.is_empty());
    assert_eq!(worker.succeed(&task.token, "{}").await, Verdict::Accepted, "it may finish what it has");
    worker.leave().await.expect("a good end");
    let mut next = node.worker("next", &["work"], 10).await;
    assert_eq!(names(&next.take(2).await), ["o-1", "o-2"]);
    drop(next);
    node.shut_down().await;
}

#[tokio::test]
async fn an_activity_knows_who_took_it() {
    let node = TestNode::start(&Database::sqlite()).await;
    let machine = json!({ "StartAt": "Sign", "States": { "Sign": {
        "Type": "Task", "Resource": "arn:aws:states:local:000000000000:activity:sign", "End": true,
    } } });
    node.deploy("order", &machine).await;
    let arn = node.run("order", "o", &json!({})).await;
    let started = async || {
        let events = node.history(&arn).await.into_iter();
        let events = events.filter(|event| event.r#type == "ActivityStarted");
        events.map(|event| present(event.details)).collect::<Vec<_>>()
    };
    assert!(started().await.is_empty(), "nobody has taken it");
    let mut lost = node.worker("Ada", &["sign"], 1).await;
    let first = lost.task().await;
    lost.settle().await;
    assert_eq!(started().await, [r#"{"workerName":"Ada"}"#]);
    drop(lost);
    let mut worker = node.worker("Bob", &["sign"], 1).await;
    let again = worker.task().await;
    assert_eq!(again.token, first.token);
    worker.succeed(&again.token, "{}").await;
    node.end_of(&arn).await;
    assert_eq!(started().await.len(), 1, "it began once");
    drop(worker);
    node.shut_down().await;
}
