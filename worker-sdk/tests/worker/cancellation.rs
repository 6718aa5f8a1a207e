//! Tasks whose answer is no longer wanted.

use std::time::Duration;

use stepwell_worker::{TaskContext, TaskError};
use tokio::sync::mpsc;

use crate::fake_engine::{FakeEngine, run, soon, task};

/// Tells when it is dropped.
struct Tell(mpsc::Sender<&'static str>, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.try_send(self.1);
    }
}

#[tokio::test]
async fn a_cancelled_handler_is_told_and_its_answer_dropped() {
    let (tell, mut told) = mpsc::channel(8);
    let handler = move |task: TaskContext, (): ()| {
        let tell = tell.clone();
        async move {
            tell.send("started").await?;
            task.cancelled().await;
            assert!(task.is_cancelled());
            tell.send("cancelled").await?;
            Ok::<_, TaskError>("too late")
        }
    };
    let mut engine = FakeEngine::start().await;
    let _running = run(engine.worker().concurrency(1).task("work", handler));
    let (mut link, _) = engine.welcome().await;

    link.tasks([task("work", "a", "null")]).await;
    assert_eq!(soon("the handler", told.recv()).await, Some("started"));
    link.cancel("never heard of").await;
    link.cancel("a").await;
    assert_eq!(soon("the handler", told.recv()).await, Some("cancelled"));
    let frame = link.next().await;
    assert_eq!((frame.credits, frame.frame), (1, None), "the credit comes back, and no answer");
}

#[tokio::test]
async fn a_handler_that_does_not_listen_is_dropped_after_the_grace_period() {
    let (tell, mut told) = mpsc::channel(8);
    let handler = move |_: TaskContext, (): ()| {
        let tell = tell.clone();
        async move {
            let _tell = Tell(tell.clone(), "dropped");
            tell.send("started").await?;
            std::future::pending::<()>().await;
            Ok::<_, TaskError>(())
        }
    };
    let mut engine = FakeEngine::start().await;
    let worker = engine.worker().concurrency(1).cancel_grace(Duration::from_millis(20)).task("work", handler);
    let _running = run(worker);
    let (mut link, _) = engine.welcome().await;

    link.tasks([task("work", "a", "null")]).await;
    assert_eq!(soon("the handler", told.recv()).await, Some("started"));
    link.cancel("a").await;
    assert_eq!(soon("the handler", told.recv()).await, Some("dropped"));
    let frame = link.next().await;
    assert_eq!((frame.credits, frame.frame), (1, None));

    // Its place is free, and its token no longer taken.
    link.tasks([task("work", "a", "null")]).await;
    assert_eq!(soon("the handler", told.recv()).await, Some("started"));
}
