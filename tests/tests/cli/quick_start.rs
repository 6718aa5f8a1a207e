//! The three terminals of the quick start: a server, a worker, and somebody who types.

use std::path::Path;

use stepwell_tests::process::Server;

#[test]
fn the_order_saga_runs_in_three_terminals() {
    let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions");
    let server = Server::start_with(None, &["--definitions", definitions.to_str().unwrap()]);
    let script = definitions.join("workers/order-saga.json");
    let worker = server.spawn(&["worker", "--script", script.to_str().unwrap()]);

    let order = r#"{"orderId":"ord_67890","customerId":"cust_111","items":[{"productId":"prod_222","quantity":2,"price":29.99}],"total":59.98}"#;
    let shown = server
        .stepwell(&["start", "order-saga", "--name", "order-1", "--wait", "--input", order])
        .ok()
        .stdout;
    assert!(shown.starts_with("✓ SUCCEEDED  order-saga/order-1  in "), "{shown}");
    assert!(shown.contains(r#"{"orderId":"ord_67890","confirmed":true}"#), "{shown}");
    let history = server.stepwell(&["history", "order-1"]).ok().stdout;
    assert_eq!(history.lines().count(), 1 + 22, "{history}");
    assert!(server.stepwell(&["list"]).ok().stdout.contains("order-saga/order-1"));

    let worked = worker.terminate().ok().stdout;
    let queues: Vec<&str> = worked.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert_eq!(queues, ["reserve-inventory", "process-payment", "confirm-order", "send-confirmation"]);
    let _ = server.terminate().ok();
}
