//! An expression: a path or a call of an intrinsic function. The value of a key ending in `.$`, and of the
//! fields that take either, such as `ErrorPath`.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::allowance::Allowance;
use super::{Env, EvalError, Intrinsic, Path, PathError, SyntaxError};

/// A path or a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// `$…`.
    Path(Path),
    /// `States.…(…)`.
    Intrinsic(Intrinsic),
}

impl Expression {
    /// Reads an expression; what starts with `$` is a path.
    ///
    /// # Errors
    /// Where the text stops being one, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.starts_with('$') {
            Path::parse(text).map(Self::Path)
        } else {
            Intrinsic::parse(text).map(Self::Intrinsic)
        }
    }

    /// The variables the expression names, in the order of the text.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        match self {
            Self::Path(path) => path.references(),
            Self::Intrinsic(intrinsic) => intrinsic.references(),
        }
    }

    /// The value, for the field that is named in errors, such as `ErrorPath` or `name.$`.
    ///
    /// # Errors
    /// `States.Runtime` when a path leads nowhere, `States.IntrinsicFailure` when a function fails.
    pub fn evaluate<'e, 'a: 'e>(&'e self, env: &Env<'a>, field: &str) -> Result<Cow<'e, Value>, EvalError> {
        self.evaluate_within(env, field, &Allowance::new())
    }

    /// [`Expression::evaluate`] as a part of a larger evaluation.
    pub(super) fn evaluate_within<'e, 'a: 'e>(
        &'e self,
        env: &Env<'a>,
        field: &str,
        allowance: &Allowance,
    ) -> Result<Cow<'e, Value>, EvalError> {
        match self {
            Self::Path(path) => path.select_within(env, allowance).map_err(|error| match error {
                PathError::TooCostly => error.invalid_path(path),
                PathError::NoResults(_)
                | PathError::MissingProperty(_)
                | PathError::WrongKind { .. }
                | PathError::UndefinedVariable(_) => EvalError::runtime(format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{}'",
                    env.input
                )),
            }),
            Self::Intrinsic(intrinsic) => intrinsic.evaluate_within(env, allowance),
        }
    }
}

/// The expression as it was written.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Intrinsic(intrinsic) => intrinsic.fmt(f),
        }
    }
}
