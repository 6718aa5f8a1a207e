//! Texts that a stranger made to hurt: large, deep, long, or of nonsense.

use expect_test::expect;
use proptest::prelude::*;

use super::{accepted, alone, check};
use crate::definition::{Code, DEFINITION_BYTES_MAX, Definition, STATES_MAX};

/// The codes found in a text, which must be told briefly.
fn codes(text: &str) -> Vec<Code> {
    let (_, diagnostics) = Definition::parse(text);
    let told: usize =
        diagnostics.iter().map(|one| one.pointer.len() + one.message.len() + one.help.len()).sum();
    assert!(told < 2 * DEFINITION_BYTES_MAX, "{told} bytes of findings");
    diagnostics.iter().map(|one| one.code).collect()
}

#[test]
fn large_texts_are_refused_unread() {
    check(
        &" ".repeat(DEFINITION_BYTES_MAX + 1),
        expect![[r#"
        ERROR DEFINITION_TOO_LARGE  0:0 expected at most 1048576 bytes, found 1048577
    "#]],
    );
}

#[test]
fn deep_texts_are_refused_unread() {
    check(
        &"[".repeat(100_000),
        expect![[r#"
        ERROR TOO_DEEPLY_NESTED  0:0 expected JSON nested at most 64 deep, found 100000
    "#]],
    );
    let depth = 10_000;
    let nested = format!("{}{{}}{}", r#"{"Not":"#.repeat(depth), "}".repeat(depth));
    assert_eq!(
        codes(&alone(&format!(r#"{{"Type": "Choice", "Choices": [{nested}]}}"#))),
        [Code::TooDeeplyNested]
    );
}

#[test]
fn nesting_in_reason_is_accepted() {
    let mut machine = r#"{"StartAt": "S0", "States": {"S0": {"Type": "Succeed"}}}"#.to_owned();
    for level in 1..=15 {
        machine = format!(
            r#"{{"StartAt": "S{level}", "States": {{"S{level}": {{"Type": "Parallel", "Branches": [{machine}], "End": true}}}}}}"#
        );
    }
    accepted(&machine);
}

#[test]
fn as_many_states_as_allowed() {
    let machine = |count: usize| {
        let states: Vec<_> =
            (0..count).map(|at| format!(r#""{at}":{{"Type":"Pass","Next":"{}"}}"#, at + 1)).collect();
        format!(r#"{{"StartAt":"0","States":{{{},"{count}":{{"Type":"Succeed"}}}}}}"#, states.join(","))
    };
    assert_eq!(codes(&machine(STATES_MAX - 1)), []);
    assert_eq!(codes(&machine(STATES_MAX)), [Code::TooManyStates]);
    assert_eq!(codes(&machine(2 * STATES_MAX)), [Code::TooManyStates]);
}

#[test]
fn texts_full_of_faults() {
    let fill = |unit: &str, around: (&str, &str)| {
        let count = (DEFINITION_BYTES_MAX - around.0.len() - around.1.len() - 1) / (unit.len() + 1);
        format!("{}{}{}", around.0, vec![unit; count].join(","), around.1)
    };
    let state = ("{\"StartAt\":\"S\",\"States\":{\"S\":{\"Type\":\"Pass\",\"End\":true,", "}}}");
    let full = |code| vec![code; 100];
    assert_eq!(codes(&fill("\"x\":1", ("{", "}"))), full(Code::DuplicateKey));
    let unknown: Vec<_> = (0..90_000).map(|at| format!("\"{at}\":1")).collect();
    assert_eq!(codes(&format!("{}{}{}", state.0, unknown.join(","), state.1)), full(Code::UnknownField));
    let long_key = format!("\"{}\":{{", "k".repeat(DEFINITION_BYTES_MAX / 2));
    let bad: Vec<_> = (0..30_000).map(|at| format!("\"{at}.$\":1")).collect();
    let parameters = format!("{}\"Parameters\":{{{long_key}{}}}}}{}", state.0, bad.join(","), state.1);
    assert_eq!(codes(&parameters), full(Code::InvalidTemplate));
    let elements = fill(
        "[]",
        ("{\"StartAt\":\"S\",\"States\":{\"S\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":[", "]}}}"),
    );
    assert_eq!(codes(&elements), full(Code::WrongType));
}

/// Pieces that make most texts look like a definition for a while.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "null",
        "true",
        "1",
        "-1e9",
        "\"Type\":",
        "\"States\":",
        "\"StartAt\":",
        "\"S\"",
        "\"Task\"",
        "\"Choice\"",
        "\"Map\"",
        "\"Parallel\"",
        "\"Branches\":",
        "\"Choices\":",
        "\"Next\":",
        "\"End\":true",
        "\"And\":",
        "\"Variable\":\"$.x\"",
        "\"Parameters\":",
        "\"x.$\":",
        "\"$..*[?(@.a)]\"",
        "\"Retry\":",
        "\"ErrorEquals\":",
        "é",
    ];
    prop_oneof![8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"]
}

/// Any JSON whose members are the language's own.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let names = [
        "StartAt",
        "States",
        "S",
        "Type",
        "Next",
        "End",
        "Choices",
        "And",
        "Not",
        "Variable",
        "StringEquals",
        "Branches",
        "ItemProcessor",
        "Retry",
        "Catch",
        "ErrorEquals",
        "Parameters",
        "a.$",
        "Resource",
        "TimeoutSeconds",
        "InputPath",
    ];
    let texts = [
        "S",
        "Task",
        "Pass",
        "Choice",
        "Map",
        "Parallel",
        "Wait",
        "Fail",
        "$.a",
        "$",
        "worker:a",
        "States.ALL",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        proptest::sample::select(texts.to_vec()).prop_map(Into::into),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        let member = (proptest::sample::select(names.to_vec()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            1 => proptest::collection::vec(inner, 0..4).prop_map(Into::into),
            4 => proptest::collection::vec(member, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_is_too_odd(pieces in proptest::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        let (definition, diagnostics) = Definition::parse(&text);
        prop_assert!(definition.is_some() || !diagnostics.is_empty());
    }

    #[test]
    fn no_document_is_too_odd(document in document()) {
        let state = alone(&document.to_string());
        for text in [document.to_string(), state] {
            let (definition, diagnostics) = Definition::parse(&text);
            let refused = diagnostics.iter().any(|one| one.code.severity() == crate::definition::Severity::Error);
            prop_assert_eq!(definition.is_none(), refused);
            prop_assert!(diagnostics.iter().all(|one| one.line > 0));
        }
    }
}
