//! The clauses that states share: data flow, templates, `Retry`, `Catch`.

use expect_test::expect;

use super::{accepted, alone, check, check_state};
use crate::definition::{DataFlow, JitterStrategy, ResultPath, Selection};

#[test]
fn paths() {
    check_state(
        r#"{ "Type": "Pass", "End": true,
             "InputPath": "States.UUID()",
             "OutputPath": "",
             "ResultPath": "$.a[*]" }"#,
        expect![[r#"
            ERROR INVALID_PATH /States/S/InputPath 3:14 expected a JSONPath, found the string "States.UUID()"
            ERROR INVALID_PATH /States/S/OutputPath 4:14 expected a JSONPath, found the string ""
            ERROR INVALID_PATH /States/S/ResultPath 5:14 expected a reference path, found the string "$.a[*]"
        "#]],
    );
    check_state(
        r#"{ "Type": "Pass", "End": true,
             "InputPath": 1,
             "OutputPath": {},
             "ResultPath": "$$.a" }"#,
        expect![[r#"
            ERROR WRONG_TYPE /States/S/InputPath 3:14 expected a string, found 1
            ERROR WRONG_TYPE /States/S/OutputPath 4:14 expected a string, found an object
            ERROR INVALID_PATH /States/S/ResultPath 5:14 expected a reference path, found the string "$$.a"
        "#]],
    );
}

#[test]
fn null_and_the_whole_document() {
    for (value, input, result) in
        [("null", Selection::Nothing, ResultPath::Discard), (r#""$""#, Selection::Whole, ResultPath::Replace)]
    {
        let state =
            format!(r#"{{ "Type": "Pass", "InputPath": {value}, "ResultPath": {value}, "End": true }}"#);
        let definition = accepted(&alone(&state));
        let DataFlow::JsonPath(flow) = &definition.states.state("S").unwrap().flow;
        assert_eq!((&flow.input_path, &flow.output_path), (&input, &Selection::Whole));
        assert_eq!(flow.result_path, result);
    }
}

#[test]
fn templates() {
    check_state(
        r#"{ "Type": "Pass", "End": true, "Parameters": {
             "bad.$": "x",
             "number.$": 1,
             "a/b": [{ "c~.$": "States.Nothing()" }],
             "path": "$.x",
             "Comment": "data like any other",
             "twice": 1, "twice.$": "$.x",
             "call": { "hidden": "States.UUID()" } } }"#,
        expect![[r#"
            ERROR INVALID_TEMPLATE /States/S/Parameters/bad.$ 3:14 The value for the field 'bad.$' must be a valid JSONPath or a valid intrinsic function call
            ERROR INVALID_TEMPLATE /States/S/Parameters/number.$ 4:14 The value for the field 'number.$' must be a valid JSONPath or a valid intrinsic function call
            ERROR INVALID_TEMPLATE /States/S/Parameters/a~1b/0/c~0.$ 5:24 The value for the field 'c~.$' must be a valid JSONPath or a valid intrinsic function call
            WARNING NO_DOLLAR /States/S/Parameters/path 6:14 the value looks like a path or a function call, but is not evaluated
            ERROR DUPLICATE_KEY /States/S/Parameters/twice.$ 8:26 expected one of 'twice' and 'twice.$', found both
            WARNING NO_DOLLAR /States/S/Parameters/call/hidden 9:24 the value looks like a path or a function call, but is not evaluated
        "#]],
    );
    check_state(r#"{ "Type": "Pass", "Parameters": [1, { "a.$": "$.a" }], "End": true }"#, expect![[""]]);
}

#[test]
fn retry() {
    let task = |retry: &str| {
        alone(&format!(r#"{{ "Type": "Task", "Resource": "worker:a", "End": true, "Retry": {retry} }}"#))
    };
    check(
        &task("{}"),
        expect![[r#"
        ERROR WRONG_TYPE /States/S/Retry 2:56 expected an array, found an object
    "#]],
    );
    check(
        &task("[1, {}]"),
        expect![[r#"
        ERROR WRONG_TYPE /States/S/Retry/0 2:66 expected an object, found 1
        ERROR MISSING_FIELD /States/S/Retry/1 2:69 These fields are required: [ErrorEquals]
    "#]],
    );
    check(
        &task(
            r#"[{ "ErrorEquals": ["E"],
                  "IntervalSeconds": 0,
                  "MaxAttempts": -1,
                  "BackoffRate": 0.5,
                  "MaxDelaySeconds": 31622400,
                  "JitterStrategy": "SOME",
                  "Backoff": 2 }]"#,
        ),
        expect![[r#"
            ERROR INVALID_VALUE /States/S/Retry/0/IntervalSeconds 3:19 expected a whole number from 1 to 99999999, found 0
            ERROR INVALID_VALUE /States/S/Retry/0/MaxAttempts 4:19 expected a whole number from 0 to 99999999, found -1
            ERROR INVALID_VALUE /States/S/Retry/0/BackoffRate 5:19 expected a number of at least 1.0, found 0.5
            ERROR INVALID_VALUE /States/S/Retry/0/MaxDelaySeconds 6:19 expected a whole number from 1 to 31622399, found 31622400
            ERROR INVALID_VALUE /States/S/Retry/0/JitterStrategy 7:19 The field 'JitterStrategy' should have one of these values: [FULL, NONE]
            ERROR UNKNOWN_FIELD /States/S/Retry/0/Backoff 8:19 Field 'Backoff' is not supported
        "#]],
    );
    check(
        &task(
            r#"[{ "ErrorEquals": [] },
                { "ErrorEquals": "E" },
                { "ErrorEquals": [1] },
                { "ErrorEquals": ["States.ALL"] },
                { "ErrorEquals": ["States.Runtime", "States.Nonsense"] },
                { "ErrorEquals": ["States.ALL", "E"] }]"#,
        ),
        expect![[r#"
            ERROR INVALID_VALUE /States/S/Retry/0/ErrorEquals 2:68 Value cannot be empty
            ERROR WRONG_TYPE /States/S/Retry/1/ErrorEquals 3:19 expected an array, found the string "E"
            ERROR WRONG_TYPE /States/S/Retry/2/ErrorEquals/0 4:35 expected a string, found 1
            ERROR MISPLACED_STATES_ALL /States/S/Retry/3/ErrorEquals/0 5:35 expected States.ALL in the last element, found it before others
            WARNING UNCATCHABLE_ERROR /States/S/Retry/4/ErrorEquals/0 6:35 States.Runtime is neither retried nor caught
            WARNING UNKNOWN_ERROR_NAME /States/S/Retry/4/ErrorEquals/1 6:53 expected one of the reserved error names, found the string "States.Nonsense"
            ERROR MISPLACED_STATES_ALL /States/S/Retry/5/ErrorEquals/0 7:35 expected States.ALL alone, found it among 2 error names
        "#]],
    );
    check(
        &task(r#"[{ "ErrorEquals": ["E"], "IntervalSeconds": 5, "MaxDelaySeconds": 5, "MaxAttempts": 0 }]"#),
        expect![[r#"
            WARNING POINTLESS_MAX_DELAY /States/S/Retry/0/MaxDelaySeconds 2:112 expected more than IntervalSeconds, found 5
        "#]],
    );
    let definition = accepted(&task(
        r#"[{ "ErrorEquals": ["E"], "JitterStrategy": "FULL" }, { "ErrorEquals": ["States.ALL"] }]"#,
    ));
    let retriers = definition.states.state("S").unwrap().retry();
    assert_eq!(retriers.len(), 2);
    assert_eq!(
        (retriers[0].interval_seconds, retriers[0].max_attempts, retriers[0].backoff_rate),
        (1, 3, 2.0)
    );
    assert_eq!(retriers[0].jitter_strategy, JitterStrategy::Full);
    assert!(retriers[1].matches("Anything") && !retriers[0].matches("Anything"));
}

#[test]
fn catch() {
    check(
        r#"{ "StartAt": "A", "States": {
            "A": { "Type": "Task", "Resource": "worker:a", "End": true, "Catch": [
                { "ErrorEquals": ["E"] },
                { "Next": "B", "ResultPath": "a" },
                { "ErrorEquals": ["States.ALL"], "Next": "Gone" },
                { "ErrorEquals": ["E"], "Next": "B", "Output": 1, "Assign": {}, "OutputPath": "$" }] },
            "B": { "Type": "Succeed" } }}"#,
        expect![[r#"
            ERROR MISSING_FIELD /States/A/Catch/0 3:17 These fields are required: [Next]
            ERROR MISSING_FIELD /States/A/Catch/1 4:17 These fields are required: [ErrorEquals]
            ERROR INVALID_PATH /States/A/Catch/1/ResultPath 4:32 expected a reference path, found the string "a"
            ERROR MISPLACED_STATES_ALL /States/A/Catch/2/ErrorEquals/0 5:35 expected States.ALL in the last element, found it before others
            ERROR MISSING_TRANSITION_TARGET /States/A/Catch/2/Next 5:50 Missing 'Next' target: Gone
            ERROR QUERY_LANGUAGE_MISMATCH /States/A/Catch/3/Output 6:54 The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            ERROR NOT_SUPPORTED_YET /States/A/Catch/3/Assign 6:67 Field 'Assign' (variables) is not supported yet
            ERROR UNKNOWN_FIELD /States/A/Catch/3/OutputPath 6:81 Field 'OutputPath' is not supported
        "#]],
    );
}
