//! How the diagnostics of a definition are shown: with the line of the file they are about.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};
use serde_json::{Value, json};
use stepwell_asl::definition::{Diagnostic, Severity};

use super::output::printable;

/// Widest piece of a line that is shown, in characters: a definition may be one line of a mebibyte.
const LINE_CHARS_MAX: usize = 120;
/// How much of a long line is shown before the place.
const BEFORE_CHARS: usize = 40;

/// Whether a definition with these diagnostics can be used.
pub(super) fn is_valid(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
}

/// The diagnostic with AWS's names (`location` is its JSON Pointer), and its place and help.
pub(super) fn json(diagnostic: &Diagnostic, file: &str) -> Value {
    json!({
        "file": file,
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "location": diagnostic.pointer,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "message": diagnostic.message,
        "help": diagnostic.help,
    })
}

/// `2 errors and 1 warning`.
pub(super) fn count(diagnostics: &[Diagnostic]) -> String {
    let number_of = |severity: Severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let counted = |number: usize, noun: &str| match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        more => Some(format!("{more} {noun}s")),
    };
    let errors = counted(number_of(Severity::Error), "error");
    let warnings = counted(number_of(Severity::Warning), "warning");
    errors.into_iter().chain(warnings).collect::<Vec<_>>().join(" and ")
}

/// The diagnostic as compilers show theirs: what, where, the line with a mark under the place, what to do.
pub(super) fn text(diagnostic: &Diagnostic, file: &str, source: &str) -> String {
    let (word, color) = match diagnostic.severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
    };
    let loud = Style::new().fg_color(Some(color.into())).bold();
    let bold = Style::new() | Effects::BOLD;
    let frame = Style::new().fg_color(Some(AnsiColor::Blue.into())).bold();
    let pointer = if diagnostic.pointer.is_empty() { "/" } else { &diagnostic.pointer };
    let place = match diagnostic.line {
        0 => format!("{file} ({})", printable(pointer)),
        line => format!("{file}:{line}:{} ({})", diagnostic.column, printable(pointer)),
    };
    let number = diagnostic.line.to_string();
    let margin = " ".repeat(number.len());
    let mut text = format!("{loud}{word}[{}]{loud:#}{bold}: ", diagnostic.code.as_str());
    // Writing to a string can't fail.
    let _ = writeln!(text, "{}{bold:#}", printable(&diagnostic.message));
    let _ = writeln!(text, "{margin}{frame}-->{frame:#} {place}");
    if let Some(Excerpt { line, before, width }) = excerpt(source, diagnostic) {
        let mark = "^".repeat(width);
        let _ = writeln!(text, "{margin} {frame}|{frame:#}");
        let _ = writeln!(text, "{frame}{number} |{frame:#} {line}");
        let _ = writeln!(text, "{margin} {frame}|{frame:#} {:before$}{loud}{mark}{loud:#}", "");
    }
    let _ = writeln!(text, "{margin} {frame}={frame:#} help: {}", printable(&diagnostic.help));
    text
}

/// A line of the source and where the mark goes under it, in characters.
struct Excerpt {
    line: String,
    before: usize,
    width: usize,
}

/// The line a diagnostic is about, without its indentation, cut around the place when it is long.
fn excerpt(source: &str, diagnostic: &Diagnostic) -> Option<Excerpt> {
    let line = source.lines().nth(diagnostic.line.checked_sub(1)?)?;
    let column = diagnostic.column.checked_sub(1)?;
    let indentation = line.chars().take_while(|c| c.is_whitespace()).count().min(column);
    let long = line.chars().count() - indentation > LINE_CHARS_MAX;
    let start = if long { column.saturating_sub(BEFORE_CHARS).max(indentation) } else { indentation };
    let shown: String = line.chars().skip(start).take(LINE_CHARS_MAX).collect();
    let marked: String =
        line.chars().skip(column).take(LINE_CHARS_MAX.saturating_sub(column - start)).collect();
    // A control character would shift the mark; JSON has none but the tab.
    let line = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    Some(Excerpt { line: line.trim_end().to_owned(), before: column - start, width: token_width(&marked) })
}

/// How many characters the JSON token at the start of a text has; 1 for a bracket.
fn token_width(text: &str) -> usize {
    let mut escaped = false;
    let width = match text.chars().next() {
        Some('"') => {
            let closing = text.chars().skip(1).position(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            closing.map_or_else(|| text.chars().count(), |inside| inside + 2)
        }
        Some(_) | None => text.chars().take_while(|c| c.is_alphanumeric() || "+-.".contains(*c)).count(),
    };
    width.max(1)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use stepwell_asl::definition::Definition;

    use super::*;

    fn check(source: &str, expected: Expect) {
        let (_, diagnostics) = Definition::parse(source);
        let shown: String = diagnostics.iter().map(|one| text(one, "a.asl.json", source)).collect();
        expected.assert_eq(&anstream::adapter::strip_str(&shown).to_string());
    }

    #[test]
    fn the_place_is_marked_in_its_line() {
        check(
            "{\n\t\"StartAt\": \"A\",\n\t\"States\": {\"A\": {\"Type\": \"Pass\", \"Next\": \"B\"}}\n}",
            expect![[r#"
                error[MISSING_END_STATE]: Workflow has no terminal state
                 --> a.asl.json:3:2 (/States)
                  |
                3 | "States": {"A": {"Type": "Pass", "Next": "B"}}
                  | ^^^^^^^^
                  = help: end one of the states with "End": true, or add a Succeed or Fail state
                error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: B
                 --> a.asl.json:3:35 (/States/A/Next)
                  |
                3 | "States": {"A": {"Type": "Pass", "Next": "B"}}
                  |                                  ^^^^^^
                  = help: name a state of the same States object; a transition cannot enter or leave a branch
            "#]],
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let comment = "x".repeat(500);
        check(
            &format!(r#"{{"Comment":"{comment}","StartAt":7,"Version":"{comment}","States":{{}}}}"#),
            expect![[r#"
            error[WRONG_TYPE]: expected a string, found 7
             --> a.asl.json:1:515 (/StartAt)
              |
            1 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","StartAt":7,"Version":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              |                                         ^^^^^^^^^
              = help: write a JSON value of the type that is expected
            error[INVALID_VALUE]: The field 'Version' should have one of these values: [1.0]
             --> a.asl.json:1:527 (/Version)
              |
            1 | xxxxxxxxxxxxxxxxxxxxxxxxxx","StartAt":7,"Version":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              |                                         ^^^^^^^^^
              = help: write a value in the range that is expected
            error[INVALID_VALUE]: Value cannot be empty
             --> a.asl.json:1:1040 (/States)
              |
            1 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","States":{}}
              |                                         ^^^^^^^^
              = help: write a value in the range that is expected
        "#]],
        );
    }

    #[test]
    fn text_that_is_no_json_is_marked_where_it_stops_to_be() {
        check(
            "{\n  \"StartAt\" \"A\"\n}",
            expect![[r#"
            error[INVALID_JSON_DESCRIPTION]: expected a JSON document: expected `:`
             --> a.asl.json:2:13 (/)
              |
            2 | "StartAt" "A"
              |           ^^^
              = help: mend the JSON syntax at the place shown
        "#]],
        );
    }

    #[test]
    fn tokens_are_marked_whole() {
        for (text, width) in
            [("\"Next\": 1", 6), ("\"a\\\"b\" x", 6), ("{", 1), ("-1.5e3,", 6), ("true]", 4), ("", 1)]
        {
            assert_eq!(token_width(text), width, "{text}");
        }
    }
}
