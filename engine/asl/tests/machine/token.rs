//! Tasks that wait for their token.

use expect_test::expect;

use crate::script::check;

const ASK: &str = r#"{"Ask":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters":{"FunctionName":"ask","Payload":{"token.$":"$$.Task.Token"}},
    "TimeoutSeconds":100,"HeartbeatSeconds":10,"End":true}}"#;

#[test]
fn the_call_is_made_and_then_the_token_is_awaited() {
    check(
        ASK,
        r#"start {}
           complete Ask {"mailed":true}
           complete Ask#1 {"mailed":"again"}
           +9s
           heartbeat Ask
           restart
           +9s
           token Ask {"approved":true}
           token Ask {"approved":false}"#,
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Ask {}
            0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
            0s 4 TaskStarted resource=invoke.waitForTaskToken
              > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
            0s 5 TaskSubmitted resource=invoke.waitForTaskToken {"ExecutedVersion":"$LATEST","Payload":{"mailed":true},"StatusCode":200}
            refused: complete Ask#1 {"mailed":"again"}: expected a task that waits for an answer, but its attempt is over
            restart
            18s 6 TaskSucceeded resource=invoke.waitForTaskToken {"approved":true}
            18s 7 TaskStateExited Ask {"approved":true}
            18s 8 ExecutionSucceeded {"approved":true}
            refused: token Ask {"approved":false}: expected a running execution, but it has ended as SUCCEEDED
            SUCCEEDED {"approved":true}
        "#]],
    );
}

#[test]
fn the_token_may_be_quicker_than_the_call() {
    check(
        ASK,
        "start {}\ntoken Ask 1\ncomplete Ask {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Ask {}
        0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
        0s 4 TaskStarted resource=invoke.waitForTaskToken
          > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
        0s 5 TaskSucceeded resource=invoke.waitForTaskToken 1
        0s 6 TaskStateExited Ask 1
        0s 7 ExecutionSucceeded 1
          > cancel 3
        refused: complete Ask {}: expected a running execution, but it has ended as SUCCEEDED
        SUCCEEDED 1
    "#]],
    );
}

#[test]
fn the_holder_of_the_token_can_fail_the_task() {
    check(
        ASK,
        "start {}\ncomplete Ask {}\ntoken-fail Ask Denied not today",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Ask {}
        0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
        0s 4 TaskStarted resource=invoke.waitForTaskToken
          > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
        0s 5 TaskSubmitted resource=invoke.waitForTaskToken {"ExecutedVersion":"$LATEST","Payload":{},"StatusCode":200}
        0s 6 TaskFailed resource=invoke.waitForTaskToken Denied not today
        0s 7 ExecutionFailed Denied not today
        FAILED Denied: not today
    "#]],
    );
    check(
        ASK,
        "start {}\ncomplete Ask {}\ntoken-fail Ask",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Ask {}
        0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
        0s 4 TaskStarted resource=invoke.waitForTaskToken
          > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
        0s 5 TaskSubmitted resource=invoke.waitForTaskToken {"ExecutedVersion":"$LATEST","Payload":{},"StatusCode":200}
        0s 6 TaskFailed resource=invoke.waitForTaskToken
        0s 7 ExecutionFailed
        FAILED
    "#]],
    );
}

#[test]
fn a_failed_call_fails_the_task() {
    check(
        ASK,
        "start {}\nfail Ask MailDown\ntoken Ask 1",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Ask {}
        0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
        0s 4 TaskStarted resource=invoke.waitForTaskToken
          > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
        0s 5 TaskFailed resource=invoke.waitForTaskToken MailDown
        0s 6 ExecutionFailed MailDown
        refused: token Ask 1: expected a running execution, but it has ended as FAILED
        FAILED MailDown
    "#]],
    );
}

#[test]
fn nobody_answers() {
    check(
        ASK,
        "start {}\ncomplete Ask {}\n+10s\ntoken Ask 1",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Ask {}
        0s 3 TaskScheduled resource=invoke.waitForTaskToken {"FunctionName":"ask","Payload":{"token":"0000000000000000000000000000000e00000000000000030000000000040001"}} timeoutInSeconds=100 heartbeatInSeconds=10
        0s 4 TaskStarted resource=invoke.waitForTaskToken
          > dispatch 3 to ask, try 1, until 100s, silent for 10s at most: {"token":"0000000000000000000000000000000e00000000000000030000000000040001"}
        0s 5 TaskSubmitted resource=invoke.waitForTaskToken {"ExecutedVersion":"$LATEST","Payload":{},"StatusCode":200}
        10s 6 TaskTimedOut resource=invoke.waitForTaskToken States.Timeout
        10s 7 ExecutionFailed States.Timeout
          > cancel 3
        refused: token Ask 1: expected a running execution, but it has ended as FAILED
        FAILED States.Timeout
    "#]],
    );
}

#[test]
fn every_attempt_has_a_token_of_its_own() {
    check(
        r#"{"Ask":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters":{"MessageBody":{"token.$":"$$.Task.Token","try.$":"$$.State.RetryCount"}},
            "Retry":[{"ErrorEquals":["Again"]}],"End":true}}"#,
        "start {}
         complete Ask {}
         token-fail Ask Again
         +1s
         token Ask#1 1
         complete Ask#2 {}
         token Ask#2 2",
        expect![[r#"
            0s 1 ExecutionStarted {}
            0s 2 TaskStateEntered ←0 Ask {}
            0s 3 TaskScheduled resource=sendMessage.waitForTaskToken {"MessageBody":{"token":"0000000000000000000000000000000e00000000000000030000000000040001","try":0}}
            0s 4 TaskStarted resource=sendMessage.waitForTaskToken
              > dispatch 3 to sqs:sendMessage, try 1: {"MessageBody":{"token":"0000000000000000000000000000000e00000000000000030000000000040001","try":0}}
            0s 5 TaskSubmitted resource=sendMessage.waitForTaskToken {}
            0s 6 TaskFailed resource=sendMessage.waitForTaskToken Again
            0s . RetryScheduled by retrier 0 at 1s
            1s 7 TaskScheduled resource=sendMessage.waitForTaskToken {"MessageBody":{"token":"0000000000000000000000000000000e0000000000000007048a00148008a104","try":1}}
            1s 8 TaskStarted resource=sendMessage.waitForTaskToken
              > dispatch 7 to sqs:sendMessage, try 2: {"MessageBody":{"token":"0000000000000000000000000000000e0000000000000007048a00148008a104","try":1}}
            refused: token Ask#1 1: expected a task that waits for an answer, but its attempt is over
            1s 9 TaskSubmitted resource=sendMessage.waitForTaskToken {}
            1s 10 TaskSucceeded resource=sendMessage.waitForTaskToken 2
            1s 11 TaskStateExited Ask 2
            1s 12 ExecutionSucceeded 2
            SUCCEEDED 2
        "#]],
    );
}
