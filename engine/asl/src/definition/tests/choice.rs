//! Choice rules.

use expect_test::{Expect, expect};

use super::{accepted, check};
use crate::definition::{Comparison, Condition, Operand, StateKind};

fn machine(rules: &str) -> String {
    format!(
        "{{\"StartAt\": \"C\", \"States\": {{ \"T\": {{ \"Type\": \"Succeed\" }}, \"C\": {{\
         \"Type\": \"Choice\", \"Default\": \"T\", \"Choices\":\n{rules}\n}}}}}}"
    )
}

fn check_rules(rules: &str, findings: Expect) {
    check(&machine(rules), findings);
}

#[test]
fn a_choice_has_rules_and_no_end() {
    check(
        r#"{ "StartAt": "C", "States": { "C": { "Type": "Choice", "Next": "T", "End": true }, "T": { "Type": "Fail" } } }"#,
        expect![[r#"
            ERROR MISSING_FIELD /States/C 1:31 These fields are required: [Choices]
            ERROR UNKNOWN_FIELD /States/C/Next 1:56 Field 'Next' is not supported
            ERROR UNKNOWN_FIELD /States/C/End 1:69 Field 'End' is not supported
        "#]],
    );
    check_rules(
        "[]",
        expect![[r#"
        ERROR INVALID_VALUE /States/C/Choices 1:98 Value cannot be empty
    "#]],
    );
    check_rules(
        "[1, {}]",
        expect![[r#"
        ERROR WRONG_TYPE /States/C/Choices/0 2:2 expected an object, found 1
        ERROR MISSING_FIELD /States/C/Choices/1 2:5 These fields are required: [Next]
        ERROR MISSING_FIELD /States/C/Choices/1 2:5 expected exactly one comparison operator, found none
    "#]],
    );
}

#[test]
fn a_rule_has_one_operator() {
    check_rules(
        r#"[{ "Variable": "$.x", "Next": "T" },
            { "Variable": "$.x", "IsNull": true, "StringEquals": "a", "Next": "T" },
            { "Variable": "$.x", "StringEqual": "a", "Next": "T" },
            { "IsNull": true, "Next": "T" },
            { "Variable": "x", "IsNull": true, "Next": "T" },
            { "Variable": "$.x", "IsNull": true, "End": true },
            { "Variable": "$.x", "And": [{ "Variable": "$.x", "IsNull": true }], "Next": "T" }]"#,
        expect![[r#"
            ERROR MISSING_FIELD /States/C/Choices/0 2:2 expected exactly one comparison operator, found none
            ERROR CONFLICTING_FIELDS /States/C/Choices/1 3:13 expected exactly one comparison operator, found IsNull, StringEquals
            ERROR MISSING_FIELD /States/C/Choices/2 4:13 expected exactly one comparison operator, found none
            ERROR UNKNOWN_FIELD /States/C/Choices/2/StringEqual 4:34 Field 'StringEqual' is not supported
            ERROR MISSING_FIELD /States/C/Choices/3 5:13 These fields are required: [Variable]
            ERROR INVALID_PATH /States/C/Choices/4/Variable 6:15 expected a JSONPath, found the string "x"
            ERROR MISSING_FIELD /States/C/Choices/5 7:13 These fields are required: [Next]
            ERROR UNKNOWN_FIELD /States/C/Choices/5/End 7:50 Field 'End' is not supported
            ERROR CONFLICTING_FIELDS /States/C/Choices/6/Variable 8:15 expected no 'Variable' beside 'And'
        "#]],
    );
}

#[test]
fn operands_are_of_the_operators_type() {
    check_rules(
        r#"[{ "Variable": "$.x", "BooleanEquals": "true", "Next": "T" },
            { "Variable": "$.x", "NumericLessThan": "1", "Next": "T" },
            { "Variable": "$.x", "StringGreaterThanEquals": 1, "Next": "T" },
            { "Variable": "$.x", "StringEquals": "$.y", "Next": "T" },
            { "Variable": "$.x", "StringEqualsPath": "y", "Next": "T" },
            { "Variable": "$.x", "StringMatchesPath": "$.y", "Next": "T" },
            { "Variable": "$.x", "TimestampEquals": "2012-10-09T19:00:55", "Next": "T" },
            { "Variable": "$.x", "IsPresent": 1, "Next": "T" }]"#,
        expect![[r#"
            ERROR WRONG_TYPE /States/C/Choices/0/BooleanEquals 2:23 expected true or false, found the string "true"
            ERROR WRONG_TYPE /States/C/Choices/1/NumericLessThan 3:34 expected a number, found the string "1"
            ERROR WRONG_TYPE /States/C/Choices/2/StringGreaterThanEquals 4:34 expected a string, found 1
            WARNING NO_PATH /States/C/Choices/3/StringEquals 5:34 the value looks like a path or a function call, but is not evaluated
            ERROR INVALID_PATH /States/C/Choices/4/StringEqualsPath 6:34 expected a JSONPath, found the string "y"
            ERROR MISSING_FIELD /States/C/Choices/5 7:13 expected exactly one comparison operator, found none
            ERROR UNKNOWN_FIELD /States/C/Choices/5/StringMatchesPath 7:34 Field 'StringMatchesPath' is not supported
            ERROR INVALID_TIMESTAMP /States/C/Choices/6/TimestampEquals 8:34 String does not match RFC3339 timestamp
            ERROR WRONG_TYPE /States/C/Choices/7/IsPresent 9:34 expected true or false, found 1
        "#]],
    );
}

#[test]
fn nested_rules_lead_nowhere_themselves() {
    check_rules(
        r#"[{ "And": [], "Next": "T" },
            { "Or": {}, "Next": "T" },
            { "Not": [], "Next": "T" },
            { "Not": { "Variable": "$.x", "IsNull": true, "Next": "T" }, "Next": "T" },
            { "Or": [{ "Not": { "Not": { "And": [{ "Comment": "deep", "Variable": "$.x" }] } } }], "Next": "T" },
            { "Condition": "{% true %}", "Next": "T" }]"#,
        expect![[r#"
            ERROR INVALID_VALUE /States/C/Choices/0/And 2:4 Value cannot be empty
            ERROR WRONG_TYPE /States/C/Choices/1/Or 3:15 expected an array, found an object
            ERROR WRONG_TYPE /States/C/Choices/2/Not 4:15 expected an object, found an empty array
            ERROR UNKNOWN_FIELD /States/C/Choices/3/Not/Next 5:59 Field 'Next' is not supported
            ERROR MISSING_FIELD /States/C/Choices/4/Or/0/Not/Not/And/0 6:50 expected exactly one comparison operator, found none
            ERROR MISSING_FIELD /States/C/Choices/5 7:13 expected exactly one comparison operator, found none
            ERROR QUERY_LANGUAGE_MISMATCH /States/C/Choices/5/Condition 7:15 The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage
        "#]],
    );
}

#[test]
fn every_comparator_is_read() {
    for comparator in Comparison::FIELDS {
        let operand = match *comparator {
            path if path.ends_with("Path") => r#""$.y""#,
            "StringMatches" => r#""log-*""#,
            boolean if boolean.starts_with("Is") || boolean.starts_with("Boolean") => "true",
            number if number.starts_with("Numeric") => "0.5",
            _ => r#""2030-01-01T00:00:00Z""#,
        };
        let rule = format!(r#"[{{ "Variable": "$.x", "{comparator}": {operand}, "Next": "T" }}]"#);
        let definition = accepted(&machine(&rule));
        let StateKind::Choice(choice) = &definition.states.state("C").unwrap().kind else { panic!() };
        let Condition::Compare { comparison, .. } = &choice.rules[0].condition else { panic!() };
        let family = match comparison {
            Comparison::Boolean(operand) => ("Boolean", is_path(operand)),
            Comparison::Numeric(_, operand) => ("Numeric", is_path(operand)),
            Comparison::String(_, operand) => ("String", is_path(operand)),
            Comparison::Timestamp(_, operand) => ("Timestamp", is_path(operand)),
            Comparison::StringMatches(_) => ("StringMatches", false),
            Comparison::IsPresent(_) => ("IsPresent", false),
            Comparison::Is(..) => ("Is", false),
        };
        assert!(comparator.starts_with(family.0) && comparator.ends_with("Path") == family.1, "{comparator}");
    }
}

fn is_path<T>(operand: &Operand<T>) -> bool {
    matches!(operand, Operand::Path(_))
}
