//! Reading a short text from left to right: what the parsers of paths and intrinsic functions share.
//!
//! Invariant: the cursor only moves forward and always stands on a character boundary, so a parser that
//! takes something on every turn of its loops is linear in the text.

use std::fmt::Write as _;

/// Why a text is not a path or an intrinsic function: "expected X, found Y at position N".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found} at position {position}")]
pub struct SyntaxError {
    /// Bytes from the start of the text.
    pub position: usize,
    /// What could have stood there.
    pub expected: String,
    /// What stands there instead.
    pub found: String,
}

/// A place in a text that is being read.
pub(super) struct Cursor<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, position: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// What was read so far.
    pub(super) fn read(&self) -> &'t str {
        self.text.get(..self.position).unwrap_or_default()
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn at_end(&self) -> bool {
        self.position >= self.text.len()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.position += found.len_utf8();
        Some(found)
    }

    /// Reads `token` if it stands here.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let stands = self.rest().starts_with(token);
        if stands {
            self.position += token.len();
        }
        stands
    }

    /// Reads characters as long as they please.
    pub(super) fn take_while(&mut self, pleases: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.get(..rest.find(|c| !pleases(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.position += taken.len();
        taken
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Reads `token` or tells that it was expected.
    pub(super) fn expect(&mut self, token: &str) -> Result<(), SyntaxError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(&format!("'{token}'"))) }
    }

    /// The error that something else was expected here.
    pub(super) fn expected(&self, expected: &str) -> SyntaxError {
        let found = self.peek().map_or_else(
            || "the end".to_owned(),
            |found| {
                let mut quoted = String::new();
                let _ = write!(quoted, "'{}'", found.escape_debug());
                quoted
            },
        );
        SyntaxError { position: self.position, expected: expected.to_owned(), found }
    }

    /// Reads a text up to its closing delimiter, which is the opening one that was just read. Gives the
    /// text between the two as it is written, escapes and all.
    pub(super) fn quoted(&mut self, delimiter: char) -> Result<&'t str, SyntaxError> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, found) in rest.char_indices() {
            if escaped {
                escaped = false;
            } else if found == '\\' {
                escaped = true;
            } else if found == delimiter {
                self.position += at + found.len_utf8();
                return Ok(rest.get(..at).unwrap_or_default());
            }
        }
        self.position = self.text.len();
        Err(self.expected(&format!("a closing {delimiter}")))
    }

    /// Moves over what another parser has read from here.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.position = self.text.ceil_char_boundary(self.position.saturating_add(bytes));
    }

    /// Reads a number as JSON writes it.
    pub(super) fn number(&mut self) -> Result<serde_json::Number, SyntaxError> {
        let start = self.position;
        let digits = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        serde_json::from_str(digits).map_err(|_| SyntaxError {
            position: start,
            expected: "a number".to_owned(),
            found: format!("'{}'", digits.escape_debug()),
        })
    }
}
