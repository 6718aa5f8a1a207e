//! Map: concurrency, items, failing iterations, retries.

use expect_test::expect;

use crate::script::{check, outcome};

fn each(more: &str) -> String {
    format!(
        r#"{{"Each":{{"Type":"Map",{more}"ItemProcessor":{{
              "StartAt":"Work","States":{{"Work":{{"Type":"Task","Resource":"worker:work","End":true}}}}}},"Next":"After"}},
            "After":{{"Type":"Pass","End":true}}}}"#
    )
}

#[test]
fn all_at_once() {
    check(
        &each(""),
        "start [1,2]\ncomplete Work#2 \"two\"\nrestart\ncomplete Work#1 \"one\"",
        expect![[r#"
        0s 1 ExecutionStarted [1,2]
        0s 2 MapStateEntered ←0 Each [1,2]
        0s 3 MapStateStarted length=2
        0s 4 MapIterationStarted Each index=0
        0s 5 MapIterationStarted ←3 Each index=1
        0s 6 TaskStateEntered ←4 Work 1
        0s 7 TaskScheduled resource=work 1
        0s 8 TaskStarted resource=work
        0s 9 TaskStateEntered ←5 Work 2
        0s 10 TaskScheduled resource=work 2
        0s 11 TaskStarted resource=work
          > dispatch 7 to work, try 1: 1
          > dispatch 10 to work, try 1: 2
        0s 12 TaskSucceeded resource=work "two"
        0s 13 TaskStateExited Work "two"
        0s 14 MapIterationSucceeded Each index=1
        restart
          > dispatch 7 to work, try 1: 1
        0s 15 TaskSucceeded ←8 resource=work "one"
        0s 16 TaskStateExited Work "one"
        0s 17 MapIterationSucceeded Each index=0
        0s 18 MapStateSucceeded
        0s 19 MapStateExited ←17 Each ["one","two"]
        0s 20 PassStateEntered After ["one","two"]
        0s 21 PassStateExited After ["one","two"]
        0s 22 ExecutionSucceeded ["one","two"]
        SUCCEEDED ["one","two"]
    "#]],
    );
}

#[test]
fn one_after_the_other() {
    check(
        &each(r#""MaxConcurrency":1,"#),
        "start [1,2]\ncomplete Work \"one\"\ncomplete Work \"two\"",
        expect![[r#"
            0s 1 ExecutionStarted [1,2]
            0s 2 MapStateEntered ←0 Each [1,2]
            0s 3 MapStateStarted length=2
            0s 4 MapIterationStarted Each index=0
            0s 5 TaskStateEntered Work 1
            0s 6 TaskScheduled resource=work 1
            0s 7 TaskStarted resource=work
              > dispatch 6 to work, try 1: 1
            0s 8 TaskSucceeded resource=work "one"
            0s 9 TaskStateExited Work "one"
            0s 10 MapIterationSucceeded Each index=0
            0s 11 MapIterationStarted ←9 Each index=1
            0s 12 TaskStateEntered Work 2
            0s 13 TaskScheduled resource=work 2
            0s 14 TaskStarted resource=work
              > dispatch 13 to work, try 1: 2
            0s 15 TaskSucceeded resource=work "two"
            0s 16 TaskStateExited Work "two"
            0s 17 MapIterationSucceeded Each index=1
            0s 18 MapStateSucceeded
            0s 19 MapStateExited ←17 Each ["one","two"]
            0s 20 PassStateEntered After ["one","two"]
            0s 21 PassStateExited After ["one","two"]
            0s 22 ExecutionSucceeded ["one","two"]
            SUCCEEDED ["one","two"]
        "#]],
    );
}

#[test]
fn two_at_a_time() {
    check(
        &each(r#""MaxConcurrency":2,"#),
        "start [1,2,3]
         complete Work#2 \"two\"
         complete Work#3 \"three\"
         complete Work#1 \"one\"",
        expect![[r#"
            0s 1 ExecutionStarted [1,2,3]
            0s 2 MapStateEntered ←0 Each [1,2,3]
            0s 3 MapStateStarted length=3
            0s 4 MapIterationStarted Each index=0
            0s 5 MapIterationStarted ←3 Each index=1
            0s 6 TaskStateEntered ←4 Work 1
            0s 7 TaskScheduled resource=work 1
            0s 8 TaskStarted resource=work
            0s 9 TaskStateEntered ←5 Work 2
            0s 10 TaskScheduled resource=work 2
            0s 11 TaskStarted resource=work
              > dispatch 7 to work, try 1: 1
              > dispatch 10 to work, try 1: 2
            0s 12 TaskSucceeded resource=work "two"
            0s 13 TaskStateExited Work "two"
            0s 14 MapIterationSucceeded Each index=1
            0s 15 MapIterationStarted ←13 Each index=2
            0s 16 TaskStateEntered Work 3
            0s 17 TaskScheduled resource=work 3
            0s 18 TaskStarted resource=work
              > dispatch 17 to work, try 1: 3
            0s 19 TaskSucceeded resource=work "three"
            0s 20 TaskStateExited Work "three"
            0s 21 MapIterationSucceeded Each index=2
            0s 22 TaskSucceeded ←8 resource=work "one"
            0s 23 TaskStateExited Work "one"
            0s 24 MapIterationSucceeded Each index=0
            0s 25 MapStateSucceeded
            0s 26 MapStateExited ←24 Each ["one","two","three"]
            0s 27 PassStateEntered After ["one","two","three"]
            0s 28 PassStateExited After ["one","two","three"]
            0s 29 ExecutionSucceeded ["one","two","three"]
            SUCCEEDED ["one","two","three"]
        "#]],
    );
}

#[test]
fn no_items_at_all() {
    check(
        &each(""),
        "start []",
        expect![[r#"
        0s 1 ExecutionStarted []
        0s 2 MapStateEntered ←0 Each []
        0s 3 MapStateStarted length=0
        0s 4 MapStateSucceeded
        0s 5 MapStateExited ←3 Each []
        0s 6 PassStateEntered After []
        0s 7 PassStateExited After []
        0s 8 ExecutionSucceeded []
        SUCCEEDED []
    "#]],
    );
}

#[test]
fn items_and_what_an_iteration_gets() {
    check(
        &each(
            r#""InputPath":"$.order","ItemsPath":"$.lines","MaxConcurrencyPath":"$.max",
               "ItemSelector":{"order.$":"$.id","line.$":"$$.Map.Item.Value","index.$":"$$.Map.Item.Index"},
               "ResultSelector":{"all.$":"$[*].n"},"ResultPath":"$.done","#,
        ),
        "start {\"order\":{\"id\":7,\"max\":\"1\",\"lines\":[\"x\",\"y\"]}}
         complete Work {\"n\":1}
         complete Work {\"n\":2}",
        expect![[r#"
            0s 1 ExecutionStarted {"order":{"id":7,"max":"1","lines":["x","y"]}}
            0s 2 MapStateEntered ←0 Each {"order":{"id":7,"max":"1","lines":["x","y"]}}
            0s 3 MapStateStarted length=2
            0s 4 MapIterationStarted Each index=0
            0s 5 TaskStateEntered Work {"order":7,"line":"x","index":0}
            0s 6 TaskScheduled resource=work {"order":7,"line":"x","index":0}
            0s 7 TaskStarted resource=work
              > dispatch 6 to work, try 1: {"order":7,"line":"x","index":0}
            0s 8 TaskSucceeded resource=work {"n":1}
            0s 9 TaskStateExited Work {"n":1}
            0s 10 MapIterationSucceeded Each index=0
            0s 11 MapIterationStarted ←9 Each index=1
            0s 12 TaskStateEntered Work {"order":7,"line":"y","index":1}
            0s 13 TaskScheduled resource=work {"order":7,"line":"y","index":1}
            0s 14 TaskStarted resource=work
              > dispatch 13 to work, try 1: {"order":7,"line":"y","index":1}
            0s 15 TaskSucceeded resource=work {"n":2}
            0s 16 TaskStateExited Work {"n":2}
            0s 17 MapIterationSucceeded Each index=1
            0s 18 MapStateSucceeded
            0s 19 MapStateExited ←17 Each {"order":{"id":7,"max":"1","lines":["x","y"]},"done":{"all":[1,2]}}
            0s 20 PassStateEntered After {"order":{"id":7,"max":"1","lines":["x","y"]},"done":{"all":[1,2]}}
            0s 21 PassStateExited After {"order":{"id":7,"max":"1","lines":["x","y"]},"done":{"all":[1,2]}}
            0s 22 ExecutionSucceeded {"order":{"id":7,"max":"1","lines":["x","y"]},"done":{"all":[1,2]}}
            SUCCEEDED {"order":{"id":7,"max":"1","lines":["x","y"]},"done":{"all":[1,2]}}
        "#]],
    );
}

#[test]
fn what_cannot_be_mapped() {
    let prefix = "FAILED States.Runtime: An error occurred while executing the state 'Each' (entered at the event id #2). ";
    for (more, input, cause) in [
        ("", "{}", "Map state input must be an array but was: {}"),
        (r#""ItemsPath":"$.a","#, r#"{"a":"x"}"#, r#"Map state input must be an array but was: "x""#),
        (r#""ItemsPath":"$.a","#, "{}", "Invalid path '$.a' : No results for path: $['a']"),
        (
            r#""ItemsPath":"$.a","MaxConcurrencyPath":"$.m","#,
            r#"{"a":[],"m":"many"}"#,
            r#"The MaxConcurrencyPath field refers to value "many" which is not a valid integer: $.m"#,
        ),
    ] {
        assert_eq!(outcome(&each(more), &format!("start {input}")), format!("{prefix}{cause}"));
    }
}

#[test]
fn a_failing_iteration_takes_the_others_with_it() {
    check(
        &each(""),
        "start [1,2,3]\ncomplete Work#3 3\nfail Work#2 Broken\ncomplete Work#1 1",
        expect![[r#"
        0s 1 ExecutionStarted [1,2,3]
        0s 2 MapStateEntered ←0 Each [1,2,3]
        0s 3 MapStateStarted length=3
        0s 4 MapIterationStarted Each index=0
        0s 5 MapIterationStarted ←3 Each index=1
        0s 6 MapIterationStarted ←3 Each index=2
        0s 7 TaskStateEntered ←4 Work 1
        0s 8 TaskScheduled resource=work 1
        0s 9 TaskStarted resource=work
        0s 10 TaskStateEntered ←5 Work 2
        0s 11 TaskScheduled resource=work 2
        0s 12 TaskStarted resource=work
        0s 13 TaskStateEntered ←6 Work 3
        0s 14 TaskScheduled resource=work 3
        0s 15 TaskStarted resource=work
          > dispatch 8 to work, try 1: 1
          > dispatch 11 to work, try 1: 2
          > dispatch 14 to work, try 1: 3
        0s 16 TaskSucceeded resource=work 3
        0s 17 TaskStateExited Work 3
        0s 18 MapIterationSucceeded Each index=2
        0s 19 TaskFailed ←12 resource=work Broken
        0s 20 MapIterationFailed Each index=1
        0s 21 TaskStateAborted ←19
        0s 22 MapIterationAborted ←19 Each index=0
        0s 23 TaskStateAborted ←19
        0s 24 MapStateFailed ←19
        0s 25 ExecutionFailed Broken
          > cancel 8
        refused: complete Work#1 1: expected a running execution, but it has ended as FAILED
        FAILED Broken
    "#]],
    );
}

#[test]
fn a_failing_map_is_caught() {
    check(
        &each(r#""MaxConcurrency":1,"Catch":[{"ErrorEquals":["Broken"],"Next":"After"}],"#),
        "start [1,2,3]\ncomplete Work 1\nfail Work Broken why",
        expect![[r#"
            0s 1 ExecutionStarted [1,2,3]
            0s 2 MapStateEntered ←0 Each [1,2,3]
            0s 3 MapStateStarted length=3
            0s 4 MapIterationStarted Each index=0
            0s 5 TaskStateEntered Work 1
            0s 6 TaskScheduled resource=work 1
            0s 7 TaskStarted resource=work
              > dispatch 6 to work, try 1: 1
            0s 8 TaskSucceeded resource=work 1
            0s 9 TaskStateExited Work 1
            0s 10 MapIterationSucceeded Each index=0
            0s 11 MapIterationStarted ←9 Each index=1
            0s 12 TaskStateEntered Work 2
            0s 13 TaskScheduled resource=work 2
            0s 14 TaskStarted resource=work
              > dispatch 13 to work, try 1: 2
            0s 15 TaskFailed resource=work Broken why
            0s 16 MapIterationFailed Each index=1
            0s 17 TaskStateAborted ←15
            0s 18 MapStateFailed ←15
            0s 19 MapStateExited Each {"Error":"Broken","Cause":"why"}
            0s 20 PassStateEntered After {"Error":"Broken","Cause":"why"}
            0s 21 PassStateExited After {"Error":"Broken","Cause":"why"}
            0s 22 ExecutionSucceeded {"Error":"Broken","Cause":"why"}
            SUCCEEDED {"Error":"Broken","Cause":"why"}
        "#]],
    );
}

#[test]
fn a_failing_map_is_retried_as_a_whole() {
    check(
        &each(r#""MaxConcurrency":1,"Retry":[{"ErrorEquals":["Broken"],"MaxAttempts":1}],"#),
        "start [1,2]
         complete Work 1
         fail Work Broken
         +1s
         fail Work#3 Broken",
        expect![[r#"
            0s 1 ExecutionStarted [1,2]
            0s 2 MapStateEntered ←0 Each [1,2]
            0s 3 MapStateStarted length=2
            0s 4 MapIterationStarted Each index=0
            0s 5 TaskStateEntered Work 1
            0s 6 TaskScheduled resource=work 1
            0s 7 TaskStarted resource=work
              > dispatch 6 to work, try 1: 1
            0s 8 TaskSucceeded resource=work 1
            0s 9 TaskStateExited Work 1
            0s 10 MapIterationSucceeded Each index=0
            0s 11 MapIterationStarted ←9 Each index=1
            0s 12 TaskStateEntered Work 2
            0s 13 TaskScheduled resource=work 2
            0s 14 TaskStarted resource=work
              > dispatch 13 to work, try 1: 2
            0s 15 TaskFailed resource=work Broken
            0s 16 MapIterationFailed Each index=1
            0s 17 TaskStateAborted ←15
            0s . RetryScheduled by retrier 0 at 1s
            1s 18 MapStateStarted ←15 length=2
            1s 19 MapIterationStarted Each index=0
            1s 20 TaskStateEntered Work 1
            1s 21 TaskScheduled resource=work 1
            1s 22 TaskStarted resource=work
              > dispatch 21 to work, try 1: 1
            1s 23 TaskFailed resource=work Broken
            1s 24 MapIterationFailed Each index=0
            1s 25 TaskStateAborted ←23
            1s 26 MapStateFailed ←23
            1s 27 ExecutionFailed Broken
            FAILED Broken
        "#]],
    );
}

#[test]
fn tasks_that_time_out_together_have_all_timed_out() {
    check(
        r#"{"Each":{"Type":"Map","ItemProcessor":{
              "StartAt":"Work","States":{"Work":{"Type":"Task","Resource":"worker:work","TimeoutSeconds":5,"End":true}}},"End":true}}"#,
        "start [1,2]\n+5s",
        expect![[r#"
            0s 1 ExecutionStarted [1,2]
            0s 2 MapStateEntered ←0 Each [1,2]
            0s 3 MapStateStarted length=2
            0s 4 MapIterationStarted Each index=0
            0s 5 MapIterationStarted ←3 Each index=1
            0s 6 TaskStateEntered ←4 Work 1
            0s 7 TaskScheduled resource=work 1 timeoutInSeconds=5
            0s 8 TaskStarted resource=work
            0s 9 TaskStateEntered ←5 Work 2
            0s 10 TaskScheduled resource=work 2 timeoutInSeconds=5
            0s 11 TaskStarted resource=work
              > dispatch 7 to work, try 1, until 5s: 1
              > dispatch 10 to work, try 1, until 5s: 2
            5s 12 TaskTimedOut ←8 resource=work States.Timeout
            5s 13 TaskTimedOut ←11 resource=work States.Timeout
            5s 14 MapIterationFailed ←12 Each index=0
            5s 15 TaskStateAborted ←12
            5s 16 MapIterationAborted ←12 Each index=1
            5s 17 TaskStateAborted ←12
            5s 18 MapStateFailed ←12
            5s 19 ExecutionFailed States.Timeout
              > cancel 7
              > cancel 10
            FAILED States.Timeout
        "#]],
    );
}

#[test]
fn a_bad_selector_gives_up_what_was_begun() {
    check(
        &each(
            r#""ItemSelector":{"x.$":"States.ArrayGetItem($.list, $$.Map.Item.Index)"},"ItemsPath":"$.items","#,
        ),
        r#"start {"items":[1,2],"list":["only"]}"#,
        expect![[r#"
            0s 1 ExecutionStarted {"items":[1,2],"list":["only"]}
            0s 2 MapStateEntered ←0 Each {"items":[1,2],"list":["only"]}
            0s 3 MapStateStarted length=2
            0s 4 MapIterationStarted Each index=0
            0s 5 MapStateFailed
            0s 6 ExecutionFailed States.IntrinsicFailure An error occurred while executing the state 'Each' (entered at the event id #2). The function 'States.ArrayGetItem($.list, $$.Map.Item.Index)' had the following error: expected an index from 0 to below the array's length 1, found 1
            FAILED States.IntrinsicFailure: An error occurred while executing the state 'Each' (entered at the event id #2). The function 'States.ArrayGetItem($.list, $$.Map.Item.Index)' had the following error: expected an index from 0 to below the array's length 1, found 1
        "#]],
    );
}

#[test]
fn maps_can_be_nested() {
    let definition = r#"{"Rows":{"Type":"Map","ItemProcessor":{"StartAt":"Cells","States":{
        "Cells":{"Type":"Map","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value"},"ItemProcessor":{
            "StartAt":"Cell","States":{"Cell":{"Type":"Pass","Parameters":{"cell.$":"$.v","at.$":"$$.Map.Item.Index"},"End":true}}},"End":true}}},
        "End":true}}"#;
    assert_eq!(
        outcome(definition, "start [[1, 2], [], [3]]"),
        r#"SUCCEEDED [[{"cell":1,"at":0},{"cell":2,"at":1}],[],[{"cell":3,"at":0}]]"#
    );
}
