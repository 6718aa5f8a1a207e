//! JSONPath in Jayway's dialect, which is the one the service speaks.
//!
//! Invariant: a parsed path selects in bounded time. Its text is at most [`TEXT_BYTES_MAX`] long and nests at
//! most [`DEPTH_MAX`] deep, and one evaluation visits at most [`VISITS_MAX`] values.
//!
//! Deliberately absent: Jayway's functions but for a closing `.length()`, its placeholder filters `[?]`, and
//! slices with a step. A filter sees the document it filters and nothing else: no `$$`, no variables.
//! The grammar is in `parser`, what filters mean in `filter`, the walk over a document in `select`.

mod filter;
mod parser;
mod select;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::filter::Predicate;
use self::select::{Miss, Walk};
use super::allowance::Allowance;
use super::{Env, EvalError, SyntaxError};

/// How long a path may be, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;
/// How deeply filters, parentheses and lists may nest in a path.
pub const DEPTH_MAX: usize = 32;
/// How many values one evaluation may visit. `$..*..*..*` visits a number of values that grows with the
/// third power of the document's.
pub const VISITS_MAX: usize = 100_000;

/// A parsed path. Two paths are equal when they are written the same.
#[derive(Debug, Clone)]
pub struct Path {
    text: Arc<str>,
    root: Root,
    query: Query,
}

/// What a path starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Root {
    /// `$`: the input.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(Box<str>),
}

/// The part of a path behind its root.
#[derive(Debug, Clone, Default)]
struct Query {
    steps: Vec<Step>,
    /// Whether the path ends in `.length()`.
    length: bool,
}

/// One step down into a document.
#[derive(Debug, Clone)]
enum Step {
    /// `.name`, `['name']`.
    Member(Box<str>),
    /// `['a','b']`: at the end of a path an object of these members, before it each of them.
    Members(Vec<Box<str>>),
    /// `[0]`, `[-1]`.
    Index(i64),
    /// `[0,2]`.
    Indexes(Vec<i64>),
    /// `[1:5]`, `[1:]`, `[:-1]`.
    Slice { from: Option<i64>, to: Option<i64> },
    /// `*`, `[*]`.
    Wildcard,
    /// `[?(…)]`.
    Filter(Predicate),
    /// `..`: every value from here down, to each of which the next step applies. Never the last step.
    Descend,
}

/// A step that a reference path may take.
pub(super) enum Place<'p> {
    Member(&'p str),
    Index(usize),
}

/// Why a path selects nothing. The texts are those the service shows behind `Invalid path '…' : `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The last member or element is missing; holds the whole path in bracket form.
    #[error("No results for path: {0}")]
    NoResults(String),
    /// A member on the way is missing; holds the path up to and with it, in bracket form.
    #[error("Missing property in path {0}")]
    MissingProperty(String),
    /// A value on the way is of the wrong kind.
    #[error("Expected to find {expected} in path {at} but found '{found}'.")]
    WrongKind {
        /// An object with a member, or an array with an index.
        expected: String,
        /// The path up to the value, in bracket form.
        at: String,
        /// The kind of the value.
        found: &'static str,
    },
    /// No variable has the path's name.
    #[error("The variable '{0}' is not defined")]
    UndefinedVariable(Box<str>),
    /// The path visits more than [`VISITS_MAX`] values, or would copy too much.
    #[error(
        "expected to visit at most {VISITS_MAX} values and to copy a bounded number of bytes, found more"
    )]
    TooCostly,
}

impl PathError {
    /// Whether there is nothing where the path leads, which `IsPresent` asks.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::NoResults(_)
            | Self::MissingProperty(_)
            | Self::WrongKind { .. }
            | Self::UndefinedVariable(_) => true,
            Self::TooCostly => false,
        }
    }

    /// The error of a field that holds a bare path, such as `InputPath` or `TimeoutSecondsPath`.
    #[must_use]
    pub fn invalid_path(&self, path: &Path) -> EvalError {
        EvalError::runtime(format!("Invalid path '{path}' : {self}"))
    }
}

impl Path {
    /// Reads a path that is the whole text.
    ///
    /// # Errors
    /// Where the text stops being a path, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parser::parse(text)
    }

    /// Whether the path leads to one place. Any other selects an array, an empty one when nothing is there.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        self.query.is_definite()
    }

    /// Whether the path is a bare `$`.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.root == Root::Input && self.query.steps.is_empty() && !self.query.length
    }

    /// The variable the path starts from, if it does.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        match &self.root {
            Root::Variable(name) => vec![name],
            Root::Input | Root::Context => Vec::new(),
        }
    }

    /// What is where the path leads: borrowed when it is one place, so that looking costs no copy.
    ///
    /// # Errors
    /// When a definite path leads nowhere, and when any path costs too much.
    pub fn select<'a>(&self, env: &Env<'a>) -> Result<Cow<'a, Value>, PathError> {
        self.select_within(env, &Allowance::new())
    }

    /// [`Path::select`] in the words of a field that holds a bare path.
    ///
    /// # Errors
    /// `States.Runtime` with `Invalid path '…' : …`.
    pub fn evaluate<'a>(&self, env: &Env<'a>) -> Result<Cow<'a, Value>, EvalError> {
        self.select(env).map_err(|error| error.invalid_path(self))
    }

    /// Reads the path at the start of a text up to where it ends, as an argument of a function does.
    pub(super) fn parse_argument(text: &str) -> Result<Self, SyntaxError> {
        parser::parse_start(text)
    }

    /// The names and indexes of a path that has nothing else and starts from the input.
    pub(super) fn places(&self) -> Option<Vec<Place<'_>>> {
        if self.root != Root::Input || self.query.length {
            return None;
        }
        self.query.steps.iter().map(Step::place).collect()
    }

    /// [`Path::select`] as a part of a larger evaluation.
    pub(super) fn select_within<'a>(
        &self,
        env: &Env<'a>,
        allowance: &Allowance,
    ) -> Result<Cow<'a, Value>, PathError> {
        let document = match &self.root {
            Root::Input => env.input,
            Root::Context => (env.context)(self.query.only_member()),
            Root::Variable(name) => {
                env.variables.get(name.as_ref()).ok_or_else(|| PathError::UndefinedVariable(name.clone()))?
            }
        };
        let walk = Walk::new(document, allowance);
        walk.query(document, &self.query).map_err(|miss| self.explain(miss))
    }

    /// Words a miss with the places on the way there.
    fn explain(&self, miss: Miss) -> PathError {
        match miss {
            Miss::Costly => PathError::TooCostly,
            Miss::Result => PathError::NoResults(self.bracketed(self.query.steps.len())),
            Miss::Property { step } => PathError::MissingProperty(self.bracketed(step + 1)),
            Miss::Kind { step, found } => {
                let expected = match self.query.steps.get(step) {
                    Some(place @ (Step::Member(_) | Step::Members(_))) => {
                        format!("an object with property {place}")
                    }
                    Some(place @ (Step::Index(_) | Step::Indexes(_))) => {
                        format!("an array with element {place}")
                    }
                    Some(Step::Slice { .. } | Step::Wildcard | Step::Filter(_) | Step::Descend) | None => {
                        "an array or an object to take the length of".to_owned()
                    }
                };
                PathError::WrongKind { expected, at: self.bracketed(step), found }
            }
        }
    }

    /// The root and the first `count` steps, in bracket form.
    fn bracketed(&self, count: usize) -> String {
        let mut text = self.root.to_string();
        for step in self.query.steps.iter().take(count) {
            text.push_str(&step.to_string());
        }
        text
    }
}

impl Query {
    /// The one member of its document that the query looks at, if it is one.
    fn only_member(&self) -> Option<&str> {
        // A filter may look at the whole document once more.
        let filters = self.steps.iter().any(|step| matches!(step, Step::Filter(_)));
        match self.steps.first() {
            Some(Step::Member(name)) if !filters => Some(name),
            _ => None,
        }
    }

    fn is_definite(&self) -> bool {
        self.length || self.leads_to_one_place()
    }

    fn leads_to_one_place(&self) -> bool {
        let last = self.steps.len().saturating_sub(1);
        self.steps.iter().enumerate().all(|(at, step)| match step {
            Step::Member(_) | Step::Index(_) => true,
            Step::Members(_) => at == last,
            Step::Indexes(_) | Step::Slice { .. } | Step::Wildcard | Step::Filter(_) | Step::Descend => false,
        })
    }
}

impl Step {
    /// The step as one that a reference path may take.
    fn place(&self) -> Option<Place<'_>> {
        match self {
            Self::Member(name) => Some(Place::Member(name)),
            Self::Index(index) => usize::try_from(*index).ok().map(Place::Index),
            Self::Members(_)
            | Self::Indexes(_)
            | Self::Slice { .. }
            | Self::Wildcard
            | Self::Filter(_)
            | Self::Descend => None,
        }
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Path {}

/// The path as it was written.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("$"),
            Self::Context => f.write_str("$$"),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}

/// The bracket form in which error texts show a step.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => write!(f, "['{name}']"),
            Self::Members(names) => write!(f, "['{}']", names.join("','")),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Indexes(indexes) => {
                let indexes: Vec<String> = indexes.iter().map(i64::to_string).collect();
                write!(f, "[{}]", indexes.join(","))
            }
            Self::Slice { from, to } => {
                let bound = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                write!(f, "[{}:{}]", bound(from), bound(to))
            }
            Self::Wildcard => f.write_str("[*]"),
            Self::Filter(_) => f.write_str("[?]"),
            Self::Descend => f.write_str(".."),
        }
    }
}

/// The name of a value's kind, as error texts say it.
pub(super) fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
