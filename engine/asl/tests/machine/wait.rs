//! The four forms of Wait, and what is wrong with their values at run time.

use expect_test::expect;

use crate::script::{check, outcome};

#[test]
fn a_wait_sleeps_until_its_time() {
    check(
        r#"{"Rest":{"Type":"Wait","Seconds":90,"Next":"Done"},"Done":{"Type":"Succeed"}}"#,
        r#"start {"id":1}
           +89s
           wake
           restart
           +1s"#,
        expect![[r#"
            0s 1 ExecutionStarted {"id":1}
            0s 2 WaitStateEntered ←0 Rest {"id":1}
            0s . WaitScheduled until 90s
            restart
            90s 3 WaitStateExited Rest {"id":1}
            90s 4 SucceedStateEntered Done {"id":1}
            90s 5 SucceedStateExited Done {"id":1}
            90s 6 ExecutionSucceeded {"id":1}
            SUCCEEDED {"id":1}
        "#]],
    );
}

#[test]
fn every_form_of_wait() {
    for (field, input, ended) in [
        (r#""Seconds":0"#, "{}", true),
        (r#""Seconds":5"#, "{}", true),
        (r#""Seconds":11"#, "{}", false),
        (r#""SecondsPath":"$.s""#, r#"{"s":10}"#, true),
        (r#""SecondsPath":"$.s""#, r#"{"s":"10"}"#, true),
        (r#""SecondsPath":"$.s""#, r#"{"s":11}"#, false),
        (r#""Timestamp":"2026-01-01T00:00:10Z""#, "{}", true),
        (r#""Timestamp":"2026-01-01T01:00:10+01:00""#, "{}", true),
        (r#""Timestamp":"2026-01-01T00:00:11Z""#, "{}", false),
        (r#""Timestamp":"1999-01-01T00:00:00Z""#, "{}", true),
        (r#""TimestampPath":"$.t""#, r#"{"t":"2026-01-01T00:00:10Z"}"#, true),
        (r#""TimestampPath":"$.t""#, r#"{"t":"2026-01-01T00:00:11Z"}"#, false),
        (r#""TimestampPath":"$$.Execution.StartTime""#, "{}", true),
    ] {
        let definition = format!(r#"{{"Rest":{{"Type":"Wait",{field},"End":true}}}}"#);
        let expected = if ended { format!("SUCCEEDED {input}") } else { "RUNNING".to_owned() };
        assert_eq!(outcome(&definition, &format!("start {input}\n+10s")), expected, "{field} {input}");
    }
}

#[test]
fn a_bad_time_fails_the_execution() {
    for (field, input, cause) in [
        (
            r#""SecondsPath":"$.s""#,
            r#"{}"#,
            "The SecondsPath parameter does not reference an input value: $.s",
        ),
        (
            r#""SecondsPath":"$.s""#,
            r#"{"s":1.5}"#,
            "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5",
        ),
        (
            r#""SecondsPath":"$.s""#,
            r#"{"s":-1}"#,
            "The SecondsPath parameter references a negative value: $.s == -1",
        ),
        (r#""SecondsPath":"$.s""#, r#"{"s":9999999999}"#, "Wait state delay is too long."),
        (r#""SecondsPath":"$.s""#, r#"{"s":9223372036854775807}"#, "Wait state delay is too long."),
        (r#""TimestampPath":"$.t""#, r#"{}"#, "Invalid path '$.t' : No results for path: $['t']"),
        (
            r#""TimestampPath":"$.t""#,
            r#"{"t":"tomorrow"}"#,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == tomorrow",
        ),
        (
            r#""TimestampPath":"$.t""#,
            r#"{"t":"2026-01-01T00:00:00"}"#,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 2026-01-01T00:00:00",
        ),
        (r#""Timestamp":"2095-01-01T00:00:00Z""#, "{}", "Wait state delay is too long."),
    ] {
        let definition = format!(r#"{{"Rest":{{"Type":"Wait",{field},"End":true}}}}"#);
        let prefix = "An error occurred while executing the state 'Rest' (entered at the event id #2). ";
        let expected = format!("FAILED States.Runtime: {prefix}{cause}");
        assert_eq!(outcome(&definition, &format!("start {input}")), expected);
    }
}

#[test]
fn what_was_slept_through_is_made_up_for() {
    // The engine was away when the time came: the wait ends as soon as it is back, and not before.
    check(
        r#"{"Rest":{"Type":"Wait","Seconds":5,"End":true}}"#,
        "start {}\nrestart\n+1h",
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 WaitStateEntered ←0 Rest {}
        0s . WaitScheduled until 5s
        restart
        5s 3 WaitStateExited Rest {}
        5s 4 ExecutionSucceeded {}
        SUCCEEDED {}
    "#]],
    );
}
