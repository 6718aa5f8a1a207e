//! Answers by token: `lambda:invoke.waitForTaskToken`, and whoever it was sent to.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_proto::v1::{
    CompleteTaskRequest, ExecutionStatus, FailTaskRequest, RecordTaskHeartbeatRequest, StopExecutionRequest,
    TaskFailure, Verdict,
};
use stepwell_tests::node::{Database, TestNode, done, present, soon};
use tonic::{Code, Status};

everywhere! {
    a_token_completes_its_task
    a_token_fails_its_task
    an_attempt_that_is_over_stays_over
}

/// Sends the token to a function, and waits for whoever answers it.
fn asking(fields: Value) -> Value {
    let mut machine = json!({ "StartAt": "Ask", "States": { "Ask": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Parameters": { "FunctionName": "mailer", "Payload": { "token.$": "$$.Task.Token" } },
    } } });
    let (Some(state), Value::Object(more)) = (machine["States"]["Ask"].as_object_mut(), fields) else {
        panic!("expected the fields of a state as an object");
    };
    state.extend(more);
    machine
}

/// Starts an execution and makes the call: gives its ARN and the token that was sent.
async fn asked(node: &TestNode, name: &str) -> (String, String) {
    let arn = node.run("order", name, &json!({})).await;
    let mut worker = node.worker("mailer", &["mailer"], 1).await;
    let task = worker.task().await;
    let input: Value = serde_json::from_slice(&task.input).expect("JSON");
    assert_eq!(worker.succeed(&task.token, "{}").await, Verdict::Accepted);
    worker.leave().await.expect("a good end");
    (arn, input["token"].as_str().expect("a token").to_owned())
}

async fn complete(node: &TestNode, token: &str, output: &[u8]) -> Code {
    let request = CompleteTaskRequest { task_token: token.to_owned(), output: output.to_vec().into() };
    code(soon(node.workers.clone().complete_task(request)).await)
}

async fn fail(node: &TestNode, token: &str, error: &str) -> Code {
    let failure = TaskFailure { error: Some(error.to_owned()), cause: None };
    let request = FailTaskRequest { task_token: token.to_owned(), failure: Some(failure) };
    code(soon(node.workers.clone().fail_task(request)).await)
}

async fn beat(node: &TestNode, token: &str) -> Code {
    let request = RecordTaskHeartbeatRequest { task_token: token.to_owned() };
    code(soon(node.workers.clone().record_task_heartbeat(request)).await)
}

fn code<T>(response: Result<T, Status>) -> Code {
    response.err().map_or(Code::Ok, |status| status.code())
}

async fn a_token_completes_its_task(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &asking(json!({}))).await;
    let (arn, token) = asked(&node, "o").await;
    assert_eq!(beat(&node, &token).await, Code::Ok);
    for output in [&b"{"[..], b"", b"\"caf\xe9\"", &[b'1'; 262_145]] {
        assert_eq!(complete(&node, &token, output).await, Code::InvalidArgument);
    }
    assert_eq!(node.describe(&arn).await.status(), ExecutionStatus::Running);
    assert_eq!(complete(&node, &token, br#"{"yes":true}"#).await, Code::Ok);
    let ended = node.end_of(&arn).await;
    assert_eq!(
        ended.output.as_deref(),
        Some(r#"{"yes":true}"#),
        "as it was given, not in the service's shape"
    );

    // Repeated, whatever the output: it is completed.
    for output in [&br#"{"yes":true}"#[..], b"{}"] {
        assert_eq!(complete(&node, &token, output).await, Code::Ok);
    }
    assert_eq!(fail(&node, &token, "E").await, Code::FailedPrecondition);
    assert_eq!(beat(&node, &token).await, Code::FailedPrecondition);
    assert_eq!(node.describe(&arn).await, ended, "nothing has changed it");
    node.shut_down().await;
}

async fn a_token_fails_its_task(database: &Database) {
    let node = TestNode::start(database).await;
    let retry = json!({ "Retry": [{ "ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1 }] });
    node.deploy("order", &asking(retry)).await;
    let (arn, first) = asked(&node, "o").await;
    assert_eq!(fail(&node, &first, "Again").await, Code::Ok);
    // Before the retry and after it, in a history that goes on.
    assert_eq!(fail(&node, &first, "Again").await, Code::Ok, "repeated");
    let mut worker = node.worker("mailer", &["mailer"], 1).await;
    let second = worker.task().await;
    assert_eq!(second.attempt, 2);
    assert_eq!(fail(&node, &first, "Other").await, Code::Ok, "it has failed, whatever the error");
    assert_eq!(complete(&node, &first, b"{}").await, Code::FailedPrecondition);
    assert_eq!(beat(&node, &first).await, Code::FailedPrecondition);

    // Whoever has the token may be quicker than the call that sends it.
    let input: Value = serde_json::from_slice(&second.input).expect("JSON");
    let token = input["token"].as_str().expect("a token");
    assert_ne!(token, first);
    assert_eq!(fail(&node, token, "Enough").await, Code::Ok);
    assert_eq!(worker.cancellation().await, second.token);
    assert_eq!(worker.succeed(&second.token, "{}").await, Verdict::AlreadyOver);
    let ended = node.end_of(&arn).await;
    assert_eq!((ended.status(), ended.error.as_deref()), (ExecutionStatus::Failed, Some("Enough")));
    assert_eq!(fail(&node, &first, "Again").await, Code::Ok, "also when all is over");
    drop(worker);
    node.shut_down().await;
}

async fn an_attempt_that_is_over_stays_over(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &asking(json!({ "TimeoutSeconds": 1 }))).await;
    let (timed_out, late) = asked(&node, "late").await;
    assert_eq!(node.end_of(&timed_out).await.error.as_deref(), Some("States.Timeout"));
    node.deploy("order", &asking(json!({}))).await;
    let (stopped, aborted) = asked(&node, "aborted").await;
    let request = StopExecutionRequest { execution: stopped, error: None, cause: None };
    done(soon(node.executions.clone().stop_execution(request)).await);
    for token in [&late, &aborted] {
        assert_eq!(complete(&node, token, b"{}").await, Code::FailedPrecondition);
        assert_eq!(fail(&node, token, "E").await, Code::FailedPrecondition);
        assert_eq!(beat(&node, token).await, Code::FailedPrecondition);
    }

    let (running, token) = asked(&node, "running").await;
    let changed = |place: usize| {
        let digit = if token.as_bytes()[place] == b'0' { "1" } else { "0" };
        [&token[..place], digit, &token[place + 1..]].concat()
    };
    let first_event = format!("{}{:016x}{}", &token[..32], 1, &token[48..]);
    let unborn = format!("{}{:016x}{}", &token[..32], 999, &token[48..]);
    let forged_late = format!("{}{}", &late[..48], "0123456789abcdef");
    for (token, expected) in [
        ("", Code::InvalidArgument),
        ("garbage", Code::InvalidArgument),
        (&token[1..], Code::InvalidArgument),
        (&"g".repeat(64), Code::InvalidArgument),
        (&"ä".repeat(32), Code::InvalidArgument),
        (&changed(0), Code::NotFound),
        (&changed(63), Code::NotFound),
        (&first_event, Code::NotFound),
        (&unborn, Code::NotFound),
        (&forged_late, Code::NotFound),
    ] {
        assert_eq!(complete(&node, token, b"{}").await, expected, "complete {token}");
        assert_eq!(fail(&node, token, "E").await, expected, "fail {token}");
        assert_eq!(beat(&node, token).await, expected, "heartbeat {token}");
    }
    assert_eq!(complete(&node, &token, b"{}").await, Code::Ok, "and the real one is as good as ever");
    node.end_of(&running).await;
    node.shut_down().await;
}

/// While it waits for its token, a task is kept alive by whoever has it.
#[tokio::test]
async fn heartbeats_by_token_keep_a_task_alive() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &asking(json!({ "HeartbeatSeconds": 2 }))).await;
    let (living, token) = asked(&node, "living").await;
    node.deploy("order", &asking(json!({ "HeartbeatSeconds": 1 }))).await;
    let silent = async {
        for name in ["one", "two", "three"] {
            let (arn, _) = asked(&node, name).await;
            assert_eq!(node.end_of(&arn).await.error.as_deref(), Some("States.Timeout"));
        }
    };
    let beats = async {
        let mut interval = tokio::time::interval(Duration::from_millis(100));
        loop {
            interval.tick().await;
            assert_eq!(beat(&node, &token).await, Code::Ok);
        }
    };
    tokio::select! {
        () = soon(silent) => {}
        () = beats => unreachable!("it beats until it is dropped"),
    }
    assert_eq!(complete(&node, &token, b"{}").await, Code::Ok);
    assert_eq!(node.end_of(&living).await.status(), ExecutionStatus::Succeeded);
    let submitted = node.history(&living).await.into_iter().find(|event| event.r#type == "TaskSubmitted");
    assert!(present(present(submitted).details).contains("StatusCode"), "the call has its answer too");
    node.shut_down().await;
}
