//! Pass, Succeed, Fail, and stopping.

use expect_test::expect;

use crate::script::{check, outcome};

#[test]
fn pass_and_succeed_run_at_once() {
    check(
        r#"{"Greet":{"Type":"Pass","Result":{"hello":"world"},"ResultPath":"$.greeting","Next":"Done"},
            "Done":{"Type":"Succeed","OutputPath":"$.greeting"}}"#,
        r#"start {"id":1}"#,
        expect![[r#"
            0s 1 ExecutionStarted {"id":1}
            0s 2 PassStateEntered ←0 Greet {"id":1}
            0s 3 PassStateExited Greet {"id":1,"greeting":{"hello":"world"}}
            0s 4 SucceedStateEntered Done {"id":1,"greeting":{"hello":"world"}}
            0s 5 SucceedStateExited Done {"hello":"world"}
            0s 6 ExecutionSucceeded {"hello":"world"}
            SUCCEEDED {"hello":"world"}
        "#]],
    );
}

#[test]
fn fail_ends_the_execution() {
    check(
        r#"{"No":{"Type":"Fail","Error":"Refused","Cause":"on purpose"}}"#,
        "start {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 FailStateEntered ←0 No {}
        0s 3 ExecutionFailed Refused on purpose
        FAILED Refused: on purpose
    "#]],
    );
    check(
        r#"{"No":{"Type":"Fail"}}"#,
        "start {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 FailStateEntered ←0 No {}
        0s 3 ExecutionFailed
        FAILED
    "#]],
    );
}

#[test]
fn fail_words_can_come_from_the_input() {
    let definition = r#"{"No":{"Type":"Fail","ErrorPath":"$.code","CausePath":"States.Format('{} of {}', $.what, $.id)"}}"#;
    for (input, expected) in [
        (r#"{"code":"E1","what":"order","id":7}"#, "FAILED E1: order of 7"),
        (
            r#"{"code":5,"what":"order","id":7}"#,
            "FAILED States.Runtime: An error occurred while executing the state 'No' (entered at the event id #2). \
             expected the ErrorPath '$.code' to be a string, found 5",
        ),
        (
            "{}",
            "FAILED States.Runtime: An error occurred while executing the state 'No' (entered at the event id #2). \
             The JSONPath '$.code' specified for the field 'ErrorPath' could not be found in the input '{}'",
        ),
    ] {
        assert_eq!(outcome(definition, &format!("start {input}")), expected);
    }
}

#[test]
fn an_execution_can_be_stopped_once() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","End":true}}"#,
        "start {}
         stop Closed no longer needed
         stop Again
         complete Work {}
         heartbeat Work
         wake",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {}
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1: {}
            0s 5 ExecutionAborted ←0 Closed no longer needed
              > cancel 3
            refused: stop Again: expected a running execution, but it has ended as ABORTED
            refused: complete Work {}: expected a running execution, but it has ended as ABORTED
            refused: heartbeat Work: expected a running execution, but it has ended as ABORTED
            ABORTED Closed: no longer needed
        "#]],
    );
    check(
        r#"{"Rest":{"Type":"Wait","Seconds":60,"End":true}}"#,
        "start {}\n+5s\nstop\n+60s",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 WaitStateEntered ←0 Rest {}
        0s . WaitScheduled until 60s
        5s 3 ExecutionAborted ←0
        ABORTED
    "#]],
    );
}

#[test]
fn the_machine_times_out() {
    let definition = r#"{"StartAt":"Work","TimeoutSeconds":10,"States":{
        "Work":{"Type":"Task","Resource":"worker:work","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Work"}],"End":true}}}"#;
    check(
        definition,
        "start {}\n+9.999s\n+1s\ncomplete Work {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 TaskScheduled resource=work {}
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1: {}
        10s 5 ExecutionTimedOut
          > cancel 3
        refused: complete Work {}: expected a running execution, but it has ended as TIMED_OUT
        TIMED_OUT
    "#]],
    );
    assert_eq!(outcome(definition, "start {}\n+9s\nrestart\ncomplete Work 1"), "SUCCEEDED 1");
    assert_eq!(outcome(definition, "start {}\n+9s\nrestart\n+1s"), "TIMED_OUT");
}
