//! Answering tasks by their token.

use stepwell_worker::{Endpoint, TaskError, TaskTokens, TokenError};
use tonic::Status;

use crate::fake_engine::FakeEngine;

#[tokio::test]
async fn tokens_are_answered_over_unary_calls() {
    let mut engine = FakeEngine::start().await;
    let tokens =
        TaskTokens::new(Endpoint::new(engine.address()).bearer_token("s3cret")).expect("an endpoint");

    let answers = tokio::spawn(async move {
        tokens.complete("t1", &serde_json::json!({"approved": true})).await?;
        tokens.complete_raw("t2", "[1,  2]").await?;
        tokens.fail("t3", TaskError::new("Rejected", "by ada")).await?;
        tokens.fail("t4", TaskError::anonymous()).await?;
        tokens.heartbeat("t5").await
    });
    let expected = [
        r#"CompleteTaskRequest { task_token: "t1", output: b"{\"approved\":true}" }"#,
        r#"CompleteTaskRequest { task_token: "t2", output: b"[1,  2]" }"#,
        r#"FailTaskRequest { task_token: "t3", failure: Some(TaskFailure { error: Some("Rejected"), cause: Some("by ada") }) }"#,
        r#"FailTaskRequest { task_token: "t4", failure: Some(TaskFailure { error: None, cause: None }) }"#,
        r#"RecordTaskHeartbeatRequest { task_token: "t5" }"#,
    ];
    for expected in expected {
        let call = engine.call().await;
        assert_eq!(call.said, expected);
        assert_eq!(call.authorization.as_deref(), Some("Bearer s3cret"));
        call.answer.send(Ok(())).expect("a caller that waits");
    }
    answers.await.expect("no panic").expect("all answered");
}

type Kind = fn(&TokenError) -> bool;

#[tokio::test]
async fn refusals_say_what_to_do() {
    let mut engine = FakeEngine::start().await;
    let tokens = TaskTokens::new(engine.address()).expect("an endpoint");
    let table: [(Status, Kind); 4] = [
        (Status::invalid_argument("not JSON"), |error| matches!(error, TokenError::Invalid(_))),
        (Status::not_found("no such token"), |error| matches!(error, TokenError::NotFound(_))),
        (Status::failed_precondition("it timed out"), |error| matches!(error, TokenError::AttemptOver(_))),
        (Status::unavailable("shutting down"), |error| matches!(error, TokenError::Unavailable(_))),
    ];
    for (status, expected) in table {
        let message = status.message().to_owned();
        let (answer, ()) = tokio::join!(tokens.heartbeat("t"), async {
            let call = engine.call().await;
            call.answer.send(Err(status)).expect("a caller that waits");
        });
        let error = answer.expect_err("refused");
        assert!(expected(&error) && error.to_string().contains(&message), "{error:?}");
    }
}
