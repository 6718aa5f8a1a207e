//! The Choice state: the first rule that holds decides where to go on. Values are compared as they are; a
//! value of another kind than the comparator asks for makes it false, never an error.

use std::borrow::Cow;

use serde_json::Value;

use crate::definition::{Choice, Comparison, Condition, Next, Operand, Order, ValueKind};
use crate::error_name;
use crate::eval::{Env, EvalError, Path};
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::machine::draft::Draft;
use crate::machine::flow;
use crate::time::Timestamp;

pub(in crate::machine) fn run(draft: &mut Draft<'_>, scope: ScopeId, choice: &Choice) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    let chosen = draft.evaluate(scope, input.value(), |env| {
        for rule in &choice.rules {
            if holds(&rule.condition, env)? {
                return Ok(Some(&rule.next));
            }
        }
        Ok(choice.default.as_ref())
    })?;
    let Some(next) = chosen else {
        return Err(Failure::new(
            error_name::NO_CHOICE_MATCHED,
            "No choice rule matched and no Default is given.",
        ));
    };
    flow::complete(draft, scope, input, &Next::State(next.clone()))
}

fn holds(condition: &Condition, env: &Env<'_>) -> Result<bool, EvalError> {
    match condition {
        Condition::And(conditions) => {
            for condition in conditions {
                if !holds(condition, env)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(conditions) => {
            for condition in conditions {
                if holds(condition, env)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Not(condition) => Ok(!holds(condition, env)?),
        Condition::Compare { variable, comparison } => compare(variable, comparison, env),
    }
}

fn compare(variable: &Path, comparison: &Comparison, env: &Env<'_>) -> Result<bool, EvalError> {
    if let Comparison::IsPresent(expected) = comparison {
        return match variable.select(env) {
            Ok(_) => Ok(*expected),
            Err(error) if error.is_missing() => Ok(!*expected),
            Err(error) => Err(error.invalid_path(variable)),
        };
    }
    let value = variable.evaluate(env)?;
    Ok(match comparison {
        Comparison::Boolean(operand) => {
            let other = operand_of(operand, env, |found| found.as_bool(), |literal| *literal)?;
            other.is_some() && value.as_bool() == other
        }
        Comparison::Numeric(order, operand) => {
            let other = operand_of(operand, env, Value::as_f64, |literal| *literal)?;
            ordered(*order, value.as_f64(), other)
        }
        Comparison::String(order, operand) => {
            let other = operand_of(
                operand,
                env,
                |found| found.as_str().map(str::to_owned),
                |literal| literal.to_string(),
            )?;
            ordered(*order, value.as_str().map(utf16), other.as_deref().map(utf16))
        }
        Comparison::StringMatches(pattern) => {
            value.as_str().is_some_and(|text| string_matches(pattern, text))
        }
        Comparison::Timestamp(order, operand) => {
            let other = operand_of(operand, env, timestamp, |literal| *literal)?;
            ordered(*order, timestamp(&value), other)
        }
        Comparison::Is(kind, expected) => is(*kind, &value) == *expected,
        // Answered above: a missing value is no error there.
        Comparison::IsPresent(expected) => *expected,
    })
}

/// The other side of a comparison; `None` when the value at its path is of another kind.
fn operand_of<T, V>(
    operand: &Operand<T>,
    env: &Env<'_>,
    read: impl FnOnce(&Value) -> Option<V>,
    literal: impl FnOnce(&T) -> V,
) -> Result<Option<V>, EvalError> {
    match operand {
        Operand::Literal(value) => Ok(Some(literal(value))),
        Operand::Path(path) => {
            let found: Cow<'_, Value> = path.evaluate(env)?;
            Ok(read(&found))
        }
    }
}

fn ordered<T: PartialOrd>(order: Order, left: Option<T>, right: Option<T>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return false };
    match order {
        Order::Equals => left == right,
        Order::LessThan => left < right,
        Order::LessThanEquals => left <= right,
        Order::GreaterThan => left > right,
        Order::GreaterThanEquals => left >= right,
    }
}

/// Texts are ordered by UTF-16 code unit, as the service's language does.
fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse_rfc3339)
}

fn is(kind: ValueKind, value: &Value) -> bool {
    match kind {
        ValueKind::Null => value.is_null(),
        ValueKind::Boolean => value.is_boolean(),
        ValueKind::Numeric => value.is_number(),
        ValueKind::String => value.is_string(),
        ValueKind::Timestamp => timestamp(value).is_some(),
    }
}

/// One piece of a `StringMatches` pattern.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// `*`: any text, the empty one too.
    Any,
    /// Itself.
    Just(char),
}

/// Matches with one mark to come back to, so it takes at most pattern × text steps.
fn string_matches(pattern: &str, text: &str) -> bool {
    let pieces = pieces(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut piece, mut mark) = (0, 0, None);
    while at < text.len() {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                mark = Some((piece, at));
                piece += 1;
            }
            Some(Piece::Just(expected)) if text.get(at) == Some(expected) => {
                at += 1;
                piece += 1;
            }
            Some(Piece::Just(_)) | None => {
                let Some((star, from)) = mark else { return false };
                mark = Some((star, from + 1));
                at = from + 1;
                piece = star + 1;
            }
        }
    }
    pieces.iter().skip(piece).all(|piece| *piece == Piece::Any)
}

/// Takes a pattern apart; a backslash makes the next character stand for itself.
fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' => Piece::Any,
            '\\' => Piece::Just(characters.next().unwrap_or('\\')),
            other => Piece::Just(other),
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("foo*.log", "foo123.log", true),
            ("foo*.log", "foo.logs", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a**b", "ab", true),
            ("foo\\*.log", "foo*.log", true),
            ("foo\\*.log", "foo1.log", false),
            ("a\\\\b", "a\\b", true),
            ("*a*a*b", "aaaaaaaaab", true),
            ("*a*a*b", "aaaaaaaaa", false),
            ("ä*", "äöü", true),
        ] {
            assert_eq!(string_matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!string_matches(&"*a".repeat(2_000), &"a".repeat(1_999)));
    }
}
