//! The shop through its workers' handlers, from JSON text to JSON text; no engine.

use serde_json::{Value, json};
use stepwell_worker::testing::TestTask;
use stepwell_worker::{TaskError, Worker};

use super::{Books, Cents, OrderStatus, Shop};

/// A shop with ten lanterns, a customer who can pay and one who can't.
struct Counter {
    shop: Shop,
    worker: Worker,
    _folder: tempfile::TempDir,
}

impl Counter {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = Shop::open(folder.path().join("shop.db")).await.expect("a shop");
        shop.add_product("lantern", "brass lantern", 10).await.expect("a product");
        shop.add_customer("rich", Cents(100_000)).await.expect("a customer");
        shop.add_customer("poor", Cents(1_000)).await.expect("a customer");
        let worker = shop.workers(Worker::builder("http://127.0.0.1:1")).build().expect("a worker");
        Self { shop, worker, _folder: folder }
    }

    /// The first delivery of a task's first attempt, in the execution `o-1`.
    async fn call(&self, task: &str, input: &Value) -> Result<Value, TaskError> {
        self.attempt(task, 1, "o-1", input).await
    }

    async fn attempt(
        &self,
        task: &str,
        attempt: u32,
        execution: &str,
        input: &Value,
    ) -> Result<Value, TaskError> {
        let (context, _probe) = TestTask::new(task)
            .execution_name(execution)
            .idempotency_key(format!("{execution}-{task}"))
            .attempt(attempt)
            .start();
        let answer = self.worker.call(context, &input.to_string()).await?;
        Ok(serde_json::from_str(&answer).expect("an answer is JSON"))
    }

    /// Plays tasks of `o-1`, each with the answer of the one before, or with its error as a `Catch` passes it on.
    async fn play(&self, order: Value, tasks: &[&str]) -> Value {
        let mut input = order;
        for task in tasks {
            input = match self.call(task, &input).await {
                Ok(answer) => answer,
                Err(error) => json!({ "Error": error.name(), "Cause": error.cause_text() }),
            };
        }
        input
    }

    /// The books, which must balance.
    async fn books(&self) -> Books {
        let books = self.shop.books().await.expect("the books");
        assert_eq!(books.check(), Vec::<String>::new());
        books
    }

    /// Units of lanterns available, reserved and sold, and the status of `o-1`.
    async fn stand(&self) -> ((i64, i64, i64), Option<OrderStatus>) {
        let books = self.books().await;
        let lantern = &books.products["lantern"];
        let status = books.orders.get("o-1").and_then(|order| order.status);
        ((lantern.available, lantern.reserved, lantern.sold), status)
    }

    /// Writes past the shop.
    async fn forge(&self, sql: &'static str) -> Vec<String> {
        sqlx::raw_sql(sql).execute(&self.shop.pool).await.expect("it is written");
        self.shop.books().await.expect("the books").check()
    }
}

fn order(customer: &str, quantity: u32) -> Value {
    let total = f64::from(quantity) * 29.99;
    let items = json!([{ "productId": "lantern", "quantity": quantity, "price": 29.99 }]);
    json!({ "orderId": "ord_1", "customerId": customer, "items": items, "total": total })
}

const HAPPY: [&str; 4] = ["reserve-inventory", "process-payment", "confirm-order", "send-confirmation"];
const DECLINED: [&str; 5] =
    ["reserve-inventory", "process-payment", "release-inventory", "cancel-order", "notify-failure"];

#[tokio::test]
async fn an_order_is_paid_and_sold() {
    let counter = Counter::open().await;
    let answer = counter.play(order("rich", 2), &HAPPY).await;
    assert_eq!(answer["status"], "CONFIRMED");
    assert_eq!(counter.stand().await, ((8, 0, 2), Some(OrderStatus::Confirmed)));
    let books = counter.books().await;
    assert_eq!(books.orders["o-1"].payments, [Cents(5_998)]);
    assert_eq!(books.orders["o-1"].notices, ["CONFIRMATION"]);
}

#[tokio::test]
async fn a_declined_order_leaves_nothing_behind() {
    let counter = Counter::open().await;
    let answer = counter.play(order("poor", 2), &DECLINED).await;
    assert_eq!(answer["status"], "CANCELLED");
    assert_eq!(answer["reason"], "expected a card of poor good for 59.98, found 10.00 left on it");
    assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::Cancelled)));
    let books = counter.books().await;
    assert_eq!(books.orders["o-1"].payments, []);
    assert_eq!(books.products["lantern"].put_back, 2);
}

#[tokio::test]
async fn an_order_out_of_stock_is_refused() {
    let counter = Counter::open().await;
    let error = counter.call("reserve-inventory", &order("rich", 11)).await.expect_err("too many");
    assert_eq!(error, TaskError::new("InsufficientInventory", "expected 11 of lantern in stock, found 10"));
    let answer = counter.call("notify-out-of-stock", &json!({ "Error": "InsufficientInventory" })).await;
    assert_eq!(answer.expect("notified")["status"], "OUT_OF_STOCK");
    assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::OutOfStock)));
}

#[tokio::test]
async fn every_task_that_comes_twice_has_its_effect_once() {
    for (customer, tasks) in [("rich", HAPPY.as_slice()), ("poor", DECLINED.as_slice())] {
        let counter = Counter::open().await;
        let once = counter.play(order(customer, 2), tasks).await;
        let stand = counter.stand().await;
        // The whole saga again: late copies of tasks whose execution has long ended.
        assert_eq!(counter.play(order(customer, 2), tasks).await, once);
        assert_eq!(counter.stand().await, stand);
        assert_eq!(counter.books().await.repeats, tasks.len() as u64);
    }
}

#[tokio::test]
async fn a_refusal_is_repeated_to_a_late_copy_and_reconsidered_in_a_new_attempt() {
    let counter = Counter::open().await;
    let others = order("rich", 9);
    counter.attempt("reserve-inventory", 1, "o-2", &others).await.expect("reserved");
    counter.call("reserve-inventory", &order("rich", 2)).await.expect_err("one is left");
    counter.attempt("release-inventory", 1, "o-2", &json!({})).await.expect("released");
    counter.attempt("cancel-order", 1, "o-2", &json!({})).await.expect("cancelled");

    counter.call("reserve-inventory", &order("rich", 2)).await.expect_err("a late copy of the first attempt");
    assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::OutOfStock)));
    counter.attempt("reserve-inventory", 2, "o-1", &order("rich", 2)).await.expect("a second attempt");
    assert_eq!(counter.stand().await, ((8, 2, 0), Some(OrderStatus::Placed)));
}

#[tokio::test]
async fn an_undo_of_nothing_is_done_and_the_step_that_comes_after_it_is_refused() {
    for undo in ["release-inventory", "cancel-order"] {
        let counter = Counter::open().await;
        counter
            .call(undo, &json!({ "Error": "States.Timeout", "Cause": "" }))
            .await
            .expect("nothing to undo");
        assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::Cancelled)));
        let late = counter.call("reserve-inventory", &order("rich", 2)).await.expect_err("too late");
        assert_eq!(late.name(), Some("OrderClosed"));
        let late = counter.call("process-payment", &order("rich", 2)).await.expect_err("too late");
        assert_eq!(late.name(), Some("OrderClosed"));
        assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::Cancelled)));
    }
}

#[tokio::test]
async fn what_was_paid_is_given_back_when_the_order_is_cancelled() {
    let counter = Counter::open().await;
    // The payment was taken, but its answer came too late.
    counter.play(order("rich", 2), &HAPPY[..2]).await;
    counter.call("release-inventory", &json!({ "Error": "States.Timeout" })).await.expect("released");
    let answer = counter.call("cancel-order", &json!({})).await.expect("cancelled");
    assert_eq!(answer["refunded"], 59.98);
    assert_eq!(counter.stand().await, ((10, 0, 0), Some(OrderStatus::Cancelled)));
    assert_eq!(counter.books().await.orders["o-1"].payments, [Cents(5_998), Cents(-5_998)]);
}

#[tokio::test]
async fn steps_out_of_order_are_refused() {
    let counter = Counter::open().await;
    let table = [
        ("process-payment", "UnknownOrder"),
        ("confirm-order", "UnknownOrder"),
        ("send-confirmation", "UnknownOrder"),
    ];
    for (task, error) in table {
        let refused = counter.attempt(task, 1, "o-9", &order("rich", 1)).await.expect_err("no order");
        assert_eq!(refused.name(), Some(error), "{task}");
    }
    counter.call("reserve-inventory", &order("rich", 1)).await.expect("reserved");
    let refused = counter.call("confirm-order", &json!({})).await.expect_err("not paid");
    assert_eq!(refused.name(), Some("OrderNotPaid"));
    counter.play(order("rich", 1), &["process-payment"]).await;
    counter.attempt("confirm-order", 2, "o-1", &json!({})).await.expect("confirmed");
    let refused = counter.call("cancel-order", &json!({})).await.expect_err("confirmed");
    assert_eq!(refused.name(), Some("OrderClosed"));
    assert_eq!(counter.stand().await, ((9, 0, 1), Some(OrderStatus::Confirmed)));
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let counter = Counter::open().await;
    let item = |quantity: u32| json!([{ "productId": "lantern", "quantity": quantity, "price": 1 }]);
    let table = [
        (item(0), json!(1), "expected a quantity of at least 1, found 0"),
        (json!([]), json!(1), "expected at least one item, found none"),
        (item(1), json!(-1), "expected a total of 0 or more, found -1"),
        (item(1), json!(1e300), "expected a total of 0 or more, found 1000"),
    ];
    for (n, (items, total, cause)) in table.into_iter().enumerate() {
        let order = json!({ "orderId": "x", "customerId": "rich", "items": items, "total": total });
        let execution = format!("bad-{n}");
        let refused = counter.attempt("reserve-inventory", 1, &execution, &order).await.expect_err(cause);
        assert_eq!(refused.name(), Some("InvalidOrder"));
        assert!(refused.cause_text().is_some_and(|text| text.starts_with(cause)), "{refused:?}");
    }
    assert_eq!(counter.stand().await, ((10, 0, 0), None));
}

#[tokio::test]
async fn the_check_finds_what_does_not_balance() {
    let table = [
        (
            "UPDATE product SET available = available + 1",
            "lantern: expected available + reserved + sold = 10, found 9 + 0 + 2",
        ),
        (
            "UPDATE product SET available = 9, sold = 1",
            "lantern: expected 0 reserved and 2 sold by its movements, found 0 and 1",
        ),
        (
            "INSERT INTO movement (execution, product, kind, quantity) VALUES ('o-1', 'lantern', 'RELEASE', 2)",
            "o-1: expected lantern reserved once, then sold or released once, found reserved [2], sold [2], released [2]",
        ),
        (
            "INSERT INTO ledger (execution, customer, amount) VALUES ('o-1', 'rich', 5998)",
            "o-1: expected an order to be charged once at most, found [Cents(5998), Cents(5998)]",
        ),
        ("DELETE FROM ledger", "o-1: expected a confirmed order to be paid once, 59.98, found []"),
        (
            "UPDATE orders SET status = 'CANCELLED'",
            "o-1: expected nothing charged for a cancelled order, found [Cents(5998)]",
        ),
        (
            "UPDATE orders SET status = 'OUT_OF_STOCK'",
            "o-1: expected nothing charged for an order out of stock, found [Cents(5998)]",
        ),
        (
            "UPDATE orders SET status = 'PLACED'",
            "o-1: expected nothing sold before the order is confirmed, found 2",
        ),
        ("DELETE FROM orders", "o-1: expected an order in the book for what was done for it"),
        ("UPDATE customer SET card_limit = 10", "card of rich: expected at most 0.10 charged, found 59.98"),
        (
            "INSERT INTO notice (execution, customer, kind, text) VALUES ('o-1', 'rich', 'CONFIRMATION', 'again')",
            "o-1: expected each notice sent once",
        ),
    ];
    for (sql, sentence) in table {
        let counter = Counter::open().await;
        counter.play(order("rich", 2), &HAPPY).await;
        let found = counter.forge(sql).await;
        assert!(found.iter().any(|found| found.starts_with(sentence)), "{sql}: {found:#?}");
    }
}

/// Two openings of one file are as good as two processes: SQLite sees connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shop_may_be_open_several_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let shops = futures::future::join_all((0..4).map(|_| Shop::open(&path))).await;
    let sales = shops.into_iter().enumerate().map(|(n, shop)| {
        let shop = shop.expect("a shop");
        tokio::spawn(async move {
            shop.add_product("lantern", "brass lantern", 100).await.expect("a product");
            shop.add_customer("rich", Cents(10_000_000)).await.expect("a customer");
            let worker = shop.workers(Worker::builder("http://127.0.0.1:1")).build().expect("a worker");
            for order_number in 0..5 {
                let execution = format!("o-{n}-{order_number}");
                for task in ["reserve-inventory", "process-payment", "confirm-order"] {
                    let task = TestTask::new(task)
                        .idempotency_key(format!("{execution}-{task}"))
                        .execution_name(execution.as_str());
                    worker.call(task.start().0, &order("rich", 2).to_string()).await.expect("done");
                }
            }
            shop
        })
    });
    let shops = futures::future::join_all(sales).await;
    let shop = shops.into_iter().next().expect("a shop").expect("no panic");
    let books = shop.books().await.expect("the books");
    assert_eq!(books.check(), Vec::<String>::new());
    assert_eq!((books.products["lantern"].available, books.products["lantern"].sold), (60, 40));
}
