//! What an execution may not exceed.

use expect_test::expect;

use crate::script::{check, outcome};

#[test]
fn an_endless_loop_ends_with_its_history() {
    let definition = r#"{"Again":{"Type":"Pass","Next":"Ask"},
        "Ask":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"Done"}],"Default":"Again"},
        "Done":{"Type":"Succeed"}}"#;
    assert_eq!(
        outcome(definition, "start {}"),
        "FAILED States.Runtime: The execution reached the maximum number of history events (25000)."
    );
    assert_eq!(
        outcome(definition, "limits history=500 steps=7\nstart {}"),
        "FAILED States.Runtime: The execution reached the maximum number of history events (500)."
    );
}

#[test]
fn a_loop_of_answers_and_waits_ends_too() {
    let definition = r#"{"Again":{"Type":"Map","Catch":[{"ErrorEquals":["Never"],"Next":"Done"}],"ItemProcessor":{
            "StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":1,"End":true}}},"Next":"Again"},
        "Done":{"Type":"Succeed"}}"#;
    let script = format!("limits history=300\nstart [1,2,3,4,5,6,7,8,9]{}", "\n+1s".repeat(20));
    assert_eq!(
        outcome(definition, &script),
        "FAILED States.Runtime: The execution reached the maximum number of history events (300)."
    );
}

#[test]
fn a_long_run_gives_way_to_others() {
    let definition =
        r#"{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","End":true}}"#;
    check(
        definition,
        "limits steps=2\nstart 1",
        expect![[r#"
        0s 1 ExecutionStarted 1
        0s 2 PassStateEntered ←0 A 1
        0s 3 PassStateExited A 1
        0s 4 PassStateEntered B 1
        0s 5 PassStateExited B 1
          > wake now
        0s 6 PassStateEntered C 1
        0s 7 PassStateExited C 1
        0s 8 ExecutionSucceeded 1
        SUCCEEDED 1
    "#]],
    );
    check(
        definition,
        "limits steps=1\nstart 1",
        expect![[r#"
        0s 1 ExecutionStarted 1
        0s 2 PassStateEntered ←0 A 1
        0s 3 PassStateExited A 1
          > wake now
        0s 4 PassStateEntered B 1
        0s 5 PassStateExited B 1
          > wake now
        0s 6 PassStateEntered C 1
        0s 7 PassStateExited C 1
        0s 8 ExecutionSucceeded 1
        SUCCEEDED 1
    "#]],
    );
}

#[test]
fn many_deadlines_at_once_give_way_to_others() {
    let definition = r#"{"Each":{"Type":"Map","ItemProcessor":{
            "StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":1,"End":true}}},"End":true}}"#;
    check(
        definition,
        "limits steps=2\nstart [1,2,3]\n+1s",
        expect![[r#"
        0s 1 ExecutionStarted [1,2,3]
        0s 2 MapStateEntered ←0 Each [1,2,3]
        0s 3 MapStateStarted length=3
        0s 4 MapIterationStarted Each index=0
          > wake now
        0s 5 MapIterationStarted ←3 Each index=1
        0s 6 MapIterationStarted ←3 Each index=2
          > wake now
        0s 7 WaitStateEntered ←4 Rest 1
        0s . WaitScheduled until 1s
        0s 8 WaitStateEntered ←5 Rest 2
        0s . WaitScheduled until 1s
          > wake now
        0s 9 WaitStateEntered ←6 Rest 3
        0s . WaitScheduled until 1s
        1s 10 WaitStateExited ←7 Rest 1
        1s 11 MapIterationSucceeded Each index=0
        1s 12 WaitStateExited ←8 Rest 2
        1s 13 MapIterationSucceeded Each index=1
        1s 14 WaitStateExited ←9 Rest 3
        1s 15 MapIterationSucceeded Each index=2
        1s 16 MapStateSucceeded
        1s 17 MapStateExited ←15 Each [1,2,3]
        1s 18 ExecutionSucceeded [1,2,3]
        SUCCEEDED [1,2,3]
    "#]],
    );
}

#[test]
fn documents_have_a_size() {
    let big = format!("{{\"x\":\"{}\"}}", "x".repeat(300));
    let excess = "returned a result with a size exceeding the maximum number of bytes service limit.";
    let work = r#"{"Work":{"Type":"Task","Resource":"worker:work","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Caught"}],"End":true},
                   "Caught":{"Type":"Pass","OutputPath":"$.Error","End":true}}"#;
    assert_eq!(
        outcome(work, &format!("limits payload=300\nstart {{}}\ncomplete Work {big}")),
        r#"SUCCEEDED "States.DataLimitExceeded""#
    );
    check(
        work,
        &format!("limits payload=300\nstart {{}}\ncomplete Work {big}"),
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 TaskScheduled resource=work {}
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1: {}
        0s 5 TaskFailed resource=work States.DataLimitExceeded The state/task 'work' returned a result with a size exceeding the maximum number of bytes service limit.
        0s 6 TaskStateExited Work {"Error":"States.DataLimitExceeded","Cause":"The state/task 'work' returned a result with a size exceeding the maximum number of bytes service limit."}
        0s 7 PassStateEntered Caught {"Error":"States.DataLimitExceeded","Cause":"The state/task 'work' returned a result with a size exceeding the maximum number of bytes service limit."}
        0s 8 PassStateExited Caught "States.DataLimitExceeded"
        0s 9 ExecutionSucceeded "States.DataLimitExceeded"
        SUCCEEDED "States.DataLimitExceeded"
    "#]],
    );
    for (fields, name) in [
        (r#""Type":"Pass","Parameters":{"twice.$":"States.Array($, $)"}"#, "Two"),
        (r#""Type":"Task","Resource":"worker:work","Parameters":{"twice.$":"States.Array($, $)"}"#, "Two"),
        (
            r#""Type":"Map","ItemsPath":"$.x","ItemSelector":{"twice.$":"States.Array($, $)"},
               "ItemProcessor":{"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}}"#,
            "Two",
        ),
    ] {
        let definition = format!(r#"{{"Two":{{{fields},"End":true}}}}"#);
        let input = format!("{{\"x\":[\"{}\"]}}", "x".repeat(60));
        assert_eq!(
            outcome(&definition, &format!("limits payload=100\nstart {input}")),
            format!("FAILED States.DataLimitExceeded: The state/task '{name}' {excess}")
        );
    }
}

#[test]
fn documents_have_a_depth() {
    // Every round wraps the output into one more array.
    let definition = r#"{"Wrap":{"Type":"Parallel","Catch":[{"ErrorEquals":["Never"],"Next":"Done"}],"Branches":[
            {"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}}],"Next":"Wrap"},"Done":{"Type":"Succeed"}}"#;
    assert_eq!(
        outcome(definition, "start 1"),
        "FAILED States.DataLimitExceeded: The state/task 'Wrap' returned a result that is nested more than 64 deep."
    );
}
