//! What a definition's author is told. Each case is a text and the findings about it, one per line:
//! severity, code, pointer, line:column, message.

mod choice;
mod clauses;
mod limits;
mod machine;
mod resource;
mod states;

use expect_test::Expect;

use super::{Definition, Diagnostic, Severity};

/// Reads a definition and compares the findings. It must be there exactly when none of them is an error.
#[expect(clippy::needless_pass_by_value, reason = "a case is written in place")]
fn check(text: &str, findings: Expect) {
    let (definition, diagnostics) = Definition::parse(text);
    let refused = diagnostics.iter().any(|one| one.severity == Severity::Error);
    assert_eq!(definition.is_none(), refused, "{diagnostics:#?}");
    findings.assert_eq(&diagnostics.iter().map(line).collect::<String>());
}

/// The same for a machine of one state, which stands in line 2.
fn check_state(state: &str, findings: Expect) {
    check(&alone(state), findings);
}

fn alone(state: &str) -> String {
    format!("{{\"StartAt\": \"S\", \"States\": {{ \"S\":\n{state}\n}}}}")
}

/// The definition of a text that must be fine.
fn accepted(text: &str) -> Definition {
    let (definition, diagnostics) = Definition::parse(text);
    definition.unwrap_or_else(|| panic!("{diagnostics:#?}"))
}

fn line(one: &Diagnostic) -> String {
    let Diagnostic { severity, code, pointer, line, column, message, .. } = one;
    format!("{} {} {pointer} {line}:{column} {message}\n", severity.as_str(), code.as_str())
}
