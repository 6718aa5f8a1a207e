//! Start, describe and stop.

use futures::future::join_all;
use serde_json::json;
use stepwell_asl::machine::Limits;
use stepwell_proto::v1::{
    CompensationStatus, DescribeExecutionRequest, Execution, ExecutionStatus, StartExecutionRequest,
    StopExecutionRequest,
};
use stepwell_tests::node::{Database, TestNode, done, present, soon};
use stepwell_tests::small_machines::{one_task, pass, task_with};
use tonic::{Code, Status};

everywhere! {
    starts_are_refused
    a_repeated_start_answers_with_the_execution
    of_starts_at_once_one_starts
    an_execution_goes_by_three_names
    a_stop_ends_a_running_execution_only
}

async fn describe(node: &TestNode, execution: &str) -> Result<Execution, Status> {
    let request = DescribeExecutionRequest { execution: execution.to_owned() };
    let response = soon(node.executions.clone().describe_execution(request)).await?;
    Ok(present(response.into_inner().execution))
}

async fn stop(node: &TestNode, execution: &str, error: &str, cause: &str) -> Result<Execution, Status> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let request =
        StopExecutionRequest { execution: execution.to_owned(), error: text(error), cause: text(cause) };
    let response = soon(node.executions.clone().stop_execution(request)).await?;
    Ok(present(response.into_inner().execution))
}

fn refused<T>(result: Result<T, Status>) -> Code {
    result.err().expect("a refusal").code()
}

async fn starts_are_refused(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &pass(json!({}))).await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let sized = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let long = "x".repeat(81);
    let table = [
        ("nothing", "o", "{}", Code::NotFound),
        ("arn:aws:states:local:000000000000:stateMachine:nothing", "o", "{}", Code::NotFound),
        ("", "o", "{}", Code::InvalidArgument),
        ("order", "a b", "{}", Code::InvalidArgument),
        ("order", "a/b", "{}", Code::InvalidArgument),
        ("order", &long, "{}", Code::InvalidArgument),
        ("order", "o", "", Code::InvalidArgument),
        ("order", "o", "{", Code::InvalidArgument),
        ("order", "o", "{} {}", Code::InvalidArgument),
        ("order", "o", "NaN", Code::InvalidArgument),
        ("order", "o", &deep(65), Code::InvalidArgument),
        ("order", "o", &deep(100_000), Code::InvalidArgument),
        ("order", "o", &sized(262_145), Code::InvalidArgument),
    ];
    for (machine, name, input, expected) in table {
        let shown: String = input.chars().take(40).collect();
        assert_eq!(refused(node.try_start(machine, name, input).await), expected, "{machine} {name} {shown}");
    }
    assert_eq!(refused(describe(&node, "order/o").await), Code::NotFound, "nothing was started");
    for (name, input) in [("deep", deep(64)), ("large", sized(262_144)), ("scalar", "7".to_owned())] {
        node.try_start("order", name, &input).await.expect("within the limits");
        assert_eq!(node.describe(&format!("order/{name}")).await.input, Some(input));
    }
    node.shut_down().await;
}

#[tokio::test]
async fn the_payload_limit_is_a_setting() {
    let limits = Limits { payload_bytes_max: 100, ..Limits::default() };
    let node = TestNode::start_with(&Database::sqlite(), limits).await;
    node.deploy("order", &pass(json!({}))).await;
    let sized = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    node.try_start("order", "fits", &sized(100)).await.expect("within the limit");
    let status = node.try_start("order", "o", &sized(101)).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("100 bytes"), "{status:?}");
    let worker = node.worker("w", &["work"], 0).await;
    assert_eq!(worker.welcome.payload_bytes_max, 100);
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn what_is_left_out_has_a_default() {
    let node = TestNode::start(&Database::sqlite()).await;
    let machine = node.deploy("order", &pass(json!({ "done": true }))).await;
    let request = StartExecutionRequest { state_machine: machine.arn.clone(), ..Default::default() };
    let started = done(soon(node.executions.clone().start_execution(request)).await);
    let execution = present(started.execution);
    assert!(started.started);
    assert_eq!(execution.name.len(), 36, "a UUID: {}", execution.name);
    let ended = node.end_of(&execution.arn).await;
    assert_eq!(ended.input.as_deref(), Some("{}"));
    assert_eq!(ended.output.as_deref(), Some(r#"{"done":true}"#));
    assert_eq!(
        (ended.status(), ended.state_machine_arn.as_str()),
        (ExecutionStatus::Succeeded, &*machine.arn)
    );
    assert_eq!(ended.compensation_status(), CompensationStatus::None);
    assert!(ended.started_at.is_some() && ended.stopped_at.is_some());
    node.shut_down().await;
}

async fn a_repeated_start_answers_with_the_execution(database: &Database) {
    let mut node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    node.deploy("other", &one_task("nobody")).await;
    let arn = node.run("order", "o", &json!({ "a": [1, 2.5] })).await;
    // The second time as a node finds it that has read it back.
    for _ in 0..2 {
        for input in [r#"{"a":[1,2.5]}"#, "{ \"a\" : [ 1, 2.50 ] }"] {
            let again = node.try_start("order", "o", input).await.expect("the same start");
            assert!(!again.started);
            assert_eq!(present(again.execution).arn, arn);
        }
        let other = node.try_start("order", "o", r#"{"a":[1,2]}"#).await;
        assert_eq!(refused(other), Code::AlreadyExists, "another input");
        node.shut_down().await;
        node = TestNode::start(database).await;
    }
    node.run("other", "o", &json!({})).await;

    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, "{}").await;
    worker.leave().await.expect("a good end");
    let ended = node.end_of(&arn).await;
    for input in [r#"{"a":[1,2.5]}"#, "{}"] {
        assert_eq!(refused(node.try_start("order", "o", input).await), Code::AlreadyExists, "after its end");
    }
    assert_eq!(node.describe(&arn).await, ended, "nothing has changed it");
    node.shut_down().await;
}

async fn of_starts_at_once_one_starts(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    let starts = join_all((0..50).map(|_| node.try_start("order", "o", "{}"))).await;
    let started = starts.into_iter().filter(|start| start.as_ref().expect("all mean the same").started);
    assert_eq!(started.count(), 1);

    // Of different ones, one wins and the others hear so.
    let inputs: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let starts = join_all(inputs.iter().map(|input| node.try_start("order", "p", input))).await;
    let (won, lost): (Vec<_>, Vec<_>) = starts.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|start| refused(start) == Code::AlreadyExists));

    let mut worker = node.worker("w", &["work"], 100).await;
    assert_eq!(worker.settle().await.0.len(), 2, "one task each");
    drop(worker);
    node.shut_down().await;
}

async fn an_execution_goes_by_three_names(database: &Database) {
    let node = TestNode::start(database).await;
    for machine in ["order", "refund"] {
        node.deploy(machine, &one_task("nobody")).await;
    }
    let arn = node.run("order", "o-1", &json!({})).await;
    assert_eq!(arn, "arn:aws:states:local:000000000000:execution:order:o-1");
    for name in [arn.as_str(), "order/o-1", "o-1"] {
        assert_eq!(describe(&node, name).await.expect("it is there").arn, arn, "{name}");
    }
    node.run("refund", "o-1", &json!({})).await;
    assert_eq!(refused(describe(&node, "o-1").await), Code::InvalidArgument, "two have the name");
    assert_eq!(describe(&node, "order/o-1").await.expect("it is there").arn, arn);
    for (name, expected) in [
        ("", Code::InvalidArgument),
        ("o-2", Code::NotFound),
        ("order/o-2", Code::NotFound),
        ("o-1/order", Code::NotFound),
        ("order/o-1/o-1", Code::NotFound),
        ("arn:aws:states:local:000000000000:execution:order", Code::NotFound),
        ("arn:aws:states:local:000000000000:stateMachine:order", Code::NotFound),
    ] {
        assert_eq!(refused(describe(&node, name).await), expected, "{name}");
    }
    node.shut_down().await;
}

async fn a_stop_ends_a_running_execution_only(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("nobody")).await;
    let arn = node.run("order", "o", &json!({ "in": 1 })).await;
    let stopped = stop(&node, &arn, "Order.Cancelled", "the customer said so").await.expect("it runs");
    assert_eq!(stopped.status(), ExecutionStatus::Aborted);
    assert_eq!(stopped.error.as_deref(), Some("Order.Cancelled"));
    assert_eq!(stopped.cause.as_deref(), Some("the customer said so"));
    assert_eq!((stopped.input.as_deref(), stopped.output.as_deref()), (Some(r#"{"in":1}"#), None));
    assert_eq!(stop(&node, "o", "Another", "reason").await.expect("it has ended"), stopped);
    assert_eq!(node.end_of(&arn).await, stopped);
    let last = node.history(&arn).await.pop().expect("an event");
    assert_eq!(last.r#type, "ExecutionAborted");
    let details: serde_json::Value = serde_json::from_str(&present(last.details)).expect("JSON");
    assert_eq!(details, json!({ "error": "Order.Cancelled", "cause": "the customer said so" }));

    node.run("order", "silent", &json!({})).await;
    let silent = stop(&node, "silent", "", "").await.expect("it runs");
    assert_eq!((silent.status(), silent.error, silent.cause), (ExecutionStatus::Aborted, None, None));
    assert_eq!(refused(stop(&node, "order/nothing", "", "").await), Code::NotFound);
    assert_eq!(refused(stop(&node, "", "", "").await), Code::InvalidArgument);

    // What is too long to be told is cut, between two characters.
    node.run("order", "loud", &json!({})).await;
    let loud = stop(&node, "loud", &"é".repeat(300), &"é".repeat(200_000)).await.expect("it runs");
    assert_eq!(loud.error.map(|error| error.chars().count()), Some(256));
    assert_eq!(loud.cause.map(|cause| cause.len()), Some(262_144));
    node.shut_down().await;
}

#[tokio::test]
async fn of_stops_at_once_one_counts() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("nobody")).await;
    node.run("order", "o", &json!({})).await;
    let errors: Vec<_> = (0..20).map(|number| format!("E{number}")).collect();
    let stops = join_all(errors.iter().map(|error| stop(&node, "order/o", error, ""))).await;
    let stops: Vec<_> = stops.into_iter().map(|stopped| stopped.expect("it was there")).collect();
    assert!(stops.windows(2).all(|pair| pair[0] == pair[1]), "all are told the same end");
    assert_eq!(node.event_types("order/o").await.last().map(String::as_str), Some("ExecutionAborted"));
    node.shut_down().await;
}

#[tokio::test]
async fn an_execution_that_times_out_says_so() {
    let node = TestNode::start(&Database::sqlite()).await;
    let mut machine = task_with("nobody", json!({}));
    machine["TimeoutSeconds"] = json!(1);
    node.deploy("order", &machine).await;
    let arn = node.run("order", "o", &json!({})).await;
    let ended = node.end_of(&arn).await;
    assert_eq!((ended.status(), ended.output), (ExecutionStatus::TimedOut, None));
    node.shut_down().await;
}

/// A start with a taken name is decided, and thrown away when the database says so. Whoever asks for the execution
/// at that very moment must not hear of it.
#[tokio::test]
async fn a_start_with_a_taken_name_does_not_disturb_others() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("nobody")).await;
    let arn = node.run("order", "o", &json!({})).await;
    let stopped = stop(&node, &arn, "", "").await.expect("it runs");
    let starts = join_all((0..100).map(|_| node.try_start("order", "o", "{}")));
    let stops = join_all((0..100).map(|_| stop(&node, &arn, "", "")));
    let ends = join_all((0..100).map(|_| node.end_of(&arn)));
    let (starts, stops, ends) = tokio::join!(starts, stops, ends);
    assert!(starts.into_iter().all(|start| refused(start) == Code::AlreadyExists));
    assert!(stops.into_iter().all(|again| again.expect("it has ended") == stopped));
    assert!(ends.into_iter().all(|ended| ended == stopped));
    node.shut_down().await;
}
