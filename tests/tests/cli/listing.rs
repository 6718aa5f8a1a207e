//! `stepwell list`.

use serde_json::json;
use stepwell_tests::process::Server;

use crate::definitions_of_tests::{fail, pass, wait};

#[test]
fn executions_are_listed_newest_first() {
    let server = Server::start();
    assert!(server.stepwell(&["list"]).ok().stderr.contains("`stepwell start NAME`"));
    let started = [("passes", pass(), "p-1"), ("fails", fail(), "f-1"), ("waits", wait(), "w-1")];
    for (machine, definition, name) in &started {
        server.deploy(machine, definition);
        let wait = if *machine == "waits" { &[][..] } else { &["--wait"] };
        let _ = server.stepwell(&[&["start", machine, "--name", name], wait].concat());
    }
    let shown = server.stepwell(&["list"]).ok().stdout;
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["STATUS", "EXECUTION", "STARTED", "DURATION"]);
    let listed: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1], row[2])).collect();
    assert_eq!(
        listed,
        [("●", "RUNNING", "waits/w-1"), ("✗", "FAILED", "fails/f-1"), ("✓", "SUCCEEDED", "passes/p-1")]
    );

    let names = |arguments: &[&str]| {
        let executions = server.json(&[&["list"], arguments].concat())["executions"].take();
        executions
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["w-1", "f-1", "p-1"]);
    assert_eq!(names(&["--limit", "2"]), ["w-1", "f-1"]);
    assert_eq!(names(&["--status", "FAILED"]), ["f-1"]);
    assert_eq!(names(&["--status", "running"]), ["w-1"]);
    assert_eq!(names(&["--status", "TIMED_OUT"]), [""; 0]);
    assert_eq!(names(&["--machine", "passes"]), ["p-1"]);
    assert!(server.stepwell(&["list", "--limit", "1"]).ok().stderr.contains("there are more"));
    let _ = server.stepwell(&["list", "--machine", "nowhere"]).exited(3);

    let first = server.json(&["list", "--limit", "1"])["executions"][0].take();
    let expected = json!({
        "executionArn": "arn:aws:states:local:000000000000:execution:waits:w-1",
        "stateMachineArn": "arn:aws:states:local:000000000000:stateMachine:waits",
        "name": "w-1", "status": "RUNNING", "compensationStatus": "NONE", "version": 1,
        "startDate": first["startDate"],
    });
    assert_eq!(first, expected);
}
