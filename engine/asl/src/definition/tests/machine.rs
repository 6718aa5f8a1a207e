//! The top-level object, the JSON around it, and the transitions.

use expect_test::expect;

use super::{accepted, check};
use crate::definition::{Definition, Next, StateKind, StateType};

#[test]
fn a_definition_is_read_in_the_order_of_its_text() {
    let definition = accepted(
        r#"{
            "Comment": "an order", "Version": "1.0", "QueryLanguage": "JSONPath", "TimeoutSeconds": 60,
            "States": {
                "B": { "End": true, "Type": "Pass" },
                "A": { "Next": "B", "Type": "Task", "Resource": "worker:charge" }
            },
            "StartAt": "A"
        }"#,
    );
    assert_eq!(definition.comment.as_deref(), Some("an order"));
    assert_eq!(definition.timeout_seconds, Some(60));
    assert_eq!(&*definition.states.start_at, "A");
    assert_eq!(definition.states.states.keys().map(AsRef::as_ref).collect::<Vec<_>>(), ["B", "A"]);
    let state = definition.states.state("A").unwrap();
    assert_eq!(state.state_type(), StateType::Task);
    assert!(matches!(&state.kind, StateKind::Task(task) if task.next == Next::State("B".into())));
}

#[test]
fn text_that_is_no_definition() {
    check(
        "",
        expect![[r#"
        ERROR WRONG_TYPE  0:0 Definition must be a valid JSON object
    "#]],
    );
    check(
        " \n ",
        expect![[r#"
        ERROR WRONG_TYPE  0:0 Definition must be a valid JSON object
    "#]],
    );
    check(
        "[]",
        expect![[r#"
        ERROR WRONG_TYPE  1:1 Definition must be a valid JSON object
    "#]],
    );
    check(
        "not a definition",
        expect![[r#"
        ERROR INVALID_JSON_DESCRIPTION  1:2 expected a JSON document: expected ident
    "#]],
    );
    check(
        "{\n  \"StartAt\": \"A\",\n}",
        expect![[r#"
        ERROR INVALID_JSON_DESCRIPTION  3:1 expected a JSON document: trailing comma
    "#]],
    );
    check(
        "{}",
        expect![[r#"
        ERROR MISSING_FIELD  1:1 These fields are required: [States, StartAt]
    "#]],
    );
    check(
        r#"{"States": [], "StartAt": 1}"#,
        expect![[r#"
        ERROR WRONG_TYPE /States 1:2 expected an object, found an empty array
        ERROR WRONG_TYPE /StartAt 1:16 expected a string, found 1
    "#]],
    );
    check(
        r#"{"StartAt": "A", "States": {}}"#,
        expect![[r#"
        ERROR INVALID_VALUE /States 1:18 Value cannot be empty
    "#]],
    );
}

#[test]
fn keys_that_stand_twice() {
    check(
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "End": true},
            "A": {"Type": "Pass", "Parameters": {"x~": 1, "x~": 2}, "End": true}
        }}"#,
        expect![[r#"
            ERROR DUPLICATE_KEY /States/A 3:13 expected each key once in an object, found it again
            ERROR DUPLICATE_KEY /States/A/Parameters/x~0 3:59 expected each key once in an object, found it again
        "#]],
    );
}

#[test]
fn fields_of_the_machine() {
    check(
        r#"{
            "StartsAt": "A",
            "Foo/Bar": 1,
            "Version": "2.0",
            "TimeoutSeconds": 0,
            "Comment": 5,
            "QueryLanguage": "XPath",
            "StartAt": "A",
            "States": { "A": { "Type": "Succeed" } }
        }"#,
        expect![[r#"
            ERROR UNKNOWN_FIELD /StartsAt 2:13 Field 'StartsAt' is not supported
            ERROR UNKNOWN_FIELD /Foo~1Bar 3:13 Field 'Foo/Bar' is not supported
            ERROR INVALID_VALUE /Version 4:13 The field 'Version' should have one of these values: [1.0]
            ERROR INVALID_VALUE /TimeoutSeconds 5:13 expected a whole number from 1 to 99999999, found 0
            ERROR WRONG_TYPE /Comment 6:13 expected a string, found 5
            ERROR INVALID_VALUE /QueryLanguage 7:13 The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]
        "#]],
    );
}

#[test]
fn transitions_lead_to_states_of_the_same_map() {
    check(
        r#"{ "StartAt": "Nowhere", "States": {
            "A": { "Type": "Pass", "Next": "Gone" },
            "B": { "Type": "Succeed" }
        }}"#,
        expect![[r#"
            ERROR MISSING_TRANSITION_TARGET /StartAt 1:3 Missing 'Next' target: Nowhere
            ERROR MISSING_TRANSITION_TARGET /States/A/Next 2:36 Missing 'Next' target: Gone
        "#]],
    );
    check(
        r#"{ "StartAt": "P", "States": {
            "P": { "Type": "Parallel", "Next": "Z", "Branches": [
                { "StartAt": "A", "States": { "A": { "Type": "Pass", "Next": "Z" }, "A2": { "Type": "Succeed" } } },
                { "StartAt": "Z", "States": { "B": { "Type": "Succeed" } } }
            ]},
            "Z": { "Type": "Succeed" }
        }}"#,
        expect![[r#"
            ERROR MISSING_TRANSITION_TARGET /States/P/Branches/0/States/A/Next 3:70 Missing 'Next' target: Z
            ERROR UNREACHABLE_STATE /States/P/Branches/0/States/A2 3:85 State "A2" is not reachable.
            ERROR MISSING_TRANSITION_TARGET /States/P/Branches/1/StartAt 4:19 Missing 'Next' target: Z
        "#]],
    );
}

#[test]
fn every_state_can_be_reached() {
    check(
        r#"{ "StartAt": "A", "States": {
            "A": { "Type": "Task", "Resource": "worker:a", "Next": "C",
                   "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }] },
            "C": { "Type": "Choice", "Default": "D",
                   "Choices": [{ "Variable": "$.x", "IsPresent": true, "Next": "Chosen" }] },
            "Caught": { "Type": "Fail" },
            "Chosen": { "Type": "Succeed" },
            "D": { "Type": "Pass", "Next": "A" },
            "Island": { "Type": "Pass", "Next": "Beach" },
            "Beach": { "Type": "Pass", "Next": "Island" }
        }}"#,
        expect![[r#"
            ERROR UNREACHABLE_STATE /States/Island 9:13 State "Island" is not reachable.
            ERROR UNREACHABLE_STATE /States/Beach 10:13 State "Beach" is not reachable.
        "#]],
    );
}

#[test]
fn something_ends() {
    check(
        r#"{ "StartAt": "A", "States": {
            "A": { "Type": "Pass", "Next": "B" },
            "B": { "Type": "Pass", "Next": "A" },
            "Island": { "Type": "Pass", "Next": "A" }
        }}"#,
        expect![[r#"
            ERROR MISSING_END_STATE /States 1:19 Workflow has no terminal state
        "#]],
    );
}

#[test]
fn names_are_unique_in_the_whole_machine() {
    check(
        r#"{ "StartAt": "M", "States": {
            "M": { "Type": "Map", "End": true, "ItemProcessor": { "StartAt": "A", "States": {
                "A": { "Type": "Pass", "Next": "M" },
                "M": { "Type": "Succeed" } } } }
        }}"#,
        expect![[r#"
            ERROR DUPLICATE_STATE_NAME /States/M/ItemProcessor/States/M 4:17 Duplicate State name: M
        "#]],
    );
    let long = "n".repeat(81);
    check(
        &format!(r#"{{"StartAt": "{long}", "States": {{"{long}": {{"Type": "Succeed"}}}}}}"#),
        expect![[r#"
        ERROR INVALID_STATE_NAME /States/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 1:109 expected a state name of 1 to 80 characters, found one of 81
    "#]],
    );
    check(
        r#"{"StartAt": "", "States": {"": {"Type": "Succeed"}}}"#,
        expect![[r#"
        ERROR INVALID_STATE_NAME /States/ 1:28 expected a state name of 1 to 80 characters, found one of 0
    "#]],
    );
}

#[test]
fn what_cannot_be_run_yet() {
    check(
        r#"{ "StartAt": "A", "QueryLanguage": "JSONata", "OnFailure": "Compensate", "States": {
            "A": { "Type": "Pass", "Output": "{% 1 %}", "End": true } } }"#,
        expect![[r#"
            ERROR NOT_SUPPORTED_YET /QueryLanguage 1:19 QueryLanguage 'JSONata' is not supported yet
            ERROR NOT_SUPPORTED_YET /OnFailure 1:47 Field 'OnFailure' (compensation) is not supported yet
        "#]],
    );
    check(
        r#"{ "StartAt": "A", "States": {
            "A": { "Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "Next": "B" },
            "B": { "Type": "Task", "Resource": "worker:b", "Compensation": { "Resource": "worker:undo-b" },
                   "Pivot": true, "Assign": { "x": 1 }, "Arguments": {}, "Next": "C" },
            "C": { "Type": "Compensate", "To": "B", "Next": "D" },
            "D": { "Type": "Map", "ItemReader": {}, "ToleratedFailureCount": 1, "End": true, "ItemProcessor": {
                "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" },
                "StartAt": "E", "States": { "E": { "Type": "Succeed" } } } }
        }}"#,
        expect![[r#"
            ERROR NOT_SUPPORTED_YET /States/A/QueryLanguage 2:36 QueryLanguage 'JSONata' is not supported yet
            ERROR NOT_SUPPORTED_YET /States/B/Compensation 3:60 Field 'Compensation' (compensation) is not supported yet
            ERROR NOT_SUPPORTED_YET /States/B/Pivot 4:20 Field 'Pivot' (compensation) is not supported yet
            ERROR NOT_SUPPORTED_YET /States/B/Assign 4:35 Field 'Assign' (variables) is not supported yet
            ERROR QUERY_LANGUAGE_MISMATCH /States/B/Arguments 4:57 The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage
            ERROR NOT_SUPPORTED_YET /States/C/Type 5:20 Type 'Compensate' (compensation) is not supported yet
            ERROR NOT_SUPPORTED_YET /States/D/ItemReader 6:35 Field 'ItemReader' (Distributed Map) is not supported yet
            ERROR NOT_SUPPORTED_YET /States/D/ToleratedFailureCount 6:53 Field 'ToleratedFailureCount' (Distributed Map) is not supported yet
            ERROR NOT_SUPPORTED_YET /States/D/ItemProcessor/ProcessorConfig/Mode 7:38 Mode 'DISTRIBUTED' (Distributed Map) is not supported yet
        "#]],
    );
}

#[test]
fn people_read_the_fault_its_place_and_what_to_do() {
    let (_, diagnostics) =
        Definition::parse(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "end": true}}}"#);
    let texts: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    expect![[r#"
        error[MISSING_FIELD]: expected exactly one of 'Next' and 'End', found neither
          at /States/A, line 1, column 29
          help: add the field
        error[UNKNOWN_FIELD]: Field 'end' is not supported
          at /States/A/end, line 1, column 51
          help: did you mean 'End'?"#]]
    .assert_eq(&texts.join("\n"));
}
