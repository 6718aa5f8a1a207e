//! The eight types of state: which fields they have, and what stands in them.

use expect_test::expect;

use super::{accepted, alone, check_state};
use crate::definition::{MapItems, Setting, StateKind, Text, WaitUntil};

#[test]
fn every_state_has_a_type() {
    check_state(
        "5",
        expect![[r#"
        ERROR WRONG_TYPE /States/S 1:30 expected an object, found 5
    "#]],
    );
    check_state(
        "{}",
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 These fields are required: [Type]
    "#]],
    );
    check_state(
        r#"{ "Type": "Passs", "End": true }"#,
        expect![[r#"
        ERROR INVALID_VALUE /States/S/Type 2:3 The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]
    "#]],
    );
    check_state(
        r#"{ "Type": null, "End": true }"#,
        expect![[r#"
        ERROR INVALID_VALUE /States/S/Type 2:3 The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]
    "#]],
    );
}

#[test]
fn next_or_end() {
    check_state(
        r#"{ "Type": "Pass" }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 expected exactly one of 'Next' and 'End', found neither
    "#]],
    );
    check_state(
        r#"{ "Type": "Pass", "Next": "S", "End": true }"#,
        expect![[r#"
        ERROR CONFLICTING_FIELDS /States/S 1:30 expected exactly one of 'Next' and 'End', found both
    "#]],
    );
    check_state(
        r#"{ "Type": "Pass", "End": false }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 expected exactly one of 'Next' and 'End', found neither
    "#]],
    );
    check_state(
        r#"{ "Type": "Pass", "End": "true" }"#,
        expect![[r#"
        ERROR WRONG_TYPE /States/S/End 2:19 expected true or false, found the string "true"
    "#]],
    );
    check_state(
        r#"{ "Type": "Succeed", "End": true }"#,
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/End 2:22 Field 'End' is not supported
    "#]],
    );
    check_state(
        r#"{ "Type": "Fail", "Next": "S" }"#,
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/Next 2:19 Field 'Next' is not supported
    "#]],
    );
}

#[test]
fn fields_that_belong_to_other_types() {
    let clauses =
        r#""InputPath": "$", "Parameters": {}, "ResultSelector": {}, "ResultPath": "$", "OutputPath": "$""#;
    check_state(
        &format!(r#"{{ "Type": "Wait", "Seconds": 1, "End": true, {clauses} }}"#),
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/Parameters 2:64 Field 'Parameters' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultSelector 2:82 Field 'ResultSelector' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultPath 2:104 Field 'ResultPath' is not supported
    "#]],
    );
    check_state(
        &format!(r#"{{ "Type": "Fail", {clauses} }}"#),
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/InputPath 2:19 Field 'InputPath' is not supported
        ERROR UNKNOWN_FIELD /States/S/Parameters 2:37 Field 'Parameters' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultSelector 2:55 Field 'ResultSelector' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultPath 2:77 Field 'ResultPath' is not supported
        ERROR UNKNOWN_FIELD /States/S/OutputPath 2:96 Field 'OutputPath' is not supported
    "#]],
    );
    check_state(
        &format!(r#"{{ "Type": "Pass", "End": true, {clauses} }}"#),
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/ResultSelector 2:68 Field 'ResultSelector' is not supported
    "#]],
    );
    check_state(
        &format!(r#"{{ "Type": "Succeed", {clauses} }}"#),
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/Parameters 2:40 Field 'Parameters' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultSelector 2:58 Field 'ResultSelector' is not supported
        ERROR UNKNOWN_FIELD /States/S/ResultPath 2:80 Field 'ResultPath' is not supported
    "#]],
    );
    check_state(
        r#"{ "Type": "Parallel", "TimeoutSeconds": 5, "End": true,
             "Branches": [{ "StartAt": "A", "TimeoutSeconds": 5, "States": { "A": { "Type": "Succeed" } } }] }"#,
        expect![[r#"
            ERROR UNKNOWN_FIELD /States/S/TimeoutSeconds 2:23 Field 'TimeoutSeconds' is not supported
            ERROR UNKNOWN_FIELD /States/S/Branches/0/TimeoutSeconds 3:45 Field 'TimeoutSeconds' is not supported
        "#]],
    );
    check_state(
        r#"{ "Type": "Pass", "Retry": [], "Catch": [], "comment": "?", "End": true }"#,
        expect![[r#"
        ERROR UNKNOWN_FIELD /States/S/Retry 2:19 Field 'Retry' is not supported
        ERROR UNKNOWN_FIELD /States/S/Catch 2:32 Field 'Catch' is not supported
        ERROR UNKNOWN_FIELD /States/S/comment 2:45 Field 'comment' is not supported
    "#]],
    );
}

#[test]
fn task() {
    check_state(
        r#"{ "Type": "Task", "Resource": "worker:a", "TimeoutSeconds": 10, "HeartbeatSeconds": 9, "Comment": "",
             "Credentials": { "RoleArn.$": "$.role" }, "Retry": [], "Catch": [], "End": true }"#,
        expect![[""]],
    );
    check_state(
        r#"{ "Type": "Task", "End": true }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 These fields are required: [Resource]
    "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": "foo:bar", "End": true }"#,
        expect![[r#"
        ERROR INVALID_RESOURCE /States/S/Resource 2:19 The resource provided foo:bar is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.
    "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": {}, "End": true,
             "TimeoutSeconds": 100000000,
             "HeartbeatSeconds": 1.5 }"#,
        expect![[r#"
            ERROR WRONG_TYPE /States/S/Resource 2:19 expected a string, found an object
            ERROR INVALID_VALUE /States/S/TimeoutSeconds 3:14 expected a whole number from 1 to 99999999, found 100000000
            ERROR INVALID_VALUE /States/S/HeartbeatSeconds 4:14 expected a whole number from 1 to 99999999, found 1.5
        "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": "worker:a", "TimeoutSeconds": 10, "HeartbeatSeconds": 10, "End": true }"#,
        expect![[r#"
            ERROR INVALID_VALUE /States/S/HeartbeatSeconds 2:65 expected less than the 10 of TimeoutSeconds, found 10
        "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": "worker:a", "End": true,
             "TimeoutSeconds": 10, "TimeoutSecondsPath": "$.t",
             "HeartbeatSecondsPath": "t" }"#,
        expect![[r#"
            ERROR CONFLICTING_FIELDS /States/S 1:30 expected at most one of 'TimeoutSeconds', 'TimeoutSecondsPath', found 'TimeoutSeconds', 'TimeoutSecondsPath'
            ERROR INVALID_PATH /States/S/HeartbeatSecondsPath 4:14 expected a JSONPath, found the string "t"
        "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": "worker:a", "Credentials": {}, "End": true }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S/Credentials 2:43 The field 'RoleArn' is required but was missing
    "#]],
    );
    check_state(
        r#"{ "Type": "Task", "Resource": "worker:a", "Credentials": { "RoleArn": 1, "Role": 2 }, "End": true }"#,
        expect![[r#"
            ERROR WRONG_TYPE /States/S/Credentials/RoleArn 2:60 expected a string, found 1
            ERROR UNKNOWN_FIELD /States/S/Credentials/Role 2:74 Field 'Role' is not supported
        "#]],
    );
}

#[test]
fn pass() {
    check_state(
        r#"{ "Type": "Pass", "Result": { "a.$": "$.b", "c": [{ "d.$": 1 }] }, "End": true }"#,
        expect![[r#"
        WARNING PASS_RESULT_IS_STATIC /States/S/Result/a.$ 2:31 the member looks evaluated, but is copied as it stands
        WARNING PASS_RESULT_IS_STATIC /States/S/Result/c/0/d.$ 2:53 the member looks evaluated, but is copied as it stands
    "#]],
    );
    let definition = accepted(&alone(r#"{ "Type": "Pass", "Result": null, "End": true }"#));
    let kind = &definition.states.state("S").unwrap().kind;
    assert!(matches!(kind, StateKind::Pass(pass) if pass.result.as_ref().unwrap().text() == "null"));
}

#[test]
fn wait() {
    check_state(
        r#"{ "Type": "Wait", "End": true }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 expected exactly one of 'Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath', found none
    "#]],
    );
    check_state(
        r#"{ "Type": "Wait", "Seconds": 1, "Timestamp": "2030-01-01T00:00:00Z", "End": true }"#,
        expect![[r#"
        ERROR CONFLICTING_FIELDS /States/S 1:30 expected exactly one of 'Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath', found 'Seconds', 'Timestamp'
    "#]],
    );
    check_state(
        r#"{ "Type": "Wait", "Timestamp": "2016-12-05 21:29:29Z", "End": true }"#,
        expect![[r#"
        ERROR INVALID_TIMESTAMP /States/S/Timestamp 2:19 String does not match RFC3339 timestamp
    "#]],
    );
    check_state(
        r#"{ "Type": "Wait", "TimestampPath": "2016-12-05T21:29:29Z", "End": true }"#,
        expect![[r#"
        ERROR INVALID_PATH /States/S/TimestampPath 2:19 expected a JSONPath, found the string "2016-12-05T21:29:29Z"
    "#]],
    );
    check_state(
        r#"{ "Type": "Wait", "Seconds": -1, "End": true }"#,
        expect![[r#"
        ERROR INVALID_VALUE /States/S/Seconds 2:19 expected a whole number from 0 to 99999999, found -1
    "#]],
    );
    check_state(
        r#"{ "Type": "Wait", "Seconds": "$.s", "End": true }"#,
        expect![[r#"
        ERROR WRONG_TYPE /States/S/Seconds 2:19 expected a whole number from 0 to 99999999, found the string "$.s"
    "#]],
    );
    let definition = accepted(&alone(r#"{ "Type": "Wait", "Seconds": 0, "End": true }"#));
    let kind = &definition.states.state("S").unwrap().kind;
    assert!(matches!(kind, StateKind::Wait(wait) if wait.until == WaitUntil::Seconds(0)));
}

#[test]
fn fail() {
    check_state(
        r#"{ "Type": "Fail", "Error": "$.error", "Cause": 1 }"#,
        expect![[r#"
        WARNING NO_PATH /States/S/Error 2:19 the value looks like a path or a function call, but is not evaluated
        ERROR WRONG_TYPE /States/S/Cause 2:39 expected a string, found 1
    "#]],
    );
    check_state(
        r#"{ "Type": "Fail", "Error": "E", "ErrorPath": "$.e", "CausePath": "cause" }"#,
        expect![[r#"
        ERROR CONFLICTING_FIELDS /States/S 1:30 expected at most one of 'Error', 'ErrorPath', found 'Error', 'ErrorPath'
        ERROR INVALID_PATH /States/S/CausePath 2:53 expected a JSONPath or an intrinsic function call, found the string "cause"
    "#]],
    );
    let definition =
        accepted(&alone(r#"{ "Type": "Fail", "Error": "E", "CausePath": "States.Format('{}', $.c)" }"#));
    let kind = &definition.states.state("S").unwrap().kind;
    let StateKind::Fail(fail) = kind else { panic!("{kind:?}") };
    assert_eq!(fail.error, Some(Text::Literal("E".into())));
    assert!(matches!(fail.cause, Some(Text::Path(_))));
}

#[test]
fn parallel() {
    check_state(
        r#"{ "Type": "Parallel", "End": true }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 These fields are required: [Branches]
    "#]],
    );
    check_state(
        r#"{ "Type": "Parallel", "Branches": [], "End": true }"#,
        expect![[r#"
        ERROR INVALID_VALUE /States/S/Branches 2:23 Value cannot be empty
    "#]],
    );
    check_state(
        r#"{ "Type": "Parallel", "Branches": [1, {}], "End": true }"#,
        expect![[r#"
        ERROR WRONG_TYPE /States/S/Branches/0 2:36 expected an object, found 1
        ERROR MISSING_FIELD /States/S/Branches/1 2:39 These fields are required: [States, StartAt]
    "#]],
    );
}

#[test]
fn map() {
    let processor = r#"{ "StartAt": "A", "States": { "A": { "Type": "Succeed" } } }"#;
    check_state(
        r#"{ "Type": "Map", "End": true }"#,
        expect![[r#"
        ERROR MISSING_FIELD /States/S 1:30 expected exactly one of 'ItemProcessor', 'Iterator', found none
    "#]],
    );
    check_state(
        &format!(
            r#"{{ "Type": "Map", "ItemProcessor": {processor}, "Iterator": {processor}, "End": true }}"#
        ),
        expect![[r#"
            ERROR CONFLICTING_FIELDS /States/S 1:30 expected exactly one of 'ItemProcessor', 'Iterator', found 'ItemProcessor', 'Iterator'
        "#]],
    );
    check_state(
        &format!(
            r#"{{ "Type": "Map", "Iterator": {processor}, "End": true, "ItemsPath": null,
                  "MaxConcurrency": -1,
                  "ItemSelector": {{}}, "Parameters": {{}} }}"#
        ),
        expect![[r#"
            ERROR CONFLICTING_FIELDS /States/S 1:30 expected at most one of 'ItemSelector', 'Parameters', found 'ItemSelector', 'Parameters'
            ERROR WRONG_TYPE /States/S/ItemsPath 2:105 expected a string, found null
            ERROR INVALID_VALUE /States/S/MaxConcurrency 3:19 expected a whole number of at least 0, found -1
        "#]],
    );
    check_state(
        r#"{ "Type": "Map", "End": true, "ItemProcessor": { "ProcessorConfig": { "Mode": "inline", "X": 1 },
             "QueryLanguage": "JSONPath", "StartAt": "A", "States": { "A": { "Type": "Succeed" } } } }"#,
        expect![[r#"
            ERROR INVALID_VALUE /States/S/ItemProcessor/ProcessorConfig/Mode 2:71 The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]
            ERROR UNKNOWN_FIELD /States/S/ItemProcessor/ProcessorConfig/X 2:89 Field 'X' is not supported
            ERROR UNKNOWN_FIELD /States/S/ItemProcessor/QueryLanguage 3:14 Field 'QueryLanguage' is not supported
        "#]],
    );
    let definition = accepted(&alone(&format!(
        r#"{{ "Type": "Map", "Iterator": {processor}, "Parameters": {{ "i.$": "$$.Map.Item.Index" }},
              "ItemsPath": "$.items[*]", "MaxConcurrencyPath": "$.n", "End": true }}"#
    )));
    let state = definition.states.state("S").unwrap();
    let StateKind::Map(map) = &state.kind else { panic!("{state:?}") };
    assert!(map.item_selector.is_some() && matches!(map.items, MapItems::Path(_)));
    assert!(matches!(map.max_concurrency, Setting::Path(_)));
}
