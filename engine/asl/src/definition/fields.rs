//! Reading a JSON tree while keeping track of the place and of everything that is wrong.
//!
//! Invariant: a reader that answers `None` has either met no field or has reported a fault. So callers may go
//! on with a default, and one reading finds all faults: a definition with any error is thrown away at the end.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::RangeInclusive;

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::{Code, Diagnostic, Severity, StateName, locate, not_supported, template};
use crate::eval::{Expression, Path, PayloadTemplate, ReferencePath, SyntaxError};
use crate::time::Timestamp;

/// Most findings of one severity that are kept. A hostile text could cause as many as it has members.
pub(super) const DIAGNOSTICS_MAX: usize = 100;

/// Longest piece of the author's text that a message repeats, in characters.
const QUOTED_CHARS_MAX: usize = 80;

/// One reading of one definition: what it has found so far. Every cursor into the definition shares it.
#[derive(Default)]
pub(super) struct Reading {
    diagnostics: RefCell<Vec<Diagnostic>>,
    /// The names of all states met so far, nested ones included.
    pub(super) state_names: RefCell<FxHashSet<StateName>>,
}

impl Reading {
    /// Keeps one finding, unless there are [`DIAGNOSTICS_MAX`] of its severity already.
    pub(super) fn report(&self, diagnostic: Diagnostic) {
        let mut kept = self.diagnostics.borrow_mut();
        if kept.iter().filter(|one| one.severity == diagnostic.severity).count() < DIAGNOSTICS_MAX {
            kept.push(diagnostic);
        }
    }

    /// Whether the definition must be refused.
    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.borrow().iter().any(|one| one.severity == Severity::Error)
    }

    /// Everything found, in the order in which it was found.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics.into_inner()
    }
}

/// A value of the tree and the way that led to it.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) value: &'a Value,
    pub(super) reading: &'a Reading,
    /// The cursor that this one was reached from, and by which step; the root has none.
    origin: Option<(&'a Cursor<'a>, Step<'a>)>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Cursor<'a> {
    pub(super) fn root(value: &'a Value, reading: &'a Reading) -> Self {
        Self { value, reading, origin: None }
    }

    /// A member of this object; without a report when there is none or this is no object.
    pub(super) fn member<'c>(&'c self, name: &'c str) -> Option<Cursor<'c>> {
        let value = self.value.as_object()?.get(name)?;
        Some(self.down(Step::Member(name), value))
    }

    /// The members of this object in the order of the text; none when it is no object.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, Cursor<'_>)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), self.down(Step::Member(name), value)))
    }

    /// The elements of this array; none when it is no array.
    pub(super) fn elements(&self) -> impl Iterator<Item = Cursor<'_>> {
        let elements = self.value.as_array().into_iter().flatten();
        elements.enumerate().map(|(index, value)| self.down(Step::Element(index), value))
    }

    fn down<'c>(&'c self, step: Step<'c>, value: &'c Value) -> Cursor<'c> {
        Cursor { value, reading: self.reading, origin: Some((self, step)) }
    }

    /// The place of this value.
    pub(super) fn pointer(&self) -> String {
        let mut tokens: Vec<Cow<'_, str>> = Vec::new();
        let mut cursor = self;
        while let Some((origin, step)) = &cursor.origin {
            tokens.push(match step {
                Step::Member(name) => Cow::Borrowed(*name),
                Step::Element(index) => Cow::Owned(index.to_string()),
            });
            cursor = origin;
        }
        locate::pointer(tokens.iter().rev().map(AsRef::as_ref))
    }

    /// Reports a finding about this value.
    pub(super) fn report(&self, code: Code, message: impl Into<String>) {
        self.report_with_help(code, message, code.help());
    }

    /// The same, with a more fitting help than the code's own.
    pub(super) fn report_with_help(
        &self,
        code: Code,
        message: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) {
        self.reading.report(Diagnostic::new(code, self.pointer(), message.into(), help.into()));
    }

    /// Reports that this value is of another kind or outside of the range.
    pub(super) fn expected(&self, code: Code, expected: &str) {
        self.report(code, format!("expected {expected}, found {}", described(self.value)));
    }

    /// This value as an object that may have these fields, and `Comment`, and no others.
    pub(super) fn fields(self, known: &'a [&'a [&'a str]]) -> Option<Fields<'a>> {
        if !self.value.is_object() {
            self.expected(Code::WrongType, "an object");
            return None;
        }
        let fields = Fields { cursor: self, known };
        fields.report_unknown();
        Some(fields)
    }

    /// This value as an array.
    pub(super) fn list(&self) -> Option<impl Iterator<Item = Cursor<'_>>> {
        if !self.value.is_array() {
            self.expected(Code::WrongType, "an array");
            return None;
        }
        Some(self.elements())
    }

    /// This value as an array that has elements.
    pub(super) fn filled_list(&self) -> Option<impl Iterator<Item = Cursor<'_>>> {
        if self.value.as_array().is_some_and(Vec::is_empty) {
            self.report(Code::InvalidValue, "Value cannot be empty");
            return None;
        }
        self.list()
    }

    pub(super) fn string(&self) -> Option<&'a str> {
        let found = self.value.as_str();
        if found.is_none() {
            self.expected(Code::WrongType, "a string");
        }
        found
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let found = self.value.as_bool();
        if found.is_none() {
            self.expected(Code::WrongType, "true or false");
        }
        found
    }

    /// A number of any kind.
    pub(super) fn number(&self) -> Option<f64> {
        let found = self.value.as_f64();
        if found.is_none() {
            self.expected(Code::WrongType, "a number");
        }
        found
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let found = self.value.as_u64().filter(|number| range.contains(number));
        if found.is_none() {
            let code = if self.value.is_number() { Code::InvalidValue } else { Code::WrongType };
            let expected = match *range.end() {
                u64::MAX => format!("a whole number of at least {}", range.start()),
                end => format!("a whole number from {} to {end}", range.start()),
            };
            self.expected(code, &expected);
        }
        found
    }

    /// One of some words, with what it stands for.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let found = self.value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let listed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let message = format!(
                "The field '{}' should have one of these values: [{}]",
                self.name(),
                listed.join(", ")
            );
            self.report(Code::InvalidValue, message);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A JSONPath.
    pub(super) fn path(&self) -> Option<Path> {
        Path::parse(self.string()?).map_err(|error| self.unparsable("a JSONPath", &error)).ok()
    }

    /// A JSONPath that names one place.
    pub(super) fn reference_path(&self) -> Option<ReferencePath> {
        ReferencePath::parse(self.string()?).map_err(|error| self.unparsable("a reference path", &error)).ok()
    }

    /// A JSONPath or an intrinsic function call.
    pub(super) fn expression(&self) -> Option<Expression> {
        let expected = "a JSONPath or an intrinsic function call";
        Expression::parse(self.string()?).map_err(|error| self.unparsable(expected, &error)).ok()
    }

    fn unparsable(&self, expected: &str, error: &SyntaxError) {
        let message = format!("expected {expected}, found {}", described(self.value));
        self.report_with_help(Code::InvalidPath, message, format!("{error}; {}", Code::InvalidPath.help()));
    }

    /// A payload template.
    pub(super) fn template(&self) -> PayloadTemplate {
        template::parse(self)
    }

    /// A full RFC 3339 timestamp.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        let parsed = Timestamp::parse_rfc3339(self.string()?);
        if parsed.is_none() {
            self.report(Code::InvalidTimestamp, "String does not match RFC3339 timestamp");
        }
        parsed
    }

    /// The name of the field that holds this value; empty for an element and for the root.
    pub(super) fn name(&self) -> &str {
        match self.origin {
            Some((_, Step::Member(name))) => name,
            Some((_, Step::Element(_))) | None => "",
        }
    }
}

/// An object of the language: it may have certain fields and no others.
pub(super) struct Fields<'a> {
    pub(super) cursor: Cursor<'a>,
    known: &'a [&'a [&'a str]],
}

impl Fields<'_> {
    /// A field, if the object has it and may have it.
    pub(super) fn get<'f>(&'f self, name: &'f str) -> Option<Cursor<'f>> {
        if self.knows(name) { self.cursor.member(name) } else { None }
    }

    /// Whether the object has the field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Reports those of the fields that are missing, all in one finding.
    pub(super) fn require(&self, names: &[&str]) {
        let missing: Vec<_> = names.iter().copied().filter(|name| !self.has(name)).collect();
        if !missing.is_empty() {
            let message = format!("These fields are required: [{}]", missing.join(", "));
            self.cursor.report(Code::MissingField, message);
        }
    }

    /// Of these fields the object may have one; reports when it has more, and answers those it has.
    pub(super) fn at_most_one<'f>(&'f self, names: &[&'f str]) -> Option<Cursor<'f>> {
        let present: Vec<_> = names.iter().copied().filter(|name| self.has(name)).collect();
        if present.len() > 1 {
            let message = format!("expected at most one of {}, found {}", listed(names), listed(&present));
            self.cursor.report(Code::ConflictingFields, message);
        }
        self.get(present.first().copied()?)
    }

    /// Of these fields the object must have one; reports when it has none or more.
    pub(super) fn exactly_one<'f>(&'f self, names: &[&'f str]) -> Option<Cursor<'f>> {
        let present: Vec<_> = names.iter().copied().filter(|name| self.has(name)).collect();
        let code = match present.len() {
            1 => return self.get(present.first().copied()?),
            0 => Code::MissingField,
            _ => Code::ConflictingFields,
        };
        let found = if present.is_empty() { "none".to_owned() } else { listed(&present) };
        self.cursor.report(code, format!("expected exactly one of {}, found {found}", listed(names)));
        None
    }

    fn knows(&self, name: &str) -> bool {
        self.known.iter().any(|group| group.contains(&name))
    }

    fn report_unknown(&self) {
        for (name, member) in self.cursor.members() {
            if name == "Comment" || self.knows(name) {
                continue;
            }
            if not_supported::report_field(name, &member) {
                continue;
            }
            let message = format!("Field '{}' is not supported", shortened(name));
            let known = self.known.iter().copied().flatten();
            match known.chain(&["Comment"]).find(|known| resembles(name, known)) {
                Some(known) => {
                    member.report_with_help(Code::UnknownField, message, format!("did you mean '{known}'?"));
                }
                None => member.report(Code::UnknownField, message),
            }
        }
    }
}

/// `'A', 'B'`
fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// A value as a message names it. Large ones are named by their kind.
fn described(value: &Value) -> String {
    match value {
        Value::Array(elements) if elements.is_empty() => "an empty array".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("the string \"{}\"", shortened(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A piece of the author's text, cut to a length that a message can bear.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// Whether one name is the other with a slip of the finger: other capitals, or one character more, fewer,
/// or different, or two swapped.
fn resembles(written: &str, known: &str) -> bool {
    if written.eq_ignore_ascii_case(known) {
        return true;
    }
    let (a, b) = (written.as_bytes(), known.as_bytes());
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let rest = |bytes: &[u8]| bytes.len().saturating_sub(prefix + suffix);
    match (rest(a), rest(b)) {
        (0 | 1, 0 | 1) => a.len().abs_diff(b.len()) <= 1,
        (2, 2) => a.get(prefix) == b.get(prefix + 1) && a.get(prefix + 1) == b.get(prefix),
        _ => false,
    }
}
