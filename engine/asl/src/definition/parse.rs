//! From text to definition: the limits, the JSON, the top-level object, and the places of what was found.

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Cursor, DIAGNOSTICS_MAX, Reading};
use super::task::TIMEOUT_SECONDS_MAX;
use super::{Code, DEFINITION_BYTES_MAX, Definition, Diagnostic, QueryLanguage, StateMap, locate};
use crate::payload;

impl Definition {
    /// Reads a definition and tells everything that is wrong with it, in the order of the text: at most 100
    /// errors and 100 warnings. The definition is there exactly when none of the findings is an error.
    #[must_use]
    pub fn parse(text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let reading = Reading::default();
        let value = read_json(text, &reading);
        let definition = value.as_ref().and_then(|value| Self::read(Cursor::root(value, &reading)));
        let definition = definition.filter(|_| !reading.has_errors());
        let mut diagnostics = reading.into_diagnostics();
        if value.is_some() {
            find_places(text, &mut diagnostics);
        }
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        (definition, diagnostics)
    }

    fn read(machine: Cursor<'_>) -> Option<Self> {
        if !machine.value.is_object() {
            machine.report(Code::WrongType, NOT_AN_OBJECT);
            return None;
        }
        let fields = machine.fields(&[StateMap::FIELDS, &["Version", "TimeoutSeconds", "QueryLanguage"]])?;
        if let Some(version) = fields.get("Version") {
            version.word(&[("1.0", ())]);
        }
        let comment = fields.cursor.member("Comment").and_then(|field| field.string().map(str::to_owned));
        let timeout = fields.get("TimeoutSeconds").and_then(|field| field.integer(1..=TIMEOUT_SECONDS_MAX));
        let QueryLanguage::JsonPath = QueryLanguage::parse(&machine)?;
        let states = StateMap::parse(&fields)?;
        Some(Self { comment, timeout_seconds: timeout, states: Arc::new(states) })
    }
}

/// The service's own words.
const NOT_AN_OBJECT: &str = "Definition must be a valid JSON object";

/// Parses the text as JSON, if it is of a size and depth that can be walked without fear.
fn read_json(text: &str, reading: &Reading) -> Option<Value> {
    let refuse = |code: Code, message: String, (line, column): (usize, usize)| {
        let diagnostic = Diagnostic::new(code, String::new(), message, code.help().into());
        reading.report(Diagnostic { line, column, ..diagnostic });
        None
    };
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("expected at most {DEFINITION_BYTES_MAX} bytes, found {}", text.len());
        return refuse(Code::DefinitionTooLarge, message, (0, 0));
    }
    if text.trim().is_empty() {
        return refuse(Code::WrongType, NOT_AN_OBJECT.to_owned(), (0, 0));
    }
    let depth = payload::nesting(text);
    if depth > payload::DEPTH_MAX {
        let message = format!("expected JSON nested at most {} deep, found {depth}", payload::DEPTH_MAX);
        return refuse(Code::TooDeeplyNested, message, (0, 0));
    }
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = format!("expected a JSON document: {error}");
            let place = format!(" at line {line} column {column}");
            let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
            return refuse(Code::InvalidJsonDescription, message, (line, column));
        }
    };
    for key in locate::duplicate_keys(text, DIAGNOSTICS_MAX) {
        let code = Code::DuplicateKey;
        let message = "expected each key once in an object, found it again".to_owned();
        let diagnostic = Diagnostic::new(code, key.pointer, message, code.help().into());
        reading.report(Diagnostic { line: key.position.line, column: key.position.column, ..diagnostic });
    }
    Some(value)
}

/// Adds line and column to the findings that have only a pointer.
fn find_places(text: &str, diagnostics: &mut [Diagnostic]) {
    let pending: Vec<&mut Diagnostic> = diagnostics.iter_mut().filter(|one| one.line == 0).collect();
    let pointers: Vec<&str> = pending.iter().map(|one| one.pointer.as_str()).collect();
    let positions = locate::positions(text, &pointers);
    for (diagnostic, position) in pending.into_iter().zip(positions) {
        if let Some(position) = position {
            (diagnostic.line, diagnostic.column) = (position.line, position.column);
        }
    }
}
