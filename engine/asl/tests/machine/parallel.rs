//! Parallel: order of outputs, failing branches, retries, nesting.

use expect_test::expect;

use crate::script::{check, outcome};

/// Two branches with a task each, in the given Parallel with more fields.
fn both(more: &str) -> String {
    format!(
        r#"{{"Both":{{"Type":"Parallel",{more}"Branches":[
              {{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"worker:a","End":true}}}}}},
              {{"StartAt":"B","States":{{"B":{{"Type":"Task","Resource":"worker:b","End":true}}}}}}],"Next":"After"}},
            "After":{{"Type":"Pass","End":true}}}}"#
    )
}

#[test]
fn outputs_are_in_the_order_of_the_branches() {
    check(
        &both(""),
        "start {\"id\":1}\ncomplete B \"b\"\nrestart\n+1s\ncomplete A \"a\"",
        expect![[r#"
        0s 1 ExecutionStarted {"id":1}
        0s 2 ParallelStateEntered ←0 Both {"id":1}
        0s 3 ParallelStateStarted
        0s 4 TaskStateEntered A {"id":1}
        0s 5 TaskScheduled resource=a {"id":1}
        0s 6 TaskStarted resource=a
        0s 7 TaskStateEntered ←3 B {"id":1}
        0s 8 TaskScheduled resource=b {"id":1}
        0s 9 TaskStarted resource=b
          > dispatch 5 to a, try 1: {"id":1}
          > dispatch 8 to b, try 1: {"id":1}
        0s 10 TaskSucceeded resource=b "b"
        0s 11 TaskStateExited B "b"
        0s . BranchSucceeded "b"
        restart
          > dispatch 5 to a, try 1: {"id":1}
        1s 12 TaskSucceeded ←6 resource=a "a"
        1s 13 TaskStateExited A "a"
        1s . BranchSucceeded "a"
        1s 14 ParallelStateSucceeded
        1s 15 ParallelStateExited ←13 Both ["a","b"]
        1s 16 PassStateEntered After ["a","b"]
        1s 17 PassStateExited After ["a","b"]
        1s 18 ExecutionSucceeded ["a","b"]
        SUCCEEDED ["a","b"]
    "#]],
    );
}

#[test]
fn a_failing_branch_takes_the_others_with_it() {
    check(
        &both(""),
        "start {}\nfail B Broken why\ncomplete A 1",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 ParallelStateEntered ←0 Both {}
        0s 3 ParallelStateStarted
        0s 4 TaskStateEntered A {}
        0s 5 TaskScheduled resource=a {}
        0s 6 TaskStarted resource=a
        0s 7 TaskStateEntered ←3 B {}
        0s 8 TaskScheduled resource=b {}
        0s 9 TaskStarted resource=b
          > dispatch 5 to a, try 1: {}
          > dispatch 8 to b, try 1: {}
        0s 10 TaskFailed resource=b Broken why
        0s . BranchFailed
        0s 11 TaskStateAborted
        0s 12 TaskStateAborted ←10
        0s 13 ParallelStateFailed ←10
        0s 14 ExecutionFailed Broken why
          > cancel 5
        refused: complete A 1: expected a running execution, but it has ended as FAILED
        FAILED Broken: why
    "#]],
    );
}

#[test]
fn a_failing_parallel_is_caught() {
    check(
        &both(r#""Catch":[{"ErrorEquals":["Broken"],"ResultPath":"$.error","Next":"After"}],"#),
        "start {\"id\":1}\ncomplete A 1\nfail B Broken why",
        expect![[r#"
            0s 1 ExecutionStarted {"id":1}
            0s 2 ParallelStateEntered ←0 Both {"id":1}
            0s 3 ParallelStateStarted
            0s 4 TaskStateEntered A {"id":1}
            0s 5 TaskScheduled resource=a {"id":1}
            0s 6 TaskStarted resource=a
            0s 7 TaskStateEntered ←3 B {"id":1}
            0s 8 TaskScheduled resource=b {"id":1}
            0s 9 TaskStarted resource=b
              > dispatch 5 to a, try 1: {"id":1}
              > dispatch 8 to b, try 1: {"id":1}
            0s 10 TaskSucceeded ←6 resource=a 1
            0s 11 TaskStateExited A 1
            0s . BranchSucceeded 1
            0s 12 TaskFailed ←9 resource=b Broken why
            0s . BranchFailed
            0s 13 TaskStateAborted
            0s 14 ParallelStateFailed ←12
            0s 15 ParallelStateExited Both {"id":1,"error":{"Error":"Broken","Cause":"why"}}
            0s 16 PassStateEntered After {"id":1,"error":{"Error":"Broken","Cause":"why"}}
            0s 17 PassStateExited After {"id":1,"error":{"Error":"Broken","Cause":"why"}}
            0s 18 ExecutionSucceeded {"id":1,"error":{"Error":"Broken","Cause":"why"}}
            SUCCEEDED {"id":1,"error":{"Error":"Broken","Cause":"why"}}
        "#]],
    );
}

#[test]
fn a_failing_parallel_is_retried_as_a_whole() {
    check(
        &both(r#""Retry":[{"ErrorEquals":["Broken"],"MaxAttempts":1}],"#),
        "start {}
         complete A 1
         fail B Broken
         +1s
         complete A#1 1
         complete A#2 2
         fail B#2 Broken",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 ParallelStateEntered ←0 Both {}
            0s 3 ParallelStateStarted
            0s 4 TaskStateEntered A {}
            0s 5 TaskScheduled resource=a {}
            0s 6 TaskStarted resource=a
            0s 7 TaskStateEntered ←3 B {}
            0s 8 TaskScheduled resource=b {}
            0s 9 TaskStarted resource=b
              > dispatch 5 to a, try 1: {}
              > dispatch 8 to b, try 1: {}
            0s 10 TaskSucceeded ←6 resource=a 1
            0s 11 TaskStateExited A 1
            0s . BranchSucceeded 1
            0s 12 TaskFailed ←9 resource=b Broken
            0s . BranchFailed
            0s 13 TaskStateAborted
            0s . RetryScheduled by retrier 0 at 1s
            1s 14 ParallelStateStarted ←12
            1s 15 TaskStateEntered A {}
            1s 16 TaskScheduled resource=a {}
            1s 17 TaskStarted resource=a
            1s 18 TaskStateEntered ←14 B {}
            1s 19 TaskScheduled resource=b {}
            1s 20 TaskStarted resource=b
              > dispatch 16 to a, try 1: {}
              > dispatch 19 to b, try 1: {}
            refused: complete A#1 1: expected a task that waits for an answer, but its attempt is over
            1s 21 TaskSucceeded ←17 resource=a 2
            1s 22 TaskStateExited A 2
            1s . BranchSucceeded 2
            1s 23 TaskFailed ←20 resource=b Broken
            1s . BranchFailed
            1s 24 TaskStateAborted
            1s 25 ParallelStateFailed ←23
            1s 26 ExecutionFailed Broken
            FAILED Broken
        "#]],
    );
}

#[test]
fn a_fail_state_leaves_no_note_of_being_aborted() {
    check(
        r#"{"Both":{"Type":"Parallel","Branches":[
              {"StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":9,"End":true}}},
              {"StartAt":"No","States":{"No":{"Type":"Fail","Error":"No"}}}],"End":true}}"#,
        "start {}",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 ParallelStateEntered ←0 Both {}
            0s 3 ParallelStateStarted
            0s 4 WaitStateEntered Rest {}
            0s . WaitScheduled until 9s
            0s 5 FailStateEntered ←3 No {}
            0s . BranchFailed
            0s 6 WaitStateAborted
            0s 7 ParallelStateFailed ←5
            0s 8 ExecutionFailed No
            FAILED No
        "#]],
    );
}

#[test]
fn the_data_flow_of_a_parallel() {
    let more = r#""Parameters":{"x.$":"$.id"},"ResultSelector":{"first.$":"$[0]"},"ResultPath":"$.both","OutputPath":"$.both","#;
    assert_eq!(
        outcome(&both(more), "start {\"id\":1}\ncomplete A {\"a\":1}\ncomplete B 2"),
        r#"SUCCEEDED {"first":{"a":1}}"#
    );
    // The branches have succeeded, and yet the state fails: its output leads nowhere.
    check(
        &both(r#""OutputPath":"$.gone","#),
        "start {}\ncomplete A 1\ncomplete B 2",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 ParallelStateEntered ←0 Both {}
        0s 3 ParallelStateStarted
        0s 4 TaskStateEntered A {}
        0s 5 TaskScheduled resource=a {}
        0s 6 TaskStarted resource=a
        0s 7 TaskStateEntered ←3 B {}
        0s 8 TaskScheduled resource=b {}
        0s 9 TaskStarted resource=b
          > dispatch 5 to a, try 1: {}
          > dispatch 8 to b, try 1: {}
        0s 10 TaskSucceeded ←6 resource=a 1
        0s 11 TaskStateExited A 1
        0s . BranchSucceeded 1
        0s 12 TaskSucceeded ←9 resource=b 2
        0s 13 TaskStateExited B 2
        0s . BranchSucceeded 2
        0s 14 ParallelStateSucceeded
        0s 15 ExecutionFailed States.Runtime An error occurred while executing the state 'Both' (entered at the event id #2). Invalid path '$.gone' : Expected to find an object with property ['gone'] in path $ but found 'array'.
        FAILED States.Runtime: An error occurred while executing the state 'Both' (entered at the event id #2). Invalid path '$.gone' : Expected to find an object with property ['gone'] in path $ but found 'array'.
    "#]],
    );
}

#[test]
fn what_is_nested_is_given_up_with_what_is_around_it() {
    let definition = r#"{"Outer":{"Type":"Parallel","Branches":[
          {"StartAt":"Inner","States":{"Inner":{"Type":"Parallel","Branches":[
              {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"worker:a","End":true}}},
              {"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{
                  "StartAt":"B","States":{"B":{"Type":"Task","Resource":"worker:b","End":true}}},"End":true}}}],"End":true}}},
          {"StartAt":"C","States":{"C":{"Type":"Task","Resource":"worker:c","End":true}}}],"End":true}}"#;
    let start = r#"start {"items":[1,2]}"#;
    check(
        definition,
        &format!("{start}\nfail C Broken\ncomplete A 1\ncomplete B#2 1"),
        expect![[r#"
        0s 1 ExecutionStarted {"items":[1,2]}
        0s 2 ParallelStateEntered ←0 Outer {"items":[1,2]}
        0s 3 ParallelStateStarted
        0s 4 ParallelStateEntered Inner {"items":[1,2]}
        0s 5 ParallelStateStarted
        0s 6 TaskStateEntered ←3 C {"items":[1,2]}
        0s 7 TaskScheduled resource=c {"items":[1,2]}
        0s 8 TaskStarted resource=c
        0s 9 TaskStateEntered ←5 A {"items":[1,2]}
        0s 10 TaskScheduled resource=a {"items":[1,2]}
        0s 11 TaskStarted resource=a
        0s 12 MapStateEntered ←5 Each {"items":[1,2]}
        0s 13 MapStateStarted length=2
        0s 14 MapIterationStarted Each index=0
        0s 15 MapIterationStarted ←13 Each index=1
        0s 16 TaskStateEntered ←14 B 1
        0s 17 TaskScheduled resource=b 1
        0s 18 TaskStarted resource=b
        0s 19 TaskStateEntered ←15 B 2
        0s 20 TaskScheduled resource=b 2
        0s 21 TaskStarted resource=b
          > dispatch 7 to c, try 1: {"items":[1,2]}
          > dispatch 10 to a, try 1: {"items":[1,2]}
          > dispatch 17 to b, try 1: 1
          > dispatch 20 to b, try 1: 2
        0s 22 TaskFailed ←8 resource=c Broken
        0s . BranchFailed
        0s 23 TaskStateAborted
        0s 24 TaskStateAborted ←22
        0s 25 TaskStateAborted ←22
        0s 26 MapStateAborted ←22
        0s 27 ParallelStateAborted ←22
        0s 28 TaskStateAborted ←22
        0s 29 ParallelStateFailed ←22
        0s 30 ExecutionFailed Broken
          > cancel 10
          > cancel 17
          > cancel 20
        refused: complete A 1: expected a running execution, but it has ended as FAILED
        refused: complete B#2 1: expected a running execution, but it has ended as FAILED
        FAILED Broken
    "#]],
    );
    assert_eq!(
        outcome(
            definition,
            &format!("{start}\ncomplete C 3\ncomplete B#2 22\ncomplete B#1 11\ncomplete A 1")
        ),
        "SUCCEEDED [[1,[11,22]],3]"
    );
}
