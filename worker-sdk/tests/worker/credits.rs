//! How many tasks the worker takes, and how its answers travel together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_proto::v1::Verdict;
use stepwell_worker::{TaskContext, TaskError};
use tokio::sync::Semaphore;

use crate::fake_engine::{FakeEngine, run, task};

#[tokio::test(flavor = "multi_thread")]
async fn no_more_handlers_run_than_the_concurrency_allows() {
    const CONCURRENCY: u32 = 3;
    let running_now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let handler = {
        let (running_now, most) = (running_now.clone(), most.clone());
        move |_: TaskContext, n: u32| {
            let (running_now, most) = (running_now.clone(), most.clone());
            async move {
                most.fetch_max(running_now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running_now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, TaskError>(n)
            }
        }
    };
    let mut engine = FakeEngine::start().await;
    let _running = run(engine.worker().concurrency(CONCURRENCY).task("work", handler));
    let (mut link, hello) = engine.welcome().await;

    // Sends against every credit at once, as the engine does, and checks the books after each frame.
    let (mut credits, mut sent, mut answered) = (hello.credits, 0_u32, 0_u32);
    while answered < 500 {
        let tasks: Vec<_> = (0..credits).map(|n| task("work", &format!("t{}", sent + n), "1")).collect();
        sent += credits;
        link.tasks(tasks).await;
        let (outcomes, more) = link.outcomes().await;
        let tokens: Vec<&str> = outcomes.split(' ').filter_map(|word| word.strip_suffix("=1")).collect();
        assert_eq!(tokens.len(), outcomes.split(' ').count(), "all answered, none returned: {outcomes}");
        link.receipts(Verdict::Accepted, &tokens).await;
        answered += u32::try_from(tokens.len()).expect("few");
        credits = more;
        assert!(
            sent - answered + credits <= CONCURRENCY,
            "{sent} sent, {answered} answered, {credits} credits"
        );
    }
    assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
}

#[tokio::test]
async fn a_task_without_a_credit_is_handed_back() {
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let gate = gate.clone();
        move |_: TaskContext, (): ()| {
            let gate = gate.clone();
            async move {
                gate.acquire().await?.forget();
                Ok::<_, TaskError>(())
            }
        }
    };
    let mut engine = FakeEngine::start().await;
    let _running = run(engine.worker().concurrency(2).task("work", handler));
    let (mut link, hello) = engine.welcome().await;
    assert_eq!(hello.credits, 2);

    link.tasks(["a", "b", "c"].map(|token| task("work", token, "null"))).await;
    assert_eq!(link.outcomes().await, ("c<".to_owned(), 0));
    gate.add_permits(1);
    assert_eq!(link.outcomes().await, ("a=null".to_owned(), 1));
}

/// On one thread the order is settled: the handlers that were let go together are polled before the stream.
#[tokio::test(flavor = "current_thread")]
async fn answers_that_are_ready_together_travel_together() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let (started, mut starts) = tokio::sync::mpsc::channel(8);
    let handler = {
        let gate = gate.clone();
        move |_: TaskContext, n: u32| {
            let (gate, started) = (gate.clone(), started.clone());
            async move {
                let open = gate.notified();
                started.send(()).await?;
                open.await;
                Ok::<_, TaskError>(n)
            }
        }
    };
    let mut engine = FakeEngine::start().await;
    let _running = run(engine.worker().concurrency(5).task("work", handler));
    let (mut link, _) = engine.welcome().await;

    link.tasks(["a", "b", "c", "d", "e"].map(|token| task("work", token, "7"))).await;
    for _ in 0..5 {
        crate::fake_engine::soon("a handler that starts", starts.recv()).await;
    }
    gate.notify_waiters();
    assert_eq!(link.outcomes().await, ("a=7 b=7 c=7 d=7 e=7".to_owned(), 5));
}
