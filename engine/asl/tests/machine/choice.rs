//! Every comparator of the Choice state.

use expect_test::expect;

use crate::script::{check, outcome};

/// Whether a rule holds for an input.
fn holds(rule: &str, input: &str) -> bool {
    let rule = rule.strip_prefix('{').and_then(|rule| rule.strip_suffix('}')).unwrap();
    let definition = format!(
        r#"{{"Ask":{{"Type":"Choice","Choices":[{{{rule},"Next":"Yes"}}],"Default":"No"}},
             "Yes":{{"Type":"Pass","Result":true,"End":true}},"No":{{"Type":"Pass","Result":false,"End":true}}}}"#
    );
    match outcome(&definition, &format!("start {input}")).as_str() {
        "SUCCEEDED true" => true,
        "SUCCEEDED false" => false,
        other => panic!("{rule} {input}: {other}"),
    }
}

#[test]
fn comparators() {
    for (comparison, value, expected) in [
        (r#""BooleanEquals":true"#, "true", true),
        (r#""BooleanEquals":true"#, "false", false),
        (r#""BooleanEquals":false"#, "null", false),
        (r#""BooleanEquals":true"#, r#""true""#, false),
        (r#""NumericEquals":1"#, "1.0", true),
        (r#""NumericEquals":0"#, "-0.0", true),
        (r#""NumericEquals":42"#, r#""42""#, false),
        (r#""NumericLessThan":2"#, "1.9", true),
        (r#""NumericLessThan":2"#, "2", false),
        (r#""NumericLessThanEquals":2"#, "2", true),
        (r#""NumericGreaterThan":-1.5"#, "-1.4", true),
        (r#""NumericGreaterThanEquals":2"#, "1", false),
        (r#""StringEquals":"a""#, r#""a""#, true),
        (r#""StringEquals":"a""#, r#""a ""#, false),
        (r#""StringEquals":"1""#, "1", false),
        (r#""StringLessThan":"b""#, r#""a""#, true),
        (r#""StringLessThan":"AB""#, r#""A""#, true),
        (r#""StringLessThan":"｡""#, r#""😀""#, true),
        (r#""StringLessThanEquals":"a""#, r#""a""#, true),
        (r#""StringGreaterThan":"A""#, r#""a""#, true),
        (r#""StringGreaterThanEquals":"a""#, r#""A""#, false),
        (r#""StringMatches":"log-*.txt""#, r#""log-7.txt""#, true),
        (r#""StringMatches":"log-*.txt""#, r#""log-7.csv""#, false),
        (r#""StringMatches":"a\\*""#, r#""a*""#, true),
        (r#""StringMatches":"*""#, "7", false),
        (r#""TimestampEquals":"2026-01-01T00:00:00Z""#, r#""2026-01-01T01:00:00+01:00""#, true),
        (r#""TimestampEquals":"2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:00""#, false),
        (r#""TimestampLessThan":"2026-01-01T00:00:00Z""#, r#""2025-12-31T23:59:59.999Z""#, true),
        (r#""TimestampLessThanEquals":"2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:00Z""#, true),
        (r#""TimestampGreaterThan":"2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:00Z""#, false),
        (r#""TimestampGreaterThanEquals":"2026-01-01T00:00:00Z""#, "3", false),
        (r#""IsNull":true"#, "null", true),
        (r#""IsNull":false"#, "0", true),
        (r#""IsBoolean":true"#, "false", true),
        (r#""IsNumeric":true"#, "1e3", true),
        (r#""IsNumeric":true"#, r#""1""#, false),
        (r#""IsNumeric":false"#, "null", true),
        (r#""IsString":true"#, r#""""#, true),
        (r#""IsTimestamp":true"#, r#""2026-01-01T00:00:00Z""#, true),
        (r#""IsTimestamp":true"#, r#""2026-01-01""#, false),
        (r#""IsPresent":true"#, "null", true),
        (r#""IsPresent":false"#, "1", false),
    ] {
        let rule = format!(r#"{{"Variable":"$.v",{comparison}}}"#);
        assert_eq!(holds(&rule, &format!(r#"{{"v":{value}}}"#)), expected, "{comparison} {value}");
    }
}

#[test]
fn comparators_with_a_path_compare_two_places() {
    for (comparator, left, right, expected) in [
        ("BooleanEqualsPath", "true", "true", true),
        ("BooleanEqualsPath", "true", "1", false),
        ("NumericEqualsPath", "1", "1.0", true),
        ("NumericLessThanPath", "1", "2", true),
        ("NumericLessThanEqualsPath", "2", "2", true),
        ("NumericGreaterThanPath", "1", "2", false),
        ("NumericGreaterThanEqualsPath", "1", r#""1""#, false),
        ("StringEqualsPath", r#""x""#, r#""x""#, true),
        ("StringLessThanPath", r#""x""#, r#""y""#, true),
        ("StringLessThanEqualsPath", r#""z""#, r#""y""#, false),
        ("StringGreaterThanPath", r#""z""#, r#""y""#, true),
        ("StringGreaterThanEqualsPath", r#""z""#, r#""z""#, true),
        ("TimestampEqualsPath", r#""2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:00.000Z""#, true),
        ("TimestampLessThanPath", r#""2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:01Z""#, true),
        ("TimestampLessThanEqualsPath", r#""2026-01-01T00:00:00Z""#, r#""x""#, false),
        ("TimestampGreaterThanPath", r#""2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:01Z""#, false),
        ("TimestampGreaterThanEqualsPath", r#""2026-01-01T00:00:00Z""#, r#""2026-01-01T00:00:00Z""#, true),
    ] {
        let rule = format!(r#"{{"Variable":"$.a","{comparator}":"$.b"}}"#);
        assert_eq!(
            holds(&rule, &format!(r#"{{"a":{left},"b":{right}}}"#)),
            expected,
            "{comparator} {left} {right}"
        );
    }
}

#[test]
fn rules_can_be_joined() {
    let (big, red) =
        (r#"{"Variable":"$.n","NumericGreaterThan":9}"#, r#"{"Variable":"$.c","StringEquals":"red"}"#);
    for (rule, input, expected) in [
        (format!(r#"{{"And":[{big},{red}]}}"#), r#"{"n":10,"c":"red"}"#, true),
        (format!(r#"{{"And":[{big},{red}]}}"#), r#"{"n":10,"c":"blue"}"#, false),
        (format!(r#"{{"And":[{big}]}}"#), r#"{"n":10}"#, true),
        // The second rule would fail for want of a value, and is never asked.
        (format!(r#"{{"And":[{big},{red}]}}"#), r#"{"n":1}"#, false),
        (format!(r#"{{"Or":[{big},{red}]}}"#), r#"{"n":10}"#, true),
        (format!(r#"{{"Or":[{big},{red}]}}"#), r#"{"n":1,"c":"blue"}"#, false),
        (format!(r#"{{"Not":{red}}}"#), r#"{"c":"blue"}"#, true),
        (format!(r#"{{"Not":{{"Or":[{big},{{"Not":{red}}}]}}}}"#), r#"{"n":1,"c":"red"}"#, true),
        (r#"{"Variable":"$.gone","IsPresent":false}"#.to_owned(), "{}", true),
        (r#"{"Variable":"$.gone.further","IsPresent":true}"#.to_owned(), "{}", false),
    ] {
        assert_eq!(holds(&rule, input), expected, "{rule} {input}");
    }
}

#[test]
fn the_first_rule_that_holds_wins() {
    let definition = r#"{
        "Ask":{"Type":"Choice","Choices":[
            {"Variable":"$.n","NumericLessThan":10,"Next":"Small"},
            {"Variable":"$.n","NumericLessThan":100,"Next":"Medium"}]},
        "Small":{"Type":"Succeed"},"Medium":{"Type":"Succeed"}}"#;
    check(
        definition,
        r#"start {"n":5}"#,
        expect![[r#"
        0s 1 ExecutionStarted {"n":5}
        0s 2 ChoiceStateEntered ←0 Ask {"n":5}
        0s 3 ChoiceStateExited Ask {"n":5}
        0s 4 SucceedStateEntered Small {"n":5}
        0s 5 SucceedStateExited Small {"n":5}
        0s 6 ExecutionSucceeded {"n":5}
        SUCCEEDED {"n":5}
    "#]],
    );
    check(
        definition,
        r#"start {"n":50}"#,
        expect![[r#"
        0s 1 ExecutionStarted {"n":50}
        0s 2 ChoiceStateEntered ←0 Ask {"n":50}
        0s 3 ChoiceStateExited Ask {"n":50}
        0s 4 SucceedStateEntered Medium {"n":50}
        0s 5 SucceedStateExited Medium {"n":50}
        0s 6 ExecutionSucceeded {"n":50}
        SUCCEEDED {"n":50}
    "#]],
    );
    check(
        definition,
        r#"start {"n":500}"#,
        expect![[r#"
        0s 1 ExecutionStarted {"n":500}
        0s 2 ChoiceStateEntered ←0 Ask {"n":500}
        0s 3 ExecutionFailed States.NoChoiceMatched No choice rule matched and no Default is given.
        FAILED States.NoChoiceMatched: No choice rule matched and no Default is given.
    "#]],
    );
    check(
        definition,
        r#"start {}"#,
        expect![[r#"
        0s 1 ExecutionStarted {}
        0s 2 ChoiceStateEntered ←0 Ask {}
        0s 3 ExecutionFailed States.Runtime An error occurred while executing the state 'Ask' (entered at the event id #2). Invalid path '$.n' : No results for path: $['n']
        FAILED States.Runtime: An error occurred while executing the state 'Ask' (entered at the event id #2). Invalid path '$.n' : No results for path: $['n']
    "#]],
    );
}
