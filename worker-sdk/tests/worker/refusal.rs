//! What ends a worker for good, and what it tries again.

use stepwell_worker::{Error, TaskContext, TaskError, WorkerBuilder};
use tonic::Status;

use crate::fake_engine::{FakeEngine, run, task};

fn echo(worker: WorkerBuilder) -> WorkerBuilder {
    worker.task("echo", |_: TaskContext, n: u32| async move { Ok::<_, TaskError>(n) })
}

#[tokio::test]
async fn a_wrong_token_is_final() {
    let mut engine = FakeEngine::start().await;
    let running = run(echo(engine.worker()).bearer_token("stale"));
    let link = engine.link().await;
    assert_eq!(link.authorization.as_deref(), Some("Bearer stale"));
    link.fail(Status::unauthenticated("no such token")).await;
    let error = running.ended().await.expect_err("it cannot go on");
    assert!(matches!(error, Error::Unauthenticated(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "expected the engine to accept this worker's bearer token, found Unauthenticated: no such token"
    );
}

#[tokio::test]
async fn a_refused_hello_is_final() {
    let mut engine = FakeEngine::start().await;
    let running = run(echo(engine.worker()));
    engine.link().await.fail(Status::invalid_argument("the queue `echo` is not a name")).await;
    let error = running.ended().await.expect_err("it cannot go on");
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn everything_else_is_tried_again() {
    let mut engine = FakeEngine::start().await;
    let _running = run(echo(engine.worker()));
    let statuses = [
        Status::unavailable("shutting down"),
        Status::resource_exhausted("too many workers"),
        Status::internal("a bug"),
        Status::permission_denied("not now"),
    ];
    for status in statuses {
        engine.link().await.fail(status).await;
    }
    // Ends without a word, and a first frame that is no welcome.
    drop(engine.link().await);
    engine.link().await.drain().await;
    // Once welcomed, even a complaint about a frame is no reason to give up what is still to be said.
    let (link, _) = engine.welcome().await;
    link.fail(Status::invalid_argument("a malformed frame")).await;

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("echo", "a", "1")]).await;
    assert_eq!(link.outcomes().await.0, "a=1");
}
