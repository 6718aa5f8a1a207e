//! Signs of life of running tasks.

use std::time::Duration;

use stepwell_proto::v1::{self, WorkRequest, work_request};
use stepwell_worker::{TaskContext, TaskError, TaskOptions};
use tokio::sync::mpsc;

use crate::fake_engine::{FakeEngine, run, soon, task};

fn beating(queue: &str, token: &str, timeout_ms: u64) -> v1::Task {
    let mut task = task(queue, token, "null");
    task.heartbeat_timeout = Duration::from_millis(timeout_ms).try_into().ok();
    task
}

fn tokens(request: WorkRequest) -> Vec<String> {
    let Some(work_request::Frame::Heartbeats(heartbeats)) = request.frame else {
        panic!("expected heartbeats, found {request:?}");
    };
    heartbeats.tokens.iter().map(|token| String::from_utf8_lossy(token).into_owned()).collect()
}

async fn hang(_: TaskContext, _: ()) -> Result<(), TaskError> {
    std::future::pending().await
}

#[tokio::test]
async fn running_tasks_send_heartbeats_by_themselves() {
    let mut engine = FakeEngine::start().await;
    let _running = run(engine.worker().task("hang", hang));
    let (mut link, _) = engine.welcome().await;

    // The second task asks for no heartbeats; the third for its first in an hour.
    link.tasks([beating("hang", "a", 60), task("hang", "b", "null"), beating("hang", "c", 10_800_000)]).await;
    for _ in 0..3 {
        assert_eq!(tokens(link.next().await), ["a"]);
    }
    // Cancelled tasks that still clean up go on sending, and on a new stream so do all.
    drop(link);
    let (mut link, _) = engine.welcome().await;
    assert_eq!(tokens(link.next().await), ["a"]);
}

#[tokio::test]
async fn manual_heartbeats_come_when_the_handler_asks() {
    let (ask, asked) = mpsc::channel::<()>(1);
    let asked = std::sync::Arc::new(tokio::sync::Mutex::new(asked));
    let handler = move |task: TaskContext, (): ()| {
        let asked = asked.clone();
        async move {
            while asked.lock().await.recv().await.is_some() {
                // However often it is called, once is sent.
                (0..1_000).for_each(|_| task.heartbeat());
            }
            Ok::<_, TaskError>("done")
        }
    };
    let mut engine = FakeEngine::start().await;
    let worker = engine.worker().task("automatic", hang).task_with(
        "manual",
        TaskOptions::new().manual_heartbeats(),
        handler,
    );
    let _running = run(worker);
    let (mut link, _) = engine.welcome().await;

    // The automatic one shows that time passes in which the manual one keeps silent.
    link.tasks([beating("manual", "m", 30), beating("automatic", "a", 30)]).await;
    for _ in 0..3 {
        assert_eq!(tokens(link.next().await), ["a"]);
    }
    soon("the handler", ask.send(())).await.expect("it listens");
    soon("the manual heartbeat", async { while !tokens(link.next().await).contains(&"m".to_owned()) {} })
        .await;
    drop(ask);
    soon("the answer", async {
        while !matches!(link.next().await.frame, Some(work_request::Frame::Outcomes(_))) {}
    })
    .await;
}
