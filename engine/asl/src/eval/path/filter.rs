//! What filters mean: `[?(@.price < 10 && @.kind in ['a', 'b'])]`.
//!
//! A comparison of kinds that do not compare is false, and something missing equals nothing, so that `!=`
//! holds for it. A number equals the text that spells it, as in Jayway.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Number, Value};

use super::Query;
use super::select::{Costly, Walk};

/// What a compiled regular expression may take, in bytes.
const PATTERN_BYTES_MAX: usize = 64 * 1024;
/// A text this long costs as much to look through as a value costs to visit.
const TEXT_BYTES_PER_VISIT: usize = 64;

/// The condition of a filter.
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    /// `a || b`.
    Any(Vec<Predicate>),
    /// `a && b`.
    All(Vec<Predicate>),
    /// `!a`.
    Not(Box<Predicate>),
    /// `@.a`: something is there, be it null.
    Exists(Origin, Query),
    /// `@.a < 1`.
    Compare { left: Operand, operator: Operator, right: Operand },
    /// `@.a =~ /re/`: the whole text matches.
    Matches { left: Operand, pattern: Regex },
}

/// Where a path inside a filter starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// `@`: the value that is being tested.
    Current,
    /// `$`: the document that the whole path walks.
    Document,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Query(Origin, Query),
    Literal(Value),
}

/// How two sides compare.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    StrictlyEqual,
    NotStrictlyEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    AnyOf,
    NoneOf,
    SubsetOf,
    All,
    Contains,
    Size,
    Empty,
}

/// Operators that are signs, a longer one before any it starts with.
pub(super) const SIGNS: [(&str, Operator); 8] = [
    ("===", Operator::StrictlyEqual),
    ("!==", Operator::NotStrictlyEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Operators that are words, in any case of letters.
pub(super) const WORDS: [(&str, Operator); 9] = [
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
    ("subsetof", Operator::SubsetOf),
    ("all", Operator::All),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
];

/// Compiles the pattern of `=~`, which has to match a whole text; the error says what was found instead.
pub(super) fn pattern(source: &str, flags: &str) -> Result<Regex, String> {
    if let Some(flag) = flags.chars().find(|flag| !"imsuUx".contains(*flag)) {
        return Err(format!("the flag '{flag}', which is none of i, m, s, u, x"));
    }
    let compile = |source: &str| {
        RegexBuilder::new(source)
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .ignore_whitespace(flags.contains('x'))
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(32)
            .build()
            .map_err(|error| format!("/{source}/ ({})", last_line(&error.to_string())))
    };
    // By itself first: what closes our group is no pattern, though it would make one with our group.
    compile(source)?;
    compile(&format!(r"\A(?:{source})\z"))
}

/// The parser of patterns draws a picture of the place and ends with the reason.
fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or(message)
}

impl Predicate {
    /// Whether `current` passes.
    pub(super) fn accepts(&self, walk: &Walk<'_>, current: &Value) -> Result<bool, Costly> {
        match self {
            Self::Any(parts) => {
                for part in parts {
                    if part.accepts(walk, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(parts) => {
                for part in parts {
                    if !part.accepts(walk, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(negated) => Ok(!negated.accepts(walk, current)?),
            Self::Exists(origin, query) => {
                let found = walk.find(*origin, current, query)?;
                // An indefinite path selects an array even when nothing is there.
                Ok(found.is_some_and(|found| {
                    query.is_definite() || !matches!(found.as_ref(), Value::Array(all) if all.is_empty())
                }))
            }
            Self::Compare { left, operator, right } => {
                let (left, right) = (left.value(walk, current)?, right.value(walk, current)?);
                operator.holds(walk, left.as_deref(), right.as_deref())
            }
            Self::Matches { left, pattern } => {
                let left = left.value(walk, current)?;
                let Some(text) = left.as_deref().and_then(scalar_text) else {
                    return Ok(false);
                };
                walk.visit(1 + text.len() / TEXT_BYTES_PER_VISIT)?;
                Ok(pattern.is_match(&text))
            }
        }
    }
}

impl Operand {
    /// What this side is, `None` when it is missing.
    fn value<'v>(&'v self, walk: &Walk<'v>, current: &'v Value) -> Result<Option<Cow<'v, Value>>, Costly> {
        match self {
            Self::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Self::Query(origin, query) => walk.find(*origin, current, query),
        }
    }
}

impl Operator {
    fn holds(self, walk: &Walk<'_>, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Costly> {
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(matches!(self, Self::NotEqual | Self::NotStrictlyEqual));
        };
        let ordered = |holds: fn(Ordering) -> bool| Ok(order(left, right).is_some_and(holds));
        match self {
            Self::Equal => loosely_equal(walk, left, right),
            Self::NotEqual => loosely_equal(walk, left, right).map(|equal| !equal),
            Self::StrictlyEqual => equal(walk, left, right),
            Self::NotStrictlyEqual => equal(walk, left, right).map(|equal| !equal),
            Self::Less => ordered(Ordering::is_lt),
            Self::LessOrEqual => ordered(Ordering::is_le),
            Self::Greater => ordered(Ordering::is_gt),
            Self::GreaterOrEqual => ordered(Ordering::is_ge),
            Self::In => is_member(walk, left, right),
            Self::NotIn => is_member(walk, left, right).map(|member| !member),
            Self::AnyOf => some_in(walk, left, right),
            Self::NoneOf => some_in(walk, left, right).map(|some| !some),
            Self::SubsetOf => all_in(walk, left, right),
            Self::All => all_in(walk, right, left),
            Self::Contains => contains(walk, left, right),
            Self::Size => Ok(size(left).is_some_and(|size| right.as_u64() == Some(size))),
            Self::Empty => Ok(size(left).is_some_and(|size| right.as_bool() == Some(size == 0))),
        }
    }
}

/// The order of two numbers or two texts; nothing else has one.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Compares integers exactly and everything else as doubles.
fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.as_u64(), right.as_u64()) {
        return Some(left.cmp(&right));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

fn loosely_equal(walk: &Walk<'_>, left: &Value, right: &Value) -> Result<bool, Costly> {
    match (left, right) {
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            let spelled = serde_json::from_str::<Number>(text).ok();
            Ok(spelled.is_some_and(|spelled| order_numbers(number, &spelled) == Some(Ordering::Equal)))
        }
        _ => equal(walk, left, right),
    }
}

/// Deep equality, numbers by value. Recursion is bounded by the depth of documents.
fn equal(walk: &Walk<'_>, left: &Value, right: &Value) -> Result<bool, Costly> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            Ok(order_numbers(left, right) == Some(Ordering::Equal))
        }
        (Value::String(left), Value::String(right)) => {
            walk.visit(left.len().min(right.len()) / TEXT_BYTES_PER_VISIT)?;
            Ok(left == right)
        }
        (Value::Array(left), Value::Array(right)) => {
            for (left, right) in left.iter().zip(right) {
                walk.visit(1)?;
                if !equal(walk, left, right)? {
                    return Ok(false);
                }
            }
            Ok(left.len() == right.len())
        }
        (Value::Object(left), Value::Object(right)) => {
            for (name, left) in left {
                walk.visit(1)?;
                let Some(right) = right.get(name) else { return Ok(false) };
                if !equal(walk, left, right)? {
                    return Ok(false);
                }
            }
            Ok(left.len() == right.len())
        }
        _ => Ok(left == right),
    }
}

/// Whether `list` is an array with an element equal to `sought`.
fn is_member(walk: &Walk<'_>, sought: &Value, list: &Value) -> Result<bool, Costly> {
    for element in list.as_array().into_iter().flatten() {
        walk.visit(1)?;
        if loosely_equal(walk, sought, element)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether some element of one array is in another.
fn some_in(walk: &Walk<'_>, some: &Value, list: &Value) -> Result<bool, Costly> {
    for element in some.as_array().into_iter().flatten() {
        if is_member(walk, element, list)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether both are arrays and every element of one is in the other.
fn all_in(walk: &Walk<'_>, all: &Value, list: &Value) -> Result<bool, Costly> {
    let (Some(all), true) = (all.as_array(), list.is_array()) else {
        return Ok(false);
    };
    for element in all {
        if !is_member(walk, element, list)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contains(walk: &Walk<'_>, whole: &Value, part: &Value) -> Result<bool, Costly> {
    if let (Value::String(whole), Value::String(part)) = (whole, part) {
        walk.visit(whole.len() / TEXT_BYTES_PER_VISIT)?;
        return Ok(whole.contains(part.as_str()));
    }
    is_member(walk, part, whole)
}

/// The number of elements, members or characters.
fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(size).ok()
}

/// A scalar as the text that a pattern is matched against.
fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
