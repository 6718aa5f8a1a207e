//! `stepwell demo`, as a newcomer runs it.

use std::process::Command;

use serde_json::{Value, json};
use stepwell_tests::process::{Process, binary, stepwell};

#[test]
fn for_people_it_prints_plain_lines_where_there_is_no_terminal() {
    let ended = stepwell(["demo"]).ok();
    assert_eq!(ended.stderr, "");
    let strange = ended.stdout.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(strange, None, "{}", ended.stdout);
    for line in [
        "  happy path      → SendConfirmation",
        "  payment failed  ↩ ReleaseInventory",
        "  out of stock    = InsufficientInventory, nothing to undo",
        "payment failed  ✓ ReserveInventory       ↩ ReleaseInventory  ✓ SUCCEEDED",
        "prod_222  brass lantern     100     2         1     98",
        "prod_333  rope, 20 m         40     0         3     40",
        "✓ All three sagas ended as they should, and the books balance.",
    ] {
        assert!(ended.stdout.lines().any(|found| found == line), "expected {line:?} in\n{}", ended.stdout);
    }
}

#[test]
fn for_programs_it_prints_one_document() {
    let document = stepwell(["demo", "--output", "json"]).ok().json();
    assert_eq!((&document["ok"], &document["problems"]), (&json!(true), &json!([])));
    let table = [
        ("happy-path", "CONFIRMED", json!([]), json!(59.98)),
        ("payment-failed", "CANCELLED", json!(["ReleaseInventory", "CancelOrder"]), json!(0.0)),
        ("out-of-stock", "OUT_OF_STOCK", json!([]), json!(0.0)),
    ];
    let executions = document["executions"].as_array().expect("executions");
    assert_eq!(executions.len(), table.len());
    for (execution, (name, order, compensated, charged)) in executions.iter().zip(table) {
        assert_eq!(execution["name"], name);
        assert_eq!(execution["status"], "SUCCEEDED", "{name}");
        assert_eq!(execution["orderStatus"], order, "{name}");
        assert_eq!(execution["compensated"], compensated, "{name}");
        assert_eq!(execution["charged"], charged, "{name}");
        assert!(execution["stopDate"].is_string(), "{name}");
        assert!(execution["input"]["items"].is_array(), "{name}");
    }
    let count = |product: &Value| {
        ["before", "sold", "putBack", "reserved", "after"].map(|place| product[place].clone())
    };
    let stock: Vec<_> = document["stock"].as_array().expect("stock").iter().map(count).collect();
    assert_eq!(json!(stock), json!([[100, 2, 1, 0, 98], [40, 0, 3, 0, 40], [3, 0, 0, 0, 3]]));
}

#[test]
fn kept_it_goes_on_serving_until_it_is_told_to_stop() {
    let mut command = Command::new(binary());
    command.args(["demo", "--keep", "--output", "json"]);
    let mut demo = Process::spawn(command);
    let document = demo.json_line();
    let server = document["server"]["grpc"].as_str().expect("an address");

    let listed = stepwell(["list", "--server", server, "--output", "json"]).ok();
    for name in ["happy-path", "payment-failed", "out-of-stock"] {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    let order = document["executions"][0]["input"].to_string();
    let start = ["start", "order-saga", "--server", server, "--wait", "--output", "json", "--input", &order];
    assert_eq!(stepwell(start).ok().json()["output"]["status"], "CONFIRMED");

    let ended = demo.terminate().ok();
    assert_eq!(ended.stderr, "");
}
