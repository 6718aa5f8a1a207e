//! Catch: which catcher, and what the next state gets.

use expect_test::expect;

use crate::script::{check, outcome};

fn work(catch: &str) -> String {
    format!(
        r#"{{"Work":{{"Type":"Task","Resource":"worker:work","TimeoutSeconds":5,"InputPath":"$.no.matter","OutputPath":"$.nothing",
              "Catch":{catch},"End":true}},
            "One":{{"Type":"Pass","End":true}},"Two":{{"Type":"Pass","End":true}}}}"#
    )
}

#[test]
fn the_first_catcher_that_matches_wins() {
    let definition =
        work(r#"[{"ErrorEquals":["A","B"],"Next":"One"},{"ErrorEquals":["States.ALL"],"Next":"Two"}]"#);
    check(
        &definition,
        "start {\"no\":{\"matter\":1}}\nfail Work B because",
        expect![[r#"
        0s 1 ExecutionStarted {"no":{"matter":1}}
        0s 2 TaskStateEntered ←0 Work {"no":{"matter":1}}
        0s 3 TaskScheduled resource=work 1 timeoutInSeconds=5
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 5s: 1
        0s 5 TaskFailed resource=work B because
        0s 6 TaskStateExited Work {"Error":"B","Cause":"because"}
        0s 7 PassStateEntered One {"Error":"B","Cause":"because"}
        0s 8 PassStateExited One {"Error":"B","Cause":"because"}
        0s 9 ExecutionSucceeded {"Error":"B","Cause":"because"}
        SUCCEEDED {"Error":"B","Cause":"because"}
    "#]],
    );
    check(
        &definition,
        "start {\"no\":{\"matter\":1}}\nfail Work C because",
        expect![[r#"
        0s 1 ExecutionStarted {"no":{"matter":1}}
        0s 2 TaskStateEntered ←0 Work {"no":{"matter":1}}
        0s 3 TaskScheduled resource=work 1 timeoutInSeconds=5
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 5s: 1
        0s 5 TaskFailed resource=work C because
        0s 6 TaskStateExited Work {"Error":"C","Cause":"because"}
        0s 7 PassStateEntered Two {"Error":"C","Cause":"because"}
        0s 8 PassStateExited Two {"Error":"C","Cause":"because"}
        0s 9 ExecutionSucceeded {"Error":"C","Cause":"because"}
        SUCCEEDED {"Error":"C","Cause":"because"}
    "#]],
    );
}

#[test]
fn the_error_goes_where_the_result_path_says() {
    let start = r#"start {"no":{"matter":1}}"#;
    for (result_path, event, expected) in [
        ("", "fail Work E why", r#"SUCCEEDED {"Error":"E","Cause":"why"}"#),
        (r#""ResultPath":"$","#, "fail Work E why", r#"SUCCEEDED {"Error":"E","Cause":"why"}"#),
        (r#""ResultPath":null,"#, "fail Work E why", r#"SUCCEEDED {"no":{"matter":1}}"#),
        (
            r#""ResultPath":"$.no.error","#,
            "fail Work E why",
            r#"SUCCEEDED {"no":{"matter":1,"error":{"Error":"E","Cause":"why"}}}"#,
        ),
        ("", "fail Work", r#"SUCCEEDED {"Error":null,"Cause":null}"#),
        ("", "+5s", r#"SUCCEEDED {"Error":"States.Timeout","Cause":""}"#),
        (
            r#""ResultPath":"$.no.matter.deeper","#,
            "fail Work E why",
            "FAILED States.ResultPathMatchFailure: An error occurred while executing the state 'Work' (entered at the event \
             id #2). Unable to apply ResultPath '$.no.matter.deeper': expected an object to hold the member 'deeper', found number",
        ),
    ] {
        let catch = format!(r#"[{{"ErrorEquals":["States.ALL"],{result_path}"Next":"One"}}]"#);
        // `Two` must be reachable, so another catcher leads there.
        let catch =
            format!(r#"[{{"ErrorEquals":["Never"],"Next":"Two"}},{}"#, catch.strip_prefix('[').unwrap());
        assert_eq!(outcome(&work(&catch), &format!("{start}\n{event}")), expected, "{result_path} {event}");
    }
}

#[test]
fn a_fault_of_the_definition_is_not_caught() {
    let definition = work(
        r#"[{"ErrorEquals":["States.Runtime"],"Next":"One"},{"ErrorEquals":["States.ALL"],"Next":"Two"}]"#,
    );
    check(
        &definition,
        "start {}",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 TaskStateEntered ←0 Work {}
        0s 3 ExecutionFailed States.Runtime An error occurred while executing the state 'Work' (entered at the event id #2). Invalid path '$.no.matter' : Missing property in path $['no']
        FAILED States.Runtime: An error occurred while executing the state 'Work' (entered at the event id #2). Invalid path '$.no.matter' : Missing property in path $['no']
    "#]],
    );
    // The worker did its work, but the output leads nowhere.
    check(
        &definition,
        "start {\"no\":{\"matter\":1}}\ncomplete Work {}",
        expect![[r#"
        0s 1 ExecutionStarted {"no":{"matter":1}}
        0s 2 TaskStateEntered ←0 Work {"no":{"matter":1}}
        0s 3 TaskScheduled resource=work 1 timeoutInSeconds=5
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1, until 5s: 1
        0s 5 TaskSucceeded resource=work {}
        0s 6 ExecutionFailed States.Runtime An error occurred while executing the state 'Work' (entered at the event id #2). Invalid path '$.nothing' : No results for path: $['nothing']
        FAILED States.Runtime: An error occurred while executing the state 'Work' (entered at the event id #2). Invalid path '$.nothing' : No results for path: $['nothing']
    "#]],
    );
}

#[test]
fn a_caught_error_can_lead_back() {
    let definition = r#"{"Work":{"Type":"Task","Resource":"worker:work",
            "Catch":[{"ErrorEquals":["Again"],"ResultPath":"$.error","Next":"Work"}],"End":true}}"#;
    check(
        definition,
        "start {\"id\":1}\nfail Work Again\nfail Work#2 Again\ncomplete Work#3 {}",
        expect![[r#"
        0s 1 ExecutionStarted {"id":1}
        0s 2 TaskStateEntered ←0 Work {"id":1}
        0s 3 TaskScheduled resource=work {"id":1}
        0s 4 TaskStarted resource=work
          > dispatch 3 to work, try 1: {"id":1}
        0s 5 TaskFailed resource=work Again
        0s 6 TaskStateExited Work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 7 TaskStateEntered Work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 8 TaskScheduled resource=work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 9 TaskStarted resource=work
          > dispatch 8 to work, try 1: {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 10 TaskFailed resource=work Again
        0s 11 TaskStateExited Work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 12 TaskStateEntered Work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 13 TaskScheduled resource=work {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 14 TaskStarted resource=work
          > dispatch 13 to work, try 1: {"id":1,"error":{"Error":"Again","Cause":null}}
        0s 15 TaskSucceeded resource=work {}
        0s 16 TaskStateExited Work {}
        0s 17 ExecutionSucceeded {}
        SUCCEEDED {}
    "#]],
    );
}
