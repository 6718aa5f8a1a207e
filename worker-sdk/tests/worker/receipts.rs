//! What the worker does about the engine's receipts.

use stepwell_proto::v1::Verdict;
use stepwell_worker::{TaskContext, TaskError, WorkerBuilder};

use crate::fake_engine::{FakeEngine, run, soon, task};

fn echo(worker: WorkerBuilder) -> WorkerBuilder {
    worker.raw_task("echo", |_: TaskContext, text: String| async move { Ok::<_, TaskError>(text) })
}

#[tokio::test]
async fn try_again_is_tried_again() {
    let mut engine = FakeEngine::start().await;
    let _running = run(echo(engine.worker()));
    let (mut link, _) = engine.welcome().await;

    link.tasks([task("echo", "a", "1"), task("echo", "b", "2")]).await;
    let (words, credits) = link.outcomes_until(2).await;
    assert_eq!((words.join(" ").as_str(), credits), ("a=1 b=2", 2));
    link.receipts(Verdict::Accepted, &["b"]).await;
    for _ in 0..3 {
        link.receipts(Verdict::TryAgain, &["a"]).await;
        assert_eq!(link.outcomes().await, ("a=1".to_owned(), 0), "repeated alone, and for no further credit");
    }
}

#[tokio::test]
async fn a_refused_output_becomes_a_failure() {
    let mut engine = FakeEngine::start().await;
    let running = run(echo(engine.worker()));
    let (mut link, _) = engine.welcome().await;

    link.tasks([task("echo", "a", "not JSON")]).await;
    assert_eq!(link.outcomes().await.0, "a=not JSON");
    link.receipts(Verdict::Refused, &["a"]).await;
    assert_eq!(link.outcomes().await, ("a!Stepwell.OutputRefused:said the engine".to_owned(), 0));
    link.receipts(Verdict::Refused, &["a"]).await;

    // Nothing is owed any more, so the worker can go.
    let ended = running.shut_down();
    link.next().await;
    link.ended().await;
    drop(link);
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}
