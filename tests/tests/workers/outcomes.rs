//! What becomes of an outcome: accepted, too late, or refused; and what is in it.

use serde_json::{Value, json};
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::{ExecutionStatus, StopExecutionRequest, TaskFailure, Verdict};
use stepwell_tests::node::{Database, TestNode, done, present, soon};
use stepwell_tests::raw_worker::RawWorker;
use stepwell_tests::small_machines::{caught_task, one_task, task_with};

/// A node with one execution whose task a worker has.
async fn with_a_task(machine: &Value) -> (TestNode, RawWorker, Vec<u8>, String) {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", machine).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut worker = node.worker("w", &["work"], 10).await;
    let task = worker.task().await;
    (node, worker, task.token.to_vec(), arn)
}

#[tokio::test]
async fn an_attempt_is_answered_once() {
    let (node, mut worker, token, arn) = with_a_task(&one_task("work")).await;
    let same_frame = |output: &str| (token.clone(), Some(Answer::Output(output.to_owned().into())));
    worker.send_outcomes([same_frame("1"), same_frame("2"), same_frame("3")]).await;
    let verdicts = [worker.receipt().await, worker.receipt().await, worker.receipt().await];
    assert_eq!(
        verdicts.map(|receipt| receipt.verdict()),
        [Verdict::Accepted, Verdict::AlreadyOver, Verdict::AlreadyOver]
    );
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some("1"));
    // Later too, and another worker, and in another way.
    assert_eq!(worker.succeed(&token, "4").await, Verdict::AlreadyOver);
    let mut other = node.worker("other", &["work"], 0).await;
    assert_eq!(other.fail(&token, "E", "c").await, Verdict::AlreadyOver);
    assert_eq!(other.hand_back(&token).await, Verdict::AlreadyOver);
    let ends = node.event_types(&arn).await;
    assert_eq!(ends.iter().filter(|name| name.ends_with("Succeeded")).count(), 2, "{ends:?}");
    drop((worker, other));
    node.shut_down().await;
}

#[tokio::test]
async fn an_answer_to_an_attempt_that_was_retried_is_too_late() {
    let retry = json!({ "Retry": [{ "ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 3 }] });
    let (node, mut worker, token, arn) = with_a_task(&task_with("work", retry)).await;
    assert_eq!(worker.fail(&token, "E", "c").await, Verdict::Accepted);
    assert_eq!(worker.succeed(&token, "\"early\"").await, Verdict::AlreadyOver, "before the retry");
    let second = worker.task().await;
    assert_eq!(worker.succeed(&token, "\"late\"").await, Verdict::AlreadyOver, "after it");
    assert_eq!(worker.succeed(&second.token, "\"right\"").await, Verdict::Accepted);
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some("\"right\""));
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn forged_tokens_change_nothing() {
    let (node, mut worker, token, arn) = with_a_task(&one_task("work")).await;
    let other_arn = node.run("order", "other", &json!({})).await;
    let other = worker.task().await.token.to_vec();
    let changed = |place: usize| {
        let mut forged = token.clone();
        forged[place] ^= 1;
        forged
    };
    let mut unborn = token.clone();
    unborn[16..24].copy_from_slice(&999_u64.to_be_bytes());
    let mut event = token.clone();
    event[16..24].copy_from_slice(&1_u64.to_be_bytes());
    let crossed = [&other[..16], &token[16..]].concat();
    let table = [
        ("nothing", Vec::new(), Verdict::Refused),
        ("garbage", b"garbage".to_vec(), Verdict::Refused),
        ("a byte more", [&token[..], b"x"].concat(), Verdict::Refused),
        ("a byte less", token[1..].to_vec(), Verdict::Refused),
        (
            "its text",
            token.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
            Verdict::Refused,
        ),
        ("another nonce", changed(31), Verdict::Refused),
        ("an attempt of another execution", crossed, Verdict::Refused),
        ("an attempt still to come", unborn, Verdict::Refused),
        // The owner knows only who waits: of these it can say no more than that nobody does.
        ("an event that is no attempt", event, Verdict::AlreadyOver),
        ("an execution that is not there", changed(0), Verdict::AlreadyOver),
    ];
    let before = (node.history(&arn).await, node.history(&other_arn).await);
    for (what, forged, expected) in table {
        assert_eq!(worker.succeed(&forged, "\"forged\"").await, expected, "{what}: an output");
        assert_eq!(worker.fail(&forged, "Forged", "").await, expected, "{what}: a failure");
        let returned = if forged.len() == 32 { Verdict::AlreadyOver } else { Verdict::Refused };
        assert_eq!(worker.hand_back(&forged).await, returned, "{what}: a return");
        worker.beat(&forged).await;
    }
    let empty = worker.answer(&token, None).await;
    assert_eq!(empty.verdict(), Verdict::Refused, "an outcome without a result");
    assert!(!empty.message.is_empty());
    let (tasks, cancelled) = worker.settle().await;
    assert!(tasks.is_empty() && cancelled.is_empty());
    assert_eq!((node.history(&arn).await, node.history(&other_arn).await), before);

    assert_eq!(worker.succeed(&token, "\"real\"").await, Verdict::Accepted);
    assert_eq!(worker.succeed(&other, "\"also\"").await, Verdict::Accepted);
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some("\"real\""));
    assert_eq!(node.end_of(&other_arn).await.output.as_deref(), Some("\"also\""));
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_bad_output_fails_the_task() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &caught_task("work", json!({}))).await;
    let mut worker = node.worker("w", &["work"], 100).await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let sized = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
    let table: [(&str, Vec<u8>, Option<&str>); 12] = [
        ("no JSON", b"{".to_vec(), Some("Stepwell.InvalidOutput")),
        ("nothing", Vec::new(), Some("Stepwell.InvalidOutput")),
        ("two documents", b"{} {}".to_vec(), Some("Stepwell.InvalidOutput")),
        ("too deep", deep(65), Some("Stepwell.InvalidOutput")),
        ("far too deep", deep(100_000), Some("Stepwell.InvalidOutput")),
        ("no text at all", vec![0xff, 0xfe], Some("Stepwell.InvalidOutput")),
        ("JSON but for its text", b"\"caf\xe9\"".to_vec(), Some("Stepwell.InvalidOutput")),
        ("half a character", b"\"\xf0\x9f\"".to_vec(), Some("Stepwell.InvalidOutput")),
        ("too large", sized(262_145), Some("States.DataLimitExceeded")),
        ("too large and no JSON", vec![b'{'; 300_000], Some("States.DataLimitExceeded")),
        ("just small enough", sized(262_144), None),
        ("just deep enough", deep(64), None),
    ];
    for (number, (what, output, expected)) in table.into_iter().enumerate() {
        let arn = node.run("order", &format!("o-{number}"), &json!({})).await;
        let task = worker.task().await;
        assert_eq!(worker.succeed(&task.token, output.clone()).await, Verdict::Accepted, "{what}");
        let ended = node.end_of(&arn).await;
        assert_eq!(ended.status(), ExecutionStatus::Succeeded, "{what}: {ended:?}");
        let text = present(ended.output);
        match expected {
            None => assert_eq!(text.into_bytes(), output, "{what}"),
            Some(error) => {
                let caught: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(caught["Error"], error, "{what}: {caught}");
                assert_ne!(caught["Cause"], "", "{what}");
            }
        }
    }
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_failure_is_told_as_far_as_it_fits() {
    let text = |text: &str| Some(text.to_owned());
    let long = "é".repeat(400);
    let table = [
        (TaskFailure { error: text("E"), cause: text("c") }, text("E"), text("c")),
        (TaskFailure { error: text("E"), cause: None }, text("E"), None),
        (TaskFailure { error: None, cause: text("c") }, None, text("c")),
        (TaskFailure { error: None, cause: None }, None, None),
        (TaskFailure { error: text(&long), cause: None }, Some("é".repeat(256)), None),
        (
            TaskFailure { error: text("E"), cause: Some("é".repeat(200_000)) },
            text("E"),
            Some("é".repeat(131_072)),
        ),
    ];
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    let mut worker = node.worker("w", &["work"], 100).await;
    for (number, (failure, error, cause)) in table.into_iter().enumerate() {
        let arn = node.run("order", &format!("o-{number}"), &json!({})).await;
        let task = worker.task().await;
        let receipt = worker.answer(&task.token, Some(Answer::Failure(failure))).await;
        assert_eq!(receipt.verdict(), Verdict::Accepted);
        let ended = node.end_of(&arn).await;
        assert_eq!(ended.status(), ExecutionStatus::Failed);
        assert!(ended.error == error && ended.cause == cause, "{number}");
    }
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_task_of_a_stopped_execution_is_cancelled() {
    let (node, mut worker, token, arn) = with_a_task(&one_task("work")).await;
    let request = StopExecutionRequest { execution: arn.clone(), error: None, cause: None };
    done(soon(node.executions.clone().stop_execution(request)).await);
    assert_eq!(worker.cancellation().await, token);
    assert_eq!(worker.succeed(&token, "{}").await, Verdict::AlreadyOver);
    assert_eq!(node.describe(&arn).await.status(), ExecutionStatus::Aborted);
    // And one that nobody has is handed to nobody.
    node.deploy("other", &one_task("idle")).await;
    let arn = node.run("other", "o", &json!({})).await;
    let request = StopExecutionRequest { execution: arn, error: None, cause: None };
    done(soon(node.executions.clone().stop_execution(request)).await);
    let mut idle = node.worker("idle", &["idle"], 1).await;
    assert!(idle.settle().await.0.is_empty());
    drop((worker, idle));
    node.shut_down().await;
}

#[tokio::test]
async fn the_failure_of_a_branch_cancels_its_neighbours() {
    let branch = |name: &str, queue: &str| {
        json!({ "StartAt": name, "States": { name: {
            "Type": "Task", "Resource": format!("worker:{queue}"), "End": true,
        } } })
    };
    let machine = json!({ "StartAt": "Both", "States": { "Both": {
        "Type": "Parallel", "End": true, "Branches": [branch("Left", "left"), branch("Right", "right")],
    } } });
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &machine).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut worker = node.worker("w", &["left", "right"], 2).await;
    let (left, right) = (worker.task().await, worker.task().await);
    assert_eq!((left.queue.as_str(), right.queue.as_str()), ("left", "right"));
    assert_ne!(left.idempotency_key, right.idempotency_key);
    assert_eq!(worker.fail(&right.token, "E", "c").await, Verdict::Accepted);
    assert_eq!(worker.cancellation().await, left.token);
    assert_eq!(worker.succeed(&left.token, "{}").await, Verdict::AlreadyOver);
    assert_eq!(node.end_of(&arn).await.error.as_deref(), Some("E"));
    drop(worker);
    node.shut_down().await;
}
