//! `stepwell validate`: offline.

use expect_test::expect;
use serde_json::json;
use stepwell_tests::process::stepwell;

use crate::definitions_of_tests::pass;

const INVALID: &str = r#"{
  "StartAt": "Charge",
  "States": {
    "Charge": {
      "Type": "Task",
      "Resource": "worker:charge",
      "Next": "Shp"
    },
    "Ship": { "Type": "Task", "Resource": "worker:ship", "End": true }
  }
}
"#;

/// Writes files and gives their paths, and the folder that goes with them.
fn files<const N: usize>(texts: [(&str, &str); N]) -> (tempfile::TempDir, [String; N]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = texts.map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    (folder, paths)
}

#[test]
fn an_invalid_definition_is_shown_with_the_places_and_the_ways_out() {
    let (folder, [file]) = files([("order.asl.json", INVALID)]);
    let ended = stepwell(["validate", &file]).exited(1);
    let shown = ended.stdout.replace(folder.path().to_str().unwrap(), "DIR");
    expect![[r#"
        error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Shp
         --> DIR/order.asl.json:7:7 (/States/Charge/Next)
          |
        7 | "Next": "Shp"
          | ^^^^^^
          = help: name a state of the same States object; a transition cannot enter or leave a branch

        error[UNREACHABLE_STATE]: State "Ship" is not reachable.
         --> DIR/order.asl.json:9:5 (/States/Ship)
          |
        9 | "Ship": { "Type": "Task", "Resource": "worker:ship", "End": true }
          | ^^^^^^
          = help: remove the state, or lead a Next, Default or Catch of a reachable state to it

        ✗ DIR/order.asl.json is invalid: 2 errors
    "#]]
    .assert_eq(&shown);
    assert_eq!(ended.stderr, "");
}

#[test]
fn programs_get_the_same_as_one_document() {
    let (_folder, [bad, good]) = files([("bad.asl.json", INVALID), ("good.json", &pass().to_string())]);
    for arguments in
        [["validate", &bad, &good, "--json"].to_vec(), ["--output", "json", "validate", &bad, &good].to_vec()]
    {
        let document = stepwell(arguments).exited(1).json();
        assert_eq!(document["result"], "FAIL");
        assert_eq!(
            document["files"],
            json!([{ "file": bad, "result": "FAIL" }, { "file": good, "result": "OK" }])
        );
        let found = &document["diagnostics"][0];
        assert_eq!(
            *found,
            json!({
                "file": bad, "severity": "ERROR", "code": "MISSING_TRANSITION_TARGET",
                "location": "/States/Charge/Next", "line": 7, "column": 7,
                "message": found["message"], "help": found["help"],
            })
        );
    }
    let document = stepwell(["validate", &good, "--json"]).ok().json();
    assert_eq!((&document["result"], &document["diagnostics"]), (&json!("OK"), &json!([])));
}

#[test]
fn a_valid_definition_is_said_to_be_so() {
    let (_folder, [file]) = files([("good.asl.json", &pass().to_string())]);
    assert_eq!(stepwell(["validate", &file]).ok().stdout, format!("✓ {file} is valid\n"));
}

#[test]
fn colours_are_there_when_asked_for() {
    let (_folder, [file]) = files([("good.asl.json", &pass().to_string())]);
    let ended = stepwell(["validate", &file, "--color", "always"]).ok();
    assert!(ended.stdout.contains("\x1b["), "{}", ended.stdout);
    let ended = stepwell(["validate", &file, "--color", "never"]).ok();
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
}

#[test]
fn a_file_that_is_not_there_is_another_thing() {
    let ended = stepwell(["validate", "no/such.asl.json"]).exited(2);
    assert!(ended.stderr.starts_with("error: can't read no/such.asl.json: "), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}
