//! How a state's input becomes its output: the clauses around the work.
//! Source: ASL specification, "Input and Output Processing".

use std::ops::RangeInclusive;

use super::fields::{Cursor, Fields};
use super::not_supported;
use crate::eval::{Path, PayloadTemplate, ReferencePath};

/// The languages an expression may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryLanguage {
    /// `JSONPath`, the default.
    #[default]
    JsonPath,
}

/// The data flow of one state, in the query language of that state.
#[derive(Debug, Clone, PartialEq)]
pub enum DataFlow {
    /// `InputPath` → `Parameters` → work → `ResultSelector` → `ResultPath` → `OutputPath`.
    JsonPath(JsonPathFlow),
}

/// The five JSONPath clauses. A field that a kind of state may not have stands at its default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonPathFlow {
    /// `InputPath`.
    pub input_path: Selection,
    /// `Parameters`.
    pub parameters: Option<PayloadTemplate>,
    /// `ResultSelector`.
    pub result_selector: Option<PayloadTemplate>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `OutputPath`.
    pub output_path: Selection,
}

/// A choice of part of a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Selection {
    /// Absent, or `$`: all of it, untouched.
    #[default]
    Whole,
    /// `null`: the empty object.
    Nothing,
    /// A path into the document, the context object or a variable.
    Path(Path),
}

/// Where a result goes in the state's raw input.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ResultPath {
    /// Absent, or `$`: the result replaces the input.
    #[default]
    Replace,
    /// `null`: the result is dropped, the input stays.
    Discard,
    /// Into the input, at a place.
    At(ReferencePath),
}

/// A number written in the definition, or where to find it at run time.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting<T> {
    /// Written in the definition.
    Fixed(T),
    /// The field's `…Path` form.
    Path(Path),
}

impl QueryLanguage {
    /// Reads the `QueryLanguage` of a machine or a state; `None` when it is one that cannot be used.
    pub(super) fn parse(holder: &Cursor<'_>) -> Option<Self> {
        let Some(field) = holder.member("QueryLanguage") else { return Some(Self::JsonPath) };
        let language = field.word(&[("JSONPath", Some(Self::JsonPath)), ("JSONata", None)])?;
        if language.is_none() {
            not_supported::report_jsonata(&field);
        }
        language
    }
}

impl JsonPathFlow {
    /// The clauses of every state but Fail.
    pub(super) const SELECTIONS: &[&str] = &["InputPath", "OutputPath"];
    /// The clauses of states that make a result.
    pub(super) const PLACEMENT: &[&str] = &["Parameters", "ResultPath"];
    /// The clause of states whose result comes from outside.
    pub(super) const SELECTOR: &[&str] = &["ResultSelector"];

    /// Reads those clauses that the state may have.
    pub(super) fn parse(state: &Fields<'_>) -> Self {
        Self {
            input_path: Selection::parse(state.get("InputPath")),
            parameters: state.get("Parameters").map(|field| field.template()),
            result_selector: state.get("ResultSelector").map(|field| field.template()),
            result_path: ResultPath::parse(state),
            output_path: Selection::parse(state.get("OutputPath")),
        }
    }
}

impl Selection {
    fn parse(field: Option<Cursor<'_>>) -> Self {
        let Some(field) = field else { return Self::Whole };
        if field.value.is_null() {
            Self::Nothing
        } else if field.value == "$" {
            Self::Whole
        } else {
            field.path().map_or(Self::Whole, Self::Path)
        }
    }
}

impl ResultPath {
    /// Reads the `ResultPath` of a state or of a catcher.
    pub(super) fn parse(fields: &Fields<'_>) -> Self {
        let Some(field) = fields.get("ResultPath") else { return Self::Replace };
        if field.value.is_null() {
            Self::Discard
        } else if field.value == "$" {
            Self::Replace
        } else {
            field.reference_path().map_or(Self::Replace, Self::At)
        }
    }
}

impl Setting<u64> {
    /// Reads a whole number in a range, or the field's `…Path` form.
    pub(super) fn parse(
        fields: &Fields<'_>,
        name: &str,
        path: &str,
        range: RangeInclusive<u64>,
    ) -> Option<Self> {
        let field = fields.at_most_one(&[name, path])?;
        if field.name() == name {
            field.integer(range).map(Self::Fixed)
        } else {
            field.path().map(Self::Path)
        }
    }
}
