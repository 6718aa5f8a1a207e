//! The Choice state: rules, tried in order, over the state's input.

use std::sync::Arc;

use super::fields::{Cursor, Fields};
use super::{Code, StateName, lint};
use crate::eval::Path;
use crate::time::Timestamp;

/// A Choice state.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// `Choices`, in order; the first that holds wins.
    pub rules: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<StateName>,
}

/// A top-level rule: a condition and where it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceRule {
    /// When it applies.
    pub condition: Condition,
    /// `Next`.
    pub next: StateName,
}

/// What a rule asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `And`: all hold.
    And(Vec<Condition>),
    /// `Or`: one holds.
    Or(Vec<Condition>),
    /// `Not`.
    Not(Box<Condition>),
    /// One comparison of the value at `Variable`.
    Compare {
        /// `Variable`.
        variable: Path,
        /// What it is compared with.
        comparison: Comparison,
    },
}

/// The comparators. A value of another kind than the comparator asks for makes it false, never an error.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// `BooleanEquals(Path)`.
    Boolean(Operand<bool>),
    /// `NumericEquals(Path)` and its four relatives.
    Numeric(Order, Operand<f64>),
    /// `StringEquals(Path)` and its four relatives, by code unit.
    String(Order, Operand<Arc<str>>),
    /// `StringMatches`: `*` stands for any text, `\*` for the character.
    StringMatches(Arc<str>),
    /// `TimestampEquals(Path)` and its four relatives; only full RFC 3339 texts compare.
    Timestamp(Order, Operand<Timestamp>),
    /// `IsPresent`.
    IsPresent(bool),
    /// `IsNull`, `IsBoolean`, `IsNumeric`, `IsString`, `IsTimestamp`.
    Is(ValueKind, bool),
}

/// The second place of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<T> {
    /// Written in the definition.
    Literal(T),
    /// The `…Path` form.
    Path(Path),
}

/// How two values must stand to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Order {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

/// What a value can be asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ValueKind {
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

impl Choice {
    pub(super) const FIELDS: &[&str] = &["Choices", "Default"];

    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        state.require(&["Choices"]);
        let default = state.get("Default").and_then(|field| field.string()).map(StateName::from);
        let choices = state.get("Choices")?;
        let rules = choices.filled_list()?.filter_map(ChoiceRule::parse);
        let rules = rules.collect();
        Some(Self { rules, default })
    }
}

/// The fields of a rule at any depth, but for `Next`.
const CONDITION_FIELDS: &[&str] = &["And", "Or", "Not", "Variable"];

impl ChoiceRule {
    fn parse(rule: Cursor<'_>) -> Option<Self> {
        let fields = rule.fields(&[CONDITION_FIELDS, Comparison::FIELDS, &["Next"]])?;
        fields.require(&["Next"]);
        let condition = Condition::parse(&fields);
        let next = fields.get("Next")?.string()?.into();
        Some(Self { condition: condition?, next })
    }
}

impl Condition {
    /// Reads the one operator of a rule and what belongs to it. Goes as deep as the text, which is bounded.
    fn parse(rule: &Fields<'_>) -> Option<Self> {
        let members = rule.cursor.members().map(|(name, _)| name);
        let operators: Vec<&str> = members
            .filter(|name| Comparison::FIELDS.contains(name) || ["And", "Or", "Not"].contains(name))
            .collect();
        let &[operator] = operators.as_slice() else {
            let found = if operators.is_empty() { "none".to_owned() } else { operators.join(", ") };
            let code = if operators.is_empty() { Code::MissingField } else { Code::ConflictingFields };
            rule.cursor.report(code, format!("expected exactly one comparison operator, found {found}"));
            return None;
        };
        let field = rule.get(operator)?;
        if let ("And" | "Or" | "Not", Some(variable)) = (operator, rule.get("Variable")) {
            variable.report(Code::ConflictingFields, format!("expected no 'Variable' beside '{operator}'"));
        }
        match operator {
            "And" => Self::nested_all(&field).map(Self::And),
            "Or" => Self::nested_all(&field).map(Self::Or),
            "Not" => Self::nested(field).map(|condition| Self::Not(Box::new(condition))),
            _ => {
                rule.require(&["Variable"]);
                let variable = rule.get("Variable").and_then(|field| field.path());
                let comparison = Comparison::parse(operator, &field);
                Some(Self::Compare { variable: variable?, comparison: comparison? })
            }
        }
    }

    fn nested_all(list: &Cursor<'_>) -> Option<Vec<Self>> {
        let conditions: Vec<Option<Self>> = list.filled_list()?.map(Self::nested).collect();
        conditions.into_iter().collect()
    }

    fn nested(rule: Cursor<'_>) -> Option<Self> {
        Self::parse(&rule.fields(&[CONDITION_FIELDS, Comparison::FIELDS])?)
    }
}

impl Comparison {
    /// The comparators, which are also the fields that hold the operand.
    #[rustfmt::skip]
    pub(super) const FIELDS: &[&str] = &[
        "BooleanEquals", "BooleanEqualsPath",
        "NumericEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
        "NumericEqualsPath", "NumericLessThanPath", "NumericLessThanEqualsPath", "NumericGreaterThanPath",
        "NumericGreaterThanEqualsPath",
        "StringEquals", "StringLessThan", "StringLessThanEquals", "StringGreaterThan", "StringGreaterThanEquals",
        "StringEqualsPath", "StringLessThanPath", "StringLessThanEqualsPath", "StringGreaterThanPath",
        "StringGreaterThanEqualsPath", "StringMatches",
        "TimestampEquals", "TimestampLessThan", "TimestampLessThanEquals", "TimestampGreaterThan",
        "TimestampGreaterThanEquals",
        "TimestampEqualsPath", "TimestampLessThanPath", "TimestampLessThanEqualsPath", "TimestampGreaterThanPath",
        "TimestampGreaterThanEqualsPath",
        "IsPresent", "IsNull", "IsBoolean", "IsNumeric", "IsString", "IsTimestamp",
    ];

    /// Reads the operand of one of the comparators.
    fn parse(comparator: &str, field: &Cursor<'_>) -> Option<Self> {
        let is = |kind| Some(Self::Is(kind, field.boolean()?));
        match comparator {
            "StringMatches" => return Some(Self::StringMatches(field.string()?.into())),
            "IsPresent" => return Some(Self::IsPresent(field.boolean()?)),
            "IsNull" => return is(ValueKind::Null),
            "IsBoolean" => return is(ValueKind::Boolean),
            "IsNumeric" => return is(ValueKind::Numeric),
            "IsString" => return is(ValueKind::String),
            "IsTimestamp" => return is(ValueKind::Timestamp),
            _ => {}
        }
        let (relation, is_path) = match comparator.strip_suffix("Path") {
            Some(relation) => (relation, true),
            None => (comparator, false),
        };
        if let Some(order) = relation.strip_prefix("Numeric").and_then(Order::parse) {
            return Operand::parse(field, is_path, Cursor::number)
                .map(|operand| Self::Numeric(order, operand));
        }
        if let Some(order) = relation.strip_prefix("String").and_then(Order::parse) {
            return Operand::parse(field, is_path, text).map(|operand| Self::String(order, operand));
        }
        if let Some(order) = relation.strip_prefix("Timestamp").and_then(Order::parse) {
            return Operand::parse(field, is_path, Cursor::timestamp)
                .map(|operand| Self::Timestamp(order, operand));
        }
        Operand::parse(field, is_path, Cursor::boolean).map(Self::Boolean)
    }
}

impl Order {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Equals" => Self::Equals,
            "LessThan" => Self::LessThan,
            "LessThanEquals" => Self::LessThanEquals,
            "GreaterThan" => Self::GreaterThan,
            "GreaterThanEquals" => Self::GreaterThanEquals,
            _ => return None,
        })
    }
}

impl<T> Operand<T> {
    fn parse<'c>(field: &Cursor<'c>, is_path: bool, literal: fn(&Cursor<'c>) -> Option<T>) -> Option<Self> {
        if is_path { field.path().map(Self::Path) } else { literal(field).map(Self::Literal) }
    }
}

fn text(field: &Cursor<'_>) -> Option<Arc<str>> {
    lint::no_path(field);
    field.string().map(Arc::from)
}
