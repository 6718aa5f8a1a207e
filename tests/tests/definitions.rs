//! Every sample definition, with the script beside it, through the real server and the real binary.

#![expect(clippy::unwrap_used, reason = "what a test unwraps, it has just asked for")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use stepwell_tests::process::{Process, Server, stepwell};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions")
}

/// The names of the files in a folder, without this ending.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let entries =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

/// A server with one definition, and its worker.
struct Sample {
    name: &'static str,
    server: Server,
    worker: Process,
}

impl Sample {
    fn new(name: &'static str) -> Self {
        let server = Server::start();
        let definition = folder().join(format!("{name}.asl.json"));
        let deployed = server.json(&["deploy", definition.to_str().unwrap()]);
        assert_eq!((&deployed["name"], &deployed["diagnostics"]), (&json!(name), &json!([])));
        let worker = server.worker_from(&folder().join(format!("workers/{name}.json")));
        Self { name, server, worker }
    }

    /// Runs an execution to its end and gives it.
    fn run(&self, execution: &str, input: &Value) -> Value {
        let input = input.to_string();
        let arguments =
            ["start", self.name, "--name", execution, "--wait", "--input", &input, "--output", "json"];
        self.server.stepwell(&arguments).json()
    }

    /// Runs an execution that is to succeed, and gives its output.
    fn output(&self, execution: &str, input: &Value) -> Value {
        let mut ended = self.run(execution, input);
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
        ended["output"].take()
    }

    /// Compares the states that an execution went through, and what became of its tasks, in their order.
    fn check_history(&self, execution: &str, expected: Expect) {
        let events = self.server.json(&["history", execution])["events"].take();
        let shown = events.as_array().unwrap().iter().map(|event| {
            let name = event["stateEnteredEventDetails"]["name"].as_str().unwrap_or_default();
            format!("{} {name}", event["type"].as_str().unwrap()).trim_end().to_owned()
        });
        let told = ["Exited", "Started", "Scheduled"];
        let shown: Vec<String> =
            shown.filter(|line| !told.iter().any(|ending| line.ends_with(ending))).collect();
        expected.assert_eq(&shown.join("\n"));
    }

    /// Ends the worker and gives what it was called for, and what became of each call.
    fn calls(self) -> Vec<(String, String)> {
        let lines = self.worker.terminate().ok().json_lines();
        let member = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines.iter().map(|line| (member(line, "task"), member(line, "outcome"))).collect()
    }
}

#[test]
fn every_definition_is_valid_has_a_script_and_stands_in_the_index() {
    let definitions = names(&folder(), ".asl.json");
    assert_eq!(definitions, names(&folder().join("workers"), ".json"));
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for name in definitions {
        assert!(index.contains(&format!("]({name}.asl.json)")), "{name} is not in the index");
        let file = folder().join(format!("{name}.asl.json"));
        let checked = stepwell(["validate", "--json", file.to_str().unwrap()]).ok().json();
        assert_eq!(checked["diagnostics"], json!([]), "{name}");
    }
}

#[test]
fn order_saga() {
    let sample = Sample::new("order-saga");
    let output = sample.output("happy", &json!({ "orderId": "ord_67890", "total": 59.98 }));
    assert_eq!(output, json!({ "orderId": "ord_67890", "confirmed": true }));
    sample.check_history(
        "happy",
        expect![[r#"
        TaskStateEntered ReserveInventory
        LambdaFunctionSucceeded
        TaskStateEntered ProcessPayment
        LambdaFunctionSucceeded
        TaskStateEntered ConfirmOrder
        LambdaFunctionSucceeded
        TaskStateEntered SendConfirmation
        LambdaFunctionSucceeded
        ExecutionSucceeded"#]],
    );
}

#[test]
fn retry_and_timeout() {
    let sample = Sample::new("retry-and-timeout");
    let output = sample.output("patient", &json!({ "orderId": "o-1" }));
    assert_eq!(output, json!({ "orderId": "o-1", "label": { "labelId": "lbl_1" } }));
    sample.check_history(
        "patient",
        expect![[r#"
        TaskStateEntered RequestLabel
        TaskFailed
        TaskTimedOut
        TaskSucceeded
        ExecutionSucceeded"#]],
    );
    let output = sample.output("hopeless", &json!({ "orderId": "o-2" }));
    let problem = json!({ "Error": "AddressUnknown", "Cause": "no such street" });
    assert_eq!(
        output,
        json!({ "orderId": "o-2", "problem": problem, "pickUp": { "shop": "Main Street 1" } })
    );
    sample.check_history(
        "hopeless",
        expect![[r#"
        TaskStateEntered RequestLabel
        TaskFailed
        TaskStateEntered OfferPickUp
        TaskSucceeded
        ExecutionSucceeded"#]],
    );
    let outcomes: Vec<String> = sample.calls().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["raised", "no_answer", "returned", "raised", "returned"]);
}

#[test]
fn parallel_quotes() {
    let sample = Sample::new("parallel-quotes");
    let output = sample.output("quoted", &json!({ "product": "p-1" }));
    let quotes = json!({ "prices": [120, 95, 101], "suppliers": ["north", "south", "west"] });
    assert_eq!(output, json!({ "product": "p-1", "quotes": quotes }));
    let output = sample.output("refused", &json!({ "product": "p-2" }));
    let refusal = json!({ "Error": "QuoteRefused", "Cause": "not in stock" });
    assert_eq!(output, json!({ "product": "p-2", "refusal": refusal }));
    let calls = sample.calls();
    for (queue, times) in [("quote-west", 2), ("send-quotes", 1), ("ask-customer-to-wait", 1)] {
        assert_eq!(calls.iter().filter(|(called, _)| called == queue).count(), times, "{queue}");
    }
}

#[test]
fn map_shipments() {
    let sample = Sample::new("map-shipments");
    let items: Vec<Value> = (1..=5).map(|number| json!({ "productId": format!("p-{number}") })).collect();
    let output = sample.output("shipped", &json!({ "orderId": "o-1", "items": items }));
    let keys = ["o-1-0", "o-1-1", "o-1-2", "o-1-3", "o-1-4"];
    assert_eq!(output, json!({ "orderId": "o-1", "shipped": 5, "keys": keys }));
    // Never more than two at a time: an iteration starts when another has ended.
    let events = sample.server.json(&["history", "shipped"])["events"].take();
    let mut at_once = 0;
    for event in events.as_array().unwrap() {
        at_once += match event["type"].as_str().unwrap() {
            "MapIterationStarted" => 1,
            "MapIterationSucceeded" => -1,
            _ => 0,
        };
        assert!(at_once <= 2, "{event}");
    }
    assert_eq!(sample.calls().len(), 10);
}

#[test]
fn choice_approval() {
    let sample = Sample::new("choice-approval");
    let payment = json!({ "paymentId": "pay_1" });
    let output = sample.output("approved", &json!({ "amount": 250 }));
    assert_eq!(output, json!({ "amount": 250, "approval": { "approvedBy": "ada" }, "payment": payment }));
    sample.check_history(
        "approved",
        expect![[r#"
        ChoiceStateEntered IsLarge
        TaskStateEntered AskForApproval
        TaskSubmitted
        TaskSucceeded
        WaitStateEntered Grace
        TaskStateEntered PayOut
        TaskSucceeded
        ExecutionSucceeded"#]],
    );

    let output = sample.output("trusted", &json!({ "amount": 250, "trusted": true }));
    assert_eq!(output, json!({ "amount": 250, "trusted": true, "payment": payment }));
    sample.check_history(
        "trusted",
        expect![[r#"
        ChoiceStateEntered IsLarge
        TaskStateEntered PayOut
        TaskSucceeded
        ExecutionSucceeded"#]],
    );

    assert_eq!(sample.output("nothing", &json!({ "amount": 0 })), json!({ "amount": 0 }));

    let refused = sample.run("refused", &json!({ "amount": 100, "trusted": false }));
    assert_eq!(
        (&refused["status"], &refused["error"], &refused["cause"]),
        (&json!("FAILED"), &json!("NotApproved"), &json!("bought two years ago"))
    );
    sample.check_history(
        "refused",
        expect![[r#"
        ChoiceStateEntered IsLarge
        TaskStateEntered AskForApproval
        TaskSubmitted
        TaskFailed
        FailStateEntered NotApproved
        ExecutionFailed"#]],
    );
}
