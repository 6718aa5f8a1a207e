//! The Fail state: ends its scope badly.

use std::sync::Arc;

use super::fields::Fields;
use super::lint;
use crate::eval::Expression;

/// A Fail state.
#[derive(Debug, Clone, PartialEq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

/// A text, or where to find it.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// Written in the definition.
    Literal(Arc<str>),
    /// A path or an intrinsic function call that yields it.
    Path(Expression),
}

impl Fail {
    pub(super) const FIELDS: &[&str] = &["Error", "ErrorPath", "Cause", "CausePath"];

    pub(super) fn parse(state: &Fields<'_>) -> Self {
        Self {
            error: Text::parse(state, "Error", "ErrorPath"),
            cause: Text::parse(state, "Cause", "CausePath"),
        }
    }
}

impl Text {
    fn parse(state: &Fields<'_>, name: &str, path: &str) -> Option<Self> {
        let field = state.at_most_one(&[name, path])?;
        if field.name() == path {
            return field.expression().map(Self::Path);
        }
        lint::no_path(&field);
        field.string().map(|text| Self::Literal(text.into()))
    }
}
