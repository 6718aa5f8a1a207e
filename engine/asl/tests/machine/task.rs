//! Tasks: answers, time-outs, silence, and answers that come too late.

use expect_test::expect;

use crate::script::{check, outcome};

const WORK: &str = r#"{"Work":{"Type":"Task","Resource":"worker:work","TimeoutSeconds":10,"HeartbeatSeconds":3,"End":true}}"#;

#[test]
fn a_task_is_answered_once() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","Next":"More"},
            "More":{"Type":"Task","Resource":"worker:more","End":true}}"#,
        r#"start {}
           complete Work {"first":1}
           complete Work#1 {"second":2}
           fail Work#1 TooLate
           complete More {"end":true}
           complete More#1 {"end":false}"#,
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {}
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1: {}
            0s 5 TaskSucceeded resource=work {"first":1}
            0s 6 TaskStateExited Work {"first":1}
            0s 7 TaskStateEntered More {"first":1}
            0s 8 TaskScheduled resource=more {"first":1}
            0s 9 TaskStarted resource=more
              > dispatch 8 to more, try 1: {"first":1}
            refused: complete Work#1 {"second":2}: expected a task that waits for an answer, but its attempt is over
            refused: fail Work#1 TooLate: expected a task that waits for an answer, but its attempt is over
            0s 10 TaskSucceeded resource=more {"end":true}
            0s 11 TaskStateExited More {"end":true}
            0s 12 ExecutionSucceeded {"end":true}
            refused: complete More#1 {"end":false}: expected a running execution, but it has ended as SUCCEEDED
            SUCCEEDED {"end":true}
        "#]],
    );
}

#[test]
fn a_token_cannot_be_made_up() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","End":true}}"#,
        "start {}
         forge Work
         forge-event 2
         forge-event 99
         heartbeat Work
         complete Work 1",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {}
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1: {}
            refused: forge Work: expected the token of a task of this execution, found one that none of its tasks has
            refused: forge-event 2: expected a task that waits for an answer, but its attempt is over
            refused: forge-event 99: expected the token of a task of this execution, found one that none of its tasks has
            0s 5 TaskSucceeded resource=work 1
            0s 6 TaskStateExited Work 1
            0s 7 ExecutionSucceeded 1
            SUCCEEDED 1
        "#]],
    );
}

#[test]
fn a_task_times_out() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","TimeoutSeconds":10,"End":true}}"#,
        "start {}\n+9.999s\n+1ms\ncomplete Work {}",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {} timeoutInSeconds=10
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1, until 10s: {}
            10s 5 TaskTimedOut resource=work States.Timeout
            10s 6 ExecutionFailed States.Timeout
              > cancel 3
            refused: complete Work {}: expected a running execution, but it has ended as FAILED
            FAILED States.Timeout
        "#]],
    );
}

#[test]
fn a_silent_task_times_out() {
    check(
        WORK,
        "start {}\n+2s\nheartbeat Work\n+2.999s\n+1ms\nheartbeat Work",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 TaskScheduled resource=work {} timeoutInSeconds=10 heartbeatInSeconds=3
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 10s, silent for 3s at most: {}
        5s 5 TaskTimedOut resource=work States.Timeout
        5s 6 ExecutionFailed States.Timeout
          > cancel 3
        refused: heartbeat Work: expected a running execution, but it has ended as FAILED
        FAILED States.Timeout
    "#]],
    );
}

#[test]
fn signs_of_life_do_not_put_off_the_timeout() {
    let beats = "\n+2s\nheartbeat Work".repeat(4);
    assert_eq!(outcome(WORK, &format!("start {{}}{beats}\n+1s\ncomplete Work 1")), "SUCCEEDED 1");
    assert_eq!(outcome(WORK, &format!("start {{}}{beats}\n+2s\ncomplete Work 1")), "FAILED States.Timeout");
    // A restart gives every task a full interval again, for nobody could be heard meanwhile.
    assert_eq!(outcome(WORK, "start {}\n+2s\nrestart\n+2s\ncomplete Work 1"), "SUCCEEDED 1");
    assert_eq!(outcome(WORK, "start {}\n+2s\nrestart\n+3s\ncomplete Work 1"), "FAILED States.Timeout");
}

#[test]
fn times_can_come_from_the_input() {
    let definition = r#"{"Work":{"Type":"Task","Resource":"worker:work","TimeoutSecondsPath":"$.t","HeartbeatSecondsPath":"$.h","End":true}}"#;
    check(
        definition,
        "start {\"t\":20,\"h\":4}\n+4s",
        expect![[r#"
        0s 1 ExecutionStarted {"t":20,"h":4}
        0s 2 TaskStateEntered ←0 Work {"t":20,"h":4}
        0s 3 TaskScheduled resource=work {"t":20,"h":4} timeoutInSeconds=20 heartbeatInSeconds=4
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 20s, silent for 4s at most: {"t":20,"h":4}
        4s 5 TaskTimedOut resource=work States.Timeout
        4s 6 ExecutionFailed States.Timeout
          > cancel 3
        FAILED States.Timeout
    "#]],
    );
    let prefix = "FAILED States.Runtime: An error occurred while executing the state 'Work' (entered at the event id #2). ";
    for (input, cause) in [
        (r#"{"h":1}"#, "Invalid path '$.t' : No results for path: $['t']"),
        (
            r#"{"t":"soon","h":1}"#,
            "The TimeoutSecondsPath field refers to value \"soon\" which is not a valid integer: $.t",
        ),
        (
            r#"{"t":10,"h":-1}"#,
            "The HeartbeatSecondsPath field refers to value \"-1\" which is not a valid integer: $.h",
        ),
        (
            r#"{"t":0,"h":1}"#,
            "expected the TimeoutSecondsPath field to refer to a number from 1 to 99999999, found 0",
        ),
    ] {
        assert_eq!(outcome(definition, &format!("start {input}")), format!("{prefix}{cause}"));
    }
}

#[test]
fn a_task_that_loses_its_workers_fails() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"worker:work","Retry":[{"ErrorEquals":["Stepwell.WorkerLost"],"MaxAttempts":1}],"End":true}}"#,
        "start {}\nlose Work 3\n+1s\nlose Work 3",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 TaskScheduled resource=work {}
            0s 4 TaskStarted resource=work
              > dispatch 3 to work, try 1: {}
            0s 5 TaskFailed resource=work Stepwell.WorkerLost the task was handed to 3 workers, and each was lost while it had it
            0s . RetryScheduled by retrier 0 at 1s
            1s 6 TaskScheduled resource=work {}
            1s 7 TaskStarted resource=work
              > dispatch 6 to work, try 2: {}
            1s 8 TaskFailed resource=work Stepwell.WorkerLost the task was handed to 3 workers, and each was lost while it had it
            1s 9 ExecutionFailed Stepwell.WorkerLost the task was handed to 3 workers, and each was lost while it had it
            FAILED Stepwell.WorkerLost: the task was handed to 3 workers, and each was lost while it had it
        "#]],
    );
}

#[test]
fn an_activity_shows_who_took_it() {
    check(
        r#"{"Work":{"Type":"Task","Resource":"arn:aws:states:local:000000000000:activity:pick","HeartbeatSeconds":5,"End":true}}"#,
        "start {\"id\":1}
         +60s
         take Work picker-7
         take Work picker-8
         +4s
         heartbeat Work
         +4s
         complete Work {\"ok\":true}",
        expect![[r#"
            0s 1 ExecutionStarted {"id":1}
            0s 2 TaskStateEntered ←0 Work {"id":1}
            0s 3 ActivityScheduled resource=arn:aws:states:local:000000000000:activity:pick {"id":1} heartbeatInSeconds=5
              > dispatch 3 to pick, try 1, silent for 5s at most: {"id":1}
            60s 4 ActivityStarted workerName=picker-7
            68s 5 ActivitySucceeded {"ok":true}
            68s 6 TaskStateExited Work {"ok":true}
            68s 7 ExecutionSucceeded {"ok":true}
            SUCCEEDED {"ok":true}
        "#]],
    );
    let definition = r#"{"Work":{"Type":"Task","Resource":"arn:aws:states:local:000000000000:activity:pick","HeartbeatSeconds":5,"End":true}}"#;
    // The silence is counted from when it was taken, whatever came before.
    let taken_late = "start {}\nheartbeat Work\nrestart\n+60s\ntake Work";
    assert_eq!(outcome(definition, &format!("{taken_late}\n+4.999s")), "RUNNING");
    assert_eq!(outcome(definition, &format!("{taken_late}\n+5s")), "FAILED States.Timeout");
    check(
        r#"{"Work":{"Type":"Task","Resource":"arn:aws:states:local:000000000000:activity:pick","HeartbeatSeconds":5,"End":true}}"#,
        "start {}\ntake Work\n+5s",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Work {}
            0s 3 ActivityScheduled resource=arn:aws:states:local:000000000000:activity:pick {} heartbeatInSeconds=5
              > dispatch 3 to pick, try 1, silent for 5s at most: {}
            0s 4 ActivityStarted
            5s 5 ActivityTimedOut States.Timeout
            5s 6 ExecutionFailed States.Timeout
              > cancel 3
            FAILED States.Timeout
        "#]],
    );
}

#[test]
fn a_function_is_called_with_the_input_and_invoked_with_the_payload() {
    check(
        r#"{"Call":{"Type":"Task","Resource":"arn:aws:lambda:region:account:function:price:live","Next":"Invoke"},
            "Invoke":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
                "Parameters":{"FunctionName.$":"$.f","Payload":{"id.$":"$.id"}},"TimeoutSeconds":9,"End":true}}"#,
        r#"start {"id":1,"f":"arn:aws:lambda:us-east-1:1:function:ship:3"}
           complete Call {"id":2,"f":"ship"}
           complete Invoke {"sent":true}"#,
        expect![[r#"
            0s 1 ExecutionStarted {"id":1,"f":"arn:aws:lambda:us-east-1:1:function:ship:3"}
            0s 2 TaskStateEntered ←0 Call {"id":1,"f":"arn:aws:lambda:us-east-1:1:function:ship:3"}
            0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:price:live {"id":1,"f":"arn:aws:lambda:us-east-1:1:function:ship:3"}
            0s 4 LambdaFunctionStarted
              > dispatch 3 to price, try 1: {"id":1,"f":"arn:aws:lambda:us-east-1:1:function:ship:3"}
            0s 5 LambdaFunctionSucceeded {"id":2,"f":"ship"}
            0s 6 TaskStateExited Call {"id":2,"f":"ship"}
            0s 7 TaskStateEntered Invoke {"id":2,"f":"ship"}
            0s 8 TaskScheduled resource=invoke {"FunctionName":"ship","Payload":{"id":2}} timeoutInSeconds=9
            0s 9 TaskStarted resource=invoke
              > dispatch 8 to ship, try 1, until 9s: {"id":2}
            0s 10 TaskSucceeded resource=invoke {"ExecutedVersion":"$LATEST","Payload":{"sent":true},"StatusCode":200}
            0s 11 TaskStateExited Invoke {"ExecutedVersion":"$LATEST","Payload":{"sent":true},"StatusCode":200}
            0s 12 ExecutionSucceeded {"ExecutedVersion":"$LATEST","Payload":{"sent":true},"StatusCode":200}
            SUCCEEDED {"ExecutedVersion":"$LATEST","Payload":{"sent":true},"StatusCode":200}
        "#]],
    );
    check(
        r#"{"Invoke":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"ship"},"End":true}}"#,
        r#"start {"id":1}
           fail Invoke Bad {"errorType": "Bad", "at": 1}"#,
        expect![[r#"
            0s 1 ExecutionStarted {"id":1}
            0s 2 TaskStateEntered ←0 Invoke {"id":1}
            0s 3 TaskScheduled resource=invoke {"FunctionName":"ship"}
            0s 4 TaskStarted resource=invoke
              > dispatch 3 to ship, try 1: {}
            0s 5 TaskFailed resource=invoke Bad {"errorType":"Bad","at":1}
            0s 6 ExecutionFailed Bad {"errorType":"Bad","at":1}
            FAILED Bad: {"errorType":"Bad","at":1}
        "#]],
    );
    assert_eq!(
        outcome(
            r#"{"Invoke":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName.$":"$.f"},"End":true}}"#,
            r#"start {"f":"not a name"}"#
        ),
        "FAILED States.Runtime: An error occurred while executing the state 'Invoke' (entered at the event id #2). \
         expected FunctionName to be a function's name or ARN, found \"not a name\""
    );
}
