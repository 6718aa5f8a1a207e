//! What handlers answer, and what goes over the wire for it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use stepwell_worker::{TaskContext, TaskError};

use crate::fake_engine::{FakeEngine, run, task};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    quantity: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    reservation_id: String,
    quantity: u32,
}

async fn reserve(task: TaskContext, order: Order) -> Result<Reservation, TaskError> {
    match order.quantity {
        0 => panic!("no quantity for {}", order.order_id),
        1..=10 => {
            Ok(Reservation { reservation_id: task.idempotency_key().to_owned(), quantity: order.quantity })
        }
        _ => Err(TaskError::new("OutOfStock", format!("too many for {}", order.order_id))),
    }
}

async fn parse(_: TaskContext, text: String) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

async fn unwritable(_: TaskContext, _: ()) -> Result<BTreeMap<(u8, u8), u8>, TaskError> {
    Ok(BTreeMap::from([((1, 2), 3)]))
}

async fn anonymous(_: TaskContext, _: ()) -> Result<(), TaskError> {
    Err(TaskError::anonymous())
}

fn panics_before_it_begins(_: TaskContext, _: ()) -> std::future::Ready<Result<(), TaskError>> {
    panic!("at once")
}

async fn raw(_: TaskContext, text: String) -> Result<String, TaskError> {
    Ok(format!("not JSON, but {text}"))
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    let mut engine = FakeEngine::start().await;
    let worker = engine
        .worker()
        .task("reserve", reserve)
        .task("parse", parse)
        .task("unwritable", unwritable)
        .task("anonymous", anonymous)
        .task("panics", panics_before_it_begins)
        .raw_task("raw", raw);
    let running = run(worker);
    let (mut link, hello) = engine.welcome().await;
    assert_eq!(hello.queues, ["anonymous", "panics", "parse", "raw", "reserve", "unwritable"]);

    let table = [
        ("reserve", r#"{"orderId": "o1", "quantity": 2}"#, r#"t={"reservationId":"key-t","quantity":2}"#),
        ("reserve", r#"{"orderId": "o1", "quantity": 11}"#, "t!OutOfStock:too many for o1"),
        ("reserve", r#"{"orderId": "o1", "quantity": 0}"#, "t!Stepwell.HandlerPanicked:no quantity for o1"),
        (
            "reserve",
            r#"{"orderId": "o1"}"#,
            "t!Stepwell.InvalidInput:expected the input of `reserve` as JSON of a `worker::answers::Order`, \
             found: missing field `quantity` at line 1 column 17",
        ),
        ("parse", r#""12""#, "t=12"),
        ("parse", r#""x""#, "t!Error:invalid digit found in string"),
        ("anonymous", "null", "t!:"),
        ("panics", "null", "t!Stepwell.HandlerPanicked:at once"),
        ("raw", "{ \"as\":  it came }", "t=not JSON, but { \"as\":  it came }"),
        ("unknown", "{}", "t<"),
        (
            "unwritable",
            "null",
            "t!Stepwell.InvalidOutput:expected to write a \
             `alloc::collections::btree::map::BTreeMap<(u8, u8), u8>` as JSON, found: key must be a string",
        ),
    ];
    for (queue, input, expected) in table {
        link.tasks([task(queue, "t", input)]).await;
        assert_eq!(link.outcomes().await, (expected.to_owned(), 1), "{queue} of {input}");
        link.receipts(stepwell_proto::v1::Verdict::Accepted, &["t"]).await;
    }
    drop(running);
}

#[tokio::test]
async fn a_handler_knows_its_task() {
    let mut engine = FakeEngine::start().await;
    let describe = |task: TaskContext, (): ()| async move {
        Ok::<_, TaskError>((
            task.idempotency_key().to_owned(),
            (task.attempt(), task.delivery()),
            (task.execution_name().to_owned(), task.execution_arn().to_owned()),
            (task.state().to_owned(), task.queue().to_owned()),
            task.deadline()
                .map(|at| at.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).ok()),
            task.heartbeat_timeout().map(|timeout| timeout.as_millis()),
            task.traceparent().map(str::to_owned),
        ))
    };
    let _running = run(engine.worker().task("describe", describe));
    let (mut link, _) = engine.welcome().await;

    let bare = task("describe", "bare", "null");
    let mut full = task("describe", "full", "null");
    full.attempt = 3;
    full.delivery = 2;
    full.execution_name = "order-7".to_owned();
    full.execution_arn = "arn:order-7".to_owned();
    full.state = "Describe".to_owned();
    full.deadline_at = Some((SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).into());
    full.heartbeat_timeout = Duration::from_millis(90_500).try_into().ok();
    full.traceparent = "00-abc-def-01".to_owned();

    link.tasks([bare]).await;
    assert_eq!(link.outcomes().await.0, r#"bare=["key-bare",[1,1],["",""],["","describe"],null,null,null]"#);
    link.tasks([full]).await;
    let expected = r#"full=["key-full",[3,2],["order-7","arn:order-7"],["Describe","describe"],1700000000,90500,"00-abc-def-01"]"#;
    assert_eq!(link.outcomes().await.0, expected);
}
