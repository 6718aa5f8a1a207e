//! `stepwell deploy` and `stepwell machines`.

use serde_json::json;
use stepwell_tests::process::Server;

use crate::definitions_of_tests::{fail, pass};

const ARN: &str = "arn:aws:states:local:000000000000:stateMachine";

#[test]
fn a_definition_goes_by_the_name_of_its_file() {
    let server = Server::start();
    for name in ["order.asl.json", "order.json"] {
        let file = server.file(name, &pass().to_string());
        let ended = server.stepwell(&["deploy", file.to_str().unwrap()]).ok();
        assert_eq!(ended.stdout, format!("✓ deployed order, version 1\n  {ARN}:order\n"));
    }
    let file = server.file("order.asl.json", &fail().to_string());
    let document = server.json(&["deploy", file.to_str().unwrap()]);
    assert_eq!(
        (&document["stateMachineArn"], &document["version"]),
        (&json!(format!("{ARN}:order")), &json!(2))
    );

    let document = server.json(&["deploy", file.to_str().unwrap(), "--name", "other"]);
    assert_eq!((&document["name"], &document["version"]), (&json!("other"), &json!(1)));
}

#[test]
fn what_is_invalid_is_shown_and_not_deployed() {
    let server = Server::start();
    let file = server.file("bad.asl.json", r#"{"StartAt": "A", "States": {"A": {"Type": "Pass"}}}"#);
    let file = file.to_str().unwrap();
    let ended = server.stepwell(&["deploy", file]).exited(1);
    assert!(
        ended.stdout.contains("error[") && ended.stdout.contains(&format!("{file}:1:")),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("nothing was deployed"), "{}", ended.stderr);
    let ended = server.stepwell(&["deploy", file, "--output", "json"]).exited(1);
    assert_eq!(ended.json()["result"], "FAIL");
    assert_eq!(server.json(&["machines"]), json!({ "stateMachines": [] }));
}

#[test]
fn a_file_whose_name_is_no_name_needs_one() {
    let server = Server::start();
    let file = server.file("an order.asl.json", &pass().to_string());
    let ended = server.stepwell(&["deploy", file.to_str().unwrap()]).exited(2);
    assert!(ended.stderr.contains("give one with --name"), "{}", ended.stderr);
    let ended = server.stepwell(&["deploy", file.to_str().unwrap(), "--name", "no name"]).exited(3);
    assert!(ended.stderr.contains("letters, digits"), "{}", ended.stderr);
}

#[test]
fn machines_are_listed_described_and_deleted() {
    let server = Server::start();
    assert!(server.stepwell(&["machines"]).ok().stderr.contains("stepwell deploy"));
    server.deploy("b", &pass());
    server.deploy("a", &fail());
    let lines = server.stepwell(&["machines"]).ok().stdout;
    let rows: Vec<Vec<&str>> = lines.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "VERSION", "UPDATED", "ARN"]);
    let names: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1], *row.last().unwrap())).collect();
    let (a, b) = (format!("{ARN}:a"), format!("{ARN}:b"));
    assert_eq!(names, [("a", "1", a.as_str()), ("b", "1", b.as_str())]);

    assert_eq!(server.stepwell(&["machines", "describe", "b"]).ok().json(), pass());
    assert_eq!(server.json(&["machines", "describe", &a])["definition"], fail());

    assert_eq!(server.stepwell(&["machines", "delete", "a"]).ok().stdout, format!("deleted {a}\n"));
    let ended = server.stepwell(&["machines", "delete", "a"]).exited(3);
    assert!(ended.stderr.contains("none is called 'a'; `stepwell machines` lists"), "{}", ended.stderr);
    let left = server.json(&["machines", "list"]);
    assert_eq!(left["stateMachines"].as_array().map(Vec::len), Some(1));
}
