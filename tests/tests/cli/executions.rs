//! `stepwell describe`, `history`, `watch` and `stop`: one execution.

use expect_test::expect;
use serde_json::{Value, json};
use stepwell_tests::process::Server;

use crate::definitions_of_tests::{fail, pass, task, wait};

/// A server where `machine/e-1` has ended.
fn ended(definition: &Value, input: &str) -> Server {
    let server = Server::start();
    server.deploy("machine", definition);
    let _ = server.stepwell(&["start", "machine", "--name", "e-1", "--wait", "--input", input]);
    server
}

/// The text with every time and duration in it made the same.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.trim_start_matches('+').trim_end_matches(['s', 'm', 'h']);
        digits.contains(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || "-:.".contains(c))
            && word.len() > 2
    };
    let line = |line: &str| {
        let words: Vec<&str> =
            line.split(' ').map(|word| if is_time(word) { "TIME" } else { word }).collect();
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn describe_tells_how_it_ended() {
    let server = ended(&fail(), r#"{"order": 7}"#);
    let shown = server.stepwell(&["describe", "e-1"]).ok().stdout;
    expect![[r#"
        ✗ FAILED  machine/e-1  in TIME
          arn           arn:aws:states:local:000000000000:execution:machine:e-1
          machine       arn:aws:states:local:000000000000:stateMachine:machine (version 1)
          started       TIME TIME
          stopped       TIME TIME
          input         {"order":7}
          error         Boom
          cause         it was to be"#]]
    .assert_eq(&without_times(&shown));

    let arn = "arn:aws:states:local:000000000000:execution:machine:e-1";
    for name in ["e-1", "machine/e-1", arn] {
        let described = server.json(&["describe", name]);
        assert_eq!((&described["executionArn"], &described["status"]), (&json!(arn), &json!("FAILED")));
        assert_eq!((&described["error"], &described["cause"]), (&json!("Boom"), &json!("it was to be")));
        assert_eq!(described["input"], json!({ "order": 7 }));
        assert_eq!(described.get("output"), None);
    }
    let refused = server.stepwell(&["describe", "e-2"]).exited(3);
    assert_eq!(
        refused.stderr,
        "error: expected an execution, but none is called 'e-2'; `stepwell list` shows those there are\n"
    );
}

#[test]
fn history_is_a_table_for_people() {
    let server = ended(&pass(), r#"{"order": 7}"#);
    let shown = server.stepwell(&["history", "e-1"]).ok().stdout;
    expect![[r#"
        ID  TIME     EVENT               STATE  DATA
        1   TIME  ExecutionStarted           {"order": 7}
        2   TIME  PassStateEntered    Only   {"order": 7}
        3   TIME  PassStateExited     Only   {"order": 7}
        4   TIME  ExecutionSucceeded         {"order": 7}"#]]
    .assert_eq(&without_times(&shown));
    let whole = server.stepwell(&["history", "e-1", "--full"]).ok().stdout;
    expect![[r#"
        1     TIME  ExecutionStarted
              input {"order":7}
              roleArn arn:aws:iam::000000000000:role/stepwell
        2     TIME  PassStateEntered  Only
              name Only
              input {"order":7}
        3     TIME  PassStateExited  Only
              name Only
              output {"order":7}
        4     TIME  ExecutionSucceeded
              output {"order":7}"#]]
    .assert_eq(&without_times(&whole));
}

#[test]
fn history_has_the_names_of_aws_for_programs() {
    let server = ended(&pass(), r#"{"order": 7}"#);
    let events = server.json(&["history", "e-1"])["events"].take();
    let time = |index: usize| events[index]["timestamp"].clone();
    let whole = json!({ "truncated": false });
    assert_eq!(
        events,
        json!([
            { "timestamp": time(0), "type": "ExecutionStarted", "id": 1, "previousEventId": 0,
              "executionStartedEventDetails": { "input": { "order": 7 }, "inputDetails": whole,
                                                "roleArn": "arn:aws:iam::000000000000:role/stepwell" } },
            { "timestamp": time(1), "type": "PassStateEntered", "id": 2, "previousEventId": 0,
              "stateEnteredEventDetails": { "name": "Only", "input": { "order": 7 }, "inputDetails": whole } },
            { "timestamp": time(2), "type": "PassStateExited", "id": 3, "previousEventId": 2,
              "stateExitedEventDetails": { "name": "Only", "output": { "order": 7 }, "outputDetails": whole } },
            { "timestamp": time(3), "type": "ExecutionSucceeded", "id": 4, "previousEventId": 3,
              "executionSucceededEventDetails": { "output": { "order": 7 }, "outputDetails": whole } },
        ])
    );
    let ids = |arguments: &[&str]| {
        let events = server.json(&[&["history", "e-1"], arguments].concat())["events"].take();
        events.as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--reverse"]), [4, 3, 2, 1]);
    assert_eq!(ids(&["--reverse", "--limit", "2"]), [4, 3]);
    assert_eq!(ids(&["--limit", "1"]), [1]);
}

#[test]
fn watch_tells_events_as_they_come() {
    let server = Server::start();
    server.deploy("works", &task("worker:work"));
    let _ = server.stepwell(&["start", "works", "--name", "e-1"]).ok();
    let mut people = server.spawn(&["watch", "e-1"]);
    let mut programs = server.spawn(&["watch", "works/e-1", "--output", "json"]);
    let _ = people.line_where(|line| line.contains("TaskScheduled"));
    while programs.json_line()["type"] != "TaskScheduled" {}

    let worker = server.worker(&json!({ "tasks": { "work": { "return": "done" } } }));
    let told = people.wait().ok();
    assert!(told.stdout.ends_with("  output        \"done\"\n"), "{}", told.stdout);
    assert!(told.stdout.contains("✓ SUCCEEDED  works/e-1  in "), "{}", told.stdout);
    let lines = programs.wait().ok().json_lines();
    let types: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    let ids: Vec<u64> = lines.iter().filter_map(|line| line["id"].as_u64()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "each event once");
    assert_eq!(types[types.len() - 2], "ExecutionSucceeded");
    assert_eq!(
        (&lines.last().unwrap()["status"], &lines.last().unwrap()["output"]),
        (&json!("SUCCEEDED"), &json!("done"))
    );
    let _ = worker.terminate().ok();
}

#[test]
fn watch_goes_on_over_a_crash_of_the_server() {
    let mut server = Server::start();
    server.deploy("works", &task("worker:work"));
    let _ = server.stepwell(&["start", "works", "--name", "e-1"]).ok();
    let mut watching = server.spawn(&["watch", "e-1", "--output", "json"]);
    while watching.json_line()["type"] != "TaskScheduled" {}
    server.kill();
    server.restart();
    let worker = server.worker(&json!({ "tasks": { "work": { "return": "done" } } }));
    let lines = watching.wait().ok().json_lines();
    let ids: Vec<u64> = lines.iter().filter_map(|line| line["id"].as_u64()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "each event once");
    assert_eq!(lines.last().unwrap()["status"], "SUCCEEDED");
    let _ = worker.terminate().ok();
}

#[test]
fn stop_ends_it_and_is_safe_to_repeat() {
    let server = Server::start();
    server.deploy("waits", &wait());
    let _ = server.stepwell(&["start", "waits", "--name", "e-1"]).ok();
    for _ in 0..2 {
        let shown = server.stepwell(&["stop", "e-1", "--cause", "tired"]).ok().stdout;
        assert!(shown.starts_with("■ ABORTED  waits/e-1  in "), "{shown}");
    }
    let last = server.json(&["history", "e-1", "--reverse", "--limit", "1"])["events"][0].take();
    assert_eq!(
        (&last["type"], &last["executionAbortedEventDetails"]),
        (&json!("ExecutionAborted"), &json!({ "cause": "tired" }))
    );
    let _ = server.stepwell(&["stop", "nobody"]).exited(3);
}
