//! Retry: waits, counters, and what happens when they are used up.

use expect_test::expect;

use crate::script::{check, outcome};

fn work(retry: &str) -> String {
    format!(
        r#"{{"Work":{{"Type":"Task","Resource":"worker:work","TimeoutSeconds":5,"Retry":{retry},
              "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"Caught"}}],"End":true}},
            "Caught":{{"Type":"Pass","End":true}}}}"#
    )
}

#[test]
fn the_default_is_three_retries_after_1_2_and_4_seconds() {
    check(
        &work(r#"[{"ErrorEquals":["States.ALL"]}]"#),
        "start {}
         fail Work Down
         +1s
         fail Work Down
         +1s
         complete Work#2 {}
         +1s
         fail Work Down
         restart
         +4s
         fail Work Down again",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {} timeoutInSeconds=5
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1, until 5s: {}
            0s 5 TaskFailed resource=work Down
            0s . RetryScheduled by retrier 0 at 1s
            1s 6 TaskScheduled resource=work {} timeoutInSeconds=5
            1s 7 TaskStarted resource=work
              > dispatch 6 to work, try 2, until 6s: {}
            1s 8 TaskFailed resource=work Down
            1s . RetryScheduled by retrier 0 at 3s
            refused: complete Work#2 {}: expected a task that waits for an answer, but its attempt is over
            3s 9 TaskScheduled resource=work {} timeoutInSeconds=5
            3s 10 TaskStarted resource=work
              > dispatch 9 to work, try 3, until 8s: {}
            3s 11 TaskFailed resource=work Down
            3s . RetryScheduled by retrier 0 at 7s
            restart
            7s 12 TaskScheduled resource=work {} timeoutInSeconds=5
            7s 13 TaskStarted resource=work
              > dispatch 12 to work, try 4, until 12s: {}
            7s 14 TaskFailed resource=work Down again
            7s 15 TaskStateExited Work {"Error":"Down","Cause":"again"}
            7s 16 PassStateEntered Caught {"Error":"Down","Cause":"again"}
            7s 17 PassStateExited Caught {"Error":"Down","Cause":"again"}
            7s 18 ExecutionSucceeded {"Error":"Down","Cause":"again"}
            SUCCEEDED {"Error":"Down","Cause":"again"}
        "#]],
    );
}

#[test]
fn waits_are_bounded_by_max_delay() {
    check(
        &work(
            r#"[{"ErrorEquals":["Down"],"IntervalSeconds":2,"BackoffRate":10,"MaxDelaySeconds":15,"MaxAttempts":3}]"#,
        ),
        "start {}\nfail Work Down\n+2s\nfail Work Down\n+15s\nfail Work Down\n+15s\ncomplete Work {}",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {} timeoutInSeconds=5
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1, until 5s: {}
            0s 5 TaskFailed resource=work Down
            0s . RetryScheduled by retrier 0 at 2s
            2s 6 TaskScheduled resource=work {} timeoutInSeconds=5
            2s 7 TaskStarted resource=work
              > dispatch 6 to work, try 2, until 7s: {}
            2s 8 TaskFailed resource=work Down
            2s . RetryScheduled by retrier 0 at 17s
            17s 9 TaskScheduled resource=work {} timeoutInSeconds=5
            17s 10 TaskStarted resource=work
              > dispatch 9 to work, try 3, until 22s: {}
            17s 11 TaskFailed resource=work Down
            17s . RetryScheduled by retrier 0 at 32s
            32s 12 TaskScheduled resource=work {} timeoutInSeconds=5
            32s 13 TaskStarted resource=work
              > dispatch 12 to work, try 4, until 37s: {}
            32s 14 TaskSucceeded resource=work {}
            32s 15 TaskStateExited Work {}
            32s 16 ExecutionSucceeded {}
            SUCCEEDED {}
        "#]],
    );
}

#[test]
fn jitter_draws_from_the_whole_wait() {
    let retry = r#"[{"ErrorEquals":["Down"],"IntervalSeconds":100,"JitterStrategy":"FULL","MaxAttempts":1}]"#;
    check(
        &work(retry),
        "start {}\nfail Work Down\n+100s\ncomplete Work {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 TaskScheduled resource=work {} timeoutInSeconds=5
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 5s: {}
        0s 5 TaskFailed resource=work Down
        0s . RetryScheduled by retrier 0 at 3.051ms
        3.051ms 6 TaskScheduled resource=work {} timeoutInSeconds=5
        3.051ms 7 TaskStarted resource=work
          > dispatch 6 to work, try 2, until 5.003051s: {}
        5.003051s 8 TaskTimedOut resource=work States.Timeout
        5.003051s 9 TaskStateExited Work {"Error":"States.Timeout","Cause":""}
        5.003051s 10 PassStateEntered Caught {"Error":"States.Timeout","Cause":""}
        5.003051s 11 PassStateExited Caught {"Error":"States.Timeout","Cause":""}
        5.003051s 12 ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
          > cancel 6
        refused: complete Work {}: expected a running execution, but it has ended as SUCCEEDED
        SUCCEEDED {"Error":"States.Timeout","Cause":""}
    "#]],
    );
}

#[test]
fn every_retrier_counts_for_itself() {
    check(
        &work(
            r#"[{"ErrorEquals":["A"],"MaxAttempts":1},{"ErrorEquals":["B"],"MaxAttempts":2,"IntervalSeconds":5,"BackoffRate":1}]"#,
        ),
        "start {}
         fail Work B
         +5s
         fail Work A
         +1s
         fail Work B
         +5s
         fail Work B",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {} timeoutInSeconds=5
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1, until 5s: {}
            0s 5 TaskFailed resource=work B
            0s . RetryScheduled by retrier 1 at 5s
            5s 6 TaskScheduled resource=work {} timeoutInSeconds=5
            5s 7 TaskStarted resource=work
              > dispatch 6 to work, try 2, until 10s: {}
            5s 8 TaskFailed resource=work A
            5s . RetryScheduled by retrier 0 at 6s
            6s 9 TaskScheduled resource=work {} timeoutInSeconds=5
            6s 10 TaskStarted resource=work
              > dispatch 9 to work, try 3, until 11s: {}
            6s 11 TaskFailed resource=work B
            6s . RetryScheduled by retrier 1 at 11s
            11s 12 TaskScheduled resource=work {} timeoutInSeconds=5
            11s 13 TaskStarted resource=work
              > dispatch 12 to work, try 4, until 16s: {}
            11s 14 TaskFailed resource=work B
            11s 15 TaskStateExited Work {"Error":"B","Cause":null}
            11s 16 PassStateEntered Caught {"Error":"B","Cause":null}
            11s 17 PassStateExited Caught {"Error":"B","Cause":null}
            11s 18 ExecutionSucceeded {"Error":"B","Cause":null}
            SUCCEEDED {"Error":"B","Cause":null}
        "#]],
    );
}

#[test]
fn the_first_retrier_that_matches_decides() {
    // Its attempts are used up, so the second is not asked.
    let retry = r#"[{"ErrorEquals":["A"],"MaxAttempts":0},{"ErrorEquals":["States.ALL"],"MaxAttempts":9}]"#;
    let caught = r#"SUCCEEDED {"Error":"A","Cause":null}"#;
    assert_eq!(outcome(&work(retry), "start {}\nfail Work A"), caught);
    assert_eq!(outcome(&work(retry), "start {}\nfail Work B\n+1s\ncomplete Work 1"), "SUCCEEDED 1");
}

#[test]
fn which_errors_are_retried() {
    for (matcher, event, retried) in [
        ("Down", "fail Work Down", true),
        ("Down", "fail Work Other", false),
        ("States.TaskFailed", "fail Work Down", true),
        ("States.TaskFailed", "+5s", false),
        ("States.Timeout", "+5s", true),
        ("States.HeartbeatTimeout", "+5s", false),
        ("States.ALL", "+5s", true),
        ("States.ALL", "fail Work States.Runtime", false),
        ("States.ALL", "fail Work", true),
        ("Stepwell.WorkerLost", "lose Work 2", true),
    ] {
        let retry = format!(r#"[{{"ErrorEquals":["{matcher}"],"MaxAttempts":1}}]"#);
        let ended = outcome(&work(&retry), &format!("start {{}}\n{event}\n+1s"));
        assert_eq!(ended == "RUNNING", retried, "{matcher} {event}: {ended}");
    }
}

#[test]
fn a_silent_task_can_be_matched_by_its_own_name() {
    let definition = r#"{"Work":{"Type":"Task","Resource":"worker:work","HeartbeatSeconds":2,
            "Retry":[{"ErrorEquals":["States.HeartbeatTimeout"],"MaxAttempts":1}],
            "Catch":[{"ErrorEquals":["States.HeartbeatTimeout"],"Next":"Silent"}],"End":true},
        "Silent":{"Type":"Succeed"}}"#;
    check(
        definition,
        "start {}\n+2s\n+1s\n+2s",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 TaskScheduled resource=work {} heartbeatInSeconds=2
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, silent for 2s at most: {}
        2s 5 TaskTimedOut resource=work States.Timeout
        2s . RetryScheduled by retrier 0 at 3s
          > cancel 3
        3s 6 TaskScheduled resource=work {} heartbeatInSeconds=2
        3s 7 TaskStarted resource=work
          > dispatch 6 to work, try 2, silent for 2s at most: {}
        5s 8 TaskTimedOut resource=work States.Timeout
        5s 9 TaskStateExited Work {"Error":"States.Timeout","Cause":""}
        5s 10 SucceedStateEntered Silent {"Error":"States.Timeout","Cause":""}
        5s 11 SucceedStateExited Silent {"Error":"States.Timeout","Cause":""}
        5s 12 ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
          > cancel 6
        SUCCEEDED {"Error":"States.Timeout","Cause":""}
    "#]],
    );
}

#[test]
fn the_retry_count_is_seen_by_every_attempt() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","Parameters":{"try.$":"$$.State.RetryCount"},
            "Retry":[{"ErrorEquals":["States.ALL"],"BackoffRate":1}],"Next":"Work2"},
            "Work2":{"Type":"Task","Resource":"worker:work","Parameters":{"try.$":"$$.State.RetryCount"},"End":true}}"#,
        "start {}\nfail Work A\n+1s\nfail Work B\n+1s\ncomplete Work {}",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {"try":0}
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1: {"try":0}
            0s 5 TaskFailed resource=work A
            0s . RetryScheduled by retrier 0 at 1s
            1s 6 TaskScheduled resource=work {"try":1}
            1s 7 TaskStarted resource=work
              > dispatch 6 to work, try 2: {"try":1}
            1s 8 TaskFailed resource=work B
            1s . RetryScheduled by retrier 0 at 2s
            2s 9 TaskScheduled resource=work {"try":2}
            2s 10 TaskStarted resource=work
              > dispatch 9 to work, try 3: {"try":2}
            2s 11 TaskSucceeded resource=work {}
            2s 12 TaskStateExited Work {}
            2s 13 TaskStateEntered Work2 {}
            2s 14 TaskScheduled resource=work {"try":0}
            2s 15 TaskStarted resource=work
              > dispatch 14 to work, try 1: {"try":0}
            RUNNING
        "#]],
    );
}
