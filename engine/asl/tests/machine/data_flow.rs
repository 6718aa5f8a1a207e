//! The data flow of a state, and the context object.

use expect_test::expect;

use crate::script::{check, outcome};

/// What a Pass with these fields makes of an input.
fn pass(fields: &str, input: &str) -> String {
    outcome(&format!(r#"{{"Shape":{{"Type":"Pass",{fields}"End":true}}}}"#), &format!("start {input}"))
}

#[test]
fn paths_and_templates() {
    let input = r#"{"a": 1, "b": {"c": [1, 2]}}"#;
    for (fields, expected) in [
        // Untouched, down to the spacing.
        ("", r#"SUCCEEDED {"a": 1, "b": {"c": [1, 2]}}"#),
        (r#""InputPath":"$.b","#, r#"SUCCEEDED {"c":[1,2]}"#),
        (r#""InputPath":null,"#, "SUCCEEDED {}"),
        (r#""OutputPath":"$.b.c[1]","#, "SUCCEEDED 2"),
        (r#""OutputPath":null,"#, "SUCCEEDED {}"),
        (r#""ResultPath":null,"Result":7,"#, r#"SUCCEEDED {"a": 1, "b": {"c": [1, 2]}}"#),
        (r#""ResultPath":"$.b.c[0]","Result":7,"#, r#"SUCCEEDED {"a":1,"b":{"c":[7,2]}}"#),
        (r#""ResultPath":"$.x.y","InputPath":"$.a","#, r#"SUCCEEDED {"a":1,"b":{"c":[1,2]},"x":{"y":1}}"#),
        (r#""Result":{"x.$":"$.a"},"#, r#"SUCCEEDED {"x.$":"$.a"}"#),
        (
            r#""InputPath":"$.b","Parameters":{"x.$":"$.c","y":{"z.$":"States.ArrayLength($.c)"},"w":"$.c"},"#,
            r#"SUCCEEDED {"x":[1,2],"y":{"z":2},"w":"$.c"}"#,
        ),
        (r#""InputPath":"$.b.c[*]","#, "SUCCEEDED [1,2]"),
        (r#""InputPath":"$.gone[*]","#, "SUCCEEDED []"),
    ] {
        assert_eq!(pass(fields, input), expected, "{fields}");
    }
}

#[test]
fn faults_name_the_state_and_its_event() {
    let prefix = "An error occurred while executing the state 'Shape' (entered at the event id #2). ";
    for (fields, error, cause) in [
        (
            r#""InputPath":"$.gone","#,
            "States.Runtime",
            "Invalid path '$.gone' : No results for path: $['gone']",
        ),
        (
            r#""OutputPath":"$.gone.on","#,
            "States.Runtime",
            "Invalid path '$.gone.on' : Missing property in path $['gone']",
        ),
        (
            r#""Parameters":{"x.$":"$.gone"},"#,
            "States.Runtime",
            "The JSONPath '$.gone' specified for the field 'x.$' could not be found in the input '{\"a\":1}'",
        ),
        (
            r#""ResultPath":"$.a.b","#,
            "States.ResultPathMatchFailure",
            "Unable to apply ResultPath '$.a.b': expected an object to hold the member 'b', found number",
        ),
    ] {
        assert_eq!(pass(fields, r#"{"a":1}"#), format!("FAILED {error}: {prefix}{cause}"));
    }
}

#[test]
fn the_context_object() {
    check(
        r#"{"Look":{"Type":"Pass","Parameters":{"all.$":"$$"},"ResultPath":"$.look","Next":"Work"},
            "Work":{"Type":"Task","Resource":"worker:work","Parameters":{"all.$":"$$"},"Next":"Each"},
            "Each":{"Type":"Map","ItemsPath":"$$.Execution.Input.items","ItemSelector":{"map.$":"$$.Map"},"ItemProcessor":{
                "StartAt":"In","States":{"In":{"Type":"Pass","Parameters":{"all.$":"$$"},"End":true}}},"Next":"Wait"},
            "Wait":{"Type":"Wait","Seconds":1,"Next":"Done"},
            "Done":{"Type":"Succeed","InputPath":"$$.State"}}"#,
        "start {\"items\":[\"x\"]}\n+1s\ncomplete Work {}\n+1s",
        expect![[r#"
            0s 1 ExecutionStarted {"items":["x"]}
            0s 2 PassStateEntered ←0 Look {"items":["x"]}
            0s 3 PassStateExited Look {"items":["x"],"look":{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"Look","EnteredTime":"2026-01-01T00:00:00.000Z"}}}}
            0s 4 TaskStateEntered Work {"items":["x"],"look":{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"Look","EnteredTime":"2026-01-01T00:00:00.000Z"}}}}
            0s 5 TaskScheduled resource=work {"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"Work","EnteredTime":"2026-01-01T00:00:00.000Z","RetryCount":0}}}
            0s 6 TaskStarted resource=work
              > dispatch 5 to work, try 1: {"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"Work","EnteredTime":"2026-01-01T00:00:00.000Z","RetryCount":0}}}
            1s 7 TaskSucceeded resource=work {}
            1s 8 TaskStateExited Work {}
            1s 9 MapStateEntered Each {}
            1s 10 MapStateStarted length=1
            1s 11 MapIterationStarted Each index=0
            1s 12 PassStateEntered In {"map":{"Item":{"Index":0,"Value":"x"}}}
            1s 13 PassStateExited In {"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"In","EnteredTime":"2026-01-01T00:00:01.000Z"},"Map":{"Item":{"Index":0,"Value":"x"}}}}
            1s 14 MapIterationSucceeded Each index=0
            1s 15 MapStateSucceeded
            1s 16 MapStateExited ←14 Each [{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"In","EnteredTime":"2026-01-01T00:00:01.000Z"},"Map":{"Item":{"Index":0,"Value":"x"}}}}]
            1s 17 WaitStateEntered Wait [{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"In","EnteredTime":"2026-01-01T00:00:01.000Z"},"Map":{"Item":{"Index":0,"Value":"x"}}}}]
            1s . WaitScheduled until 2s
            2s 18 WaitStateExited Wait [{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"In","EnteredTime":"2026-01-01T00:00:01.000Z"},"Map":{"Item":{"Index":0,"Value":"x"}}}}]
            2s 19 SucceedStateEntered Done [{"all":{"Execution":{"Id":"arn:aws:states:local:000000000000:execution:Machine:run-1","Input":{"items":["x"]},"StartTime":"2026-01-01T00:00:00.000Z","Name":"run-1","RoleArn":"arn:aws:iam::000000000000:role/none","RedriveCount":0},"StateMachine":{"Id":"arn:aws:states:local:000000000000:stateMachine:Machine","Name":"Machine"},"State":{"Name":"In","EnteredTime":"2026-01-01T00:00:01.000Z"},"Map":{"Item":{"Index":0,"Value":"x"}}}}]
            2s 20 SucceedStateExited Done {"Name":"Done","EnteredTime":"2026-01-01T00:00:02.000Z"}
            2s 21 ExecutionSucceeded {"Name":"Done","EnteredTime":"2026-01-01T00:00:02.000Z"}
            SUCCEEDED {"Name":"Done","EnteredTime":"2026-01-01T00:00:02.000Z"}
        "#]],
    );
}
