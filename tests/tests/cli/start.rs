//! `stepwell start`, and what its exit code says.

use serde_json::json;
use stepwell_tests::process::Server;

use crate::definitions_of_tests::{fail, pass, task, time_out, wait};

#[test]
fn waiting_exits_as_the_execution_ends() {
    let server = Server::start();
    let table = [
        ("succeeds", pass(), 0, "SUCCEEDED"),
        ("fails", fail(), 1, "FAILED"),
        ("late", time_out(), 5, "TIMED_OUT"),
    ];
    for (name, definition, code, status) in table {
        server.deploy(name, &definition);
        let ended = server.stepwell(&["start", name, "--wait"]).exited(code);
        assert!(ended.stdout.contains(&format!("{status}  {name}/")), "{}", ended.stdout);
        let ended = server.stepwell(&["start", name, "--wait", "--output", "json"]).exited(code);
        assert_eq!(ended.json()["status"], status);
    }
}

#[test]
fn waiting_for_one_that_is_stopped_tells_why() {
    let server = Server::start();
    server.deploy("waits", &wait());
    let waiting = server.spawn(&["start", "waits", "--name", "w-1", "--wait", "--output", "json"]);
    // It waits from when it was started, so it is there to be stopped as soon as it is known.
    while server.stepwell(&["describe", "waits/w-1"]).code != Some(0) {}
    let stopped = server.json(&["stop", "w-1", "--error", "Enough", "--cause", "we changed our mind"]);
    let ended = waiting.wait().exited(6);
    for document in [stopped, ended.json()] {
        assert_eq!(document["status"], "ABORTED");
        assert_eq!(
            (&document["error"], &document["cause"]),
            (&json!("Enough"), &json!("we changed our mind"))
        );
    }
}

#[test]
fn the_finished_execution_is_all_there() {
    let server = Server::start();
    server.deploy("passes", &pass());
    let ended =
        server.json(&["start", "passes", "--name", "p-1", "--wait", "--input", r#"{"n": [1, 2.50]}"#]);
    assert_eq!(
        ended,
        json!({
            "executionArn": "arn:aws:states:local:000000000000:execution:passes:p-1",
            "stateMachineArn": "arn:aws:states:local:000000000000:stateMachine:passes",
            "name": "p-1",
            "status": "SUCCEEDED",
            "compensationStatus": "NONE",
            "version": 1,
            "startDate": ended["startDate"],
            "stopDate": ended["stopDate"],
            "input": { "n": [1, 2.5] },
            "output": { "n": [1, 2.5] },
        })
    );
    let [start, stop] = ["startDate", "stopDate"].map(|name| ended[name].as_str().unwrap().to_owned());
    assert!(start <= stop && stop.ends_with('Z') && stop.len() == 24, "{start} {stop}");
}

#[test]
fn a_name_is_used_once() {
    let server = Server::start();
    server.deploy("waits", &wait());
    let start = |input: &str| server.stepwell(&["start", "waits", "--name", "w-1", "--input", input]);
    let first = start("{}").ok().stdout;
    assert!(
        first.starts_with("✓ started waits/w-1\n") && first.contains("`stepwell watch waits/w-1`"),
        "{first}"
    );
    assert!(start("{}").ok().stdout.starts_with("✓ runs already: waits/w-1\n"));
    assert!(start(r#"{"n":1}"#).exited(3).stderr.contains("exists"));

    let running = server.json(&["start", "waits", "--name", "w-1"]);
    assert_eq!((&running["status"], &running["input"]), (&json!("RUNNING"), &json!({})));
}

#[test]
fn the_input_comes_from_wherever_it_is() {
    let server = Server::start();
    server.deploy("passes", &pass());
    let file = server.file("input.json", r#"{"from": "a file"}"#);
    let from_file = format!("@{}", file.to_str().unwrap());
    let output =
        |input: &str| server.json(&["start", "passes", "--wait", "--input", input])["output"].clone();
    assert_eq!(output(&from_file), json!({ "from": "a file" }));
    assert_eq!(output("-1"), json!(-1));
    let fed = server
        .stepwell_fed(&["start", "passes", "--wait", "--input", "-", "--output", "json"], "[\"fed\"]\n");
    assert_eq!(fed.ok().json()["output"], json!(["fed"]));

    for (input, problem) in [("{order: 1}", "quote JSON text"), ("@no/such.json", "can't read no/such.json")]
    {
        let ended = server.stepwell(&["start", "passes", "--input", input]).exited(2);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}

#[test]
fn an_unknown_machine_is_said_to_be_so() {
    let server = Server::start();
    let ended = server.stepwell(&["start", "nowhere"]).exited(3);
    let expected = "error: expected a state machine, but none is called 'nowhere'; `stepwell machines` lists those there are\n";
    assert_eq!(ended.stderr, expected);
}

#[test]
fn waiting_goes_on_over_a_crash_of_the_server() {
    let mut server = Server::start();
    server.deploy("works", &task("worker:work"));
    let waiting = server.spawn(&["start", "works", "--name", "w-1", "--wait", "--output", "json"]);
    while server.stepwell(&["describe", "w-1"]).code != Some(0) {}
    server.kill();
    server.restart();
    let worker = server.worker(&json!({ "tasks": { "work": { "return": "done" } } }));
    assert_eq!(waiting.wait().ok().json()["output"], "done");
    assert_eq!(worker.terminate().ok().json_lines().len(), 1);
}
