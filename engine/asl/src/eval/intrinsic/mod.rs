//! Intrinsic functions: `States.Format('{} of {}', $.part, States.ArrayLength($.all))`.
//!
//! Invariant: a parsed call nests at most [`DEPTH_MAX`] deep, names only functions that exist, and gives each
//! as many arguments as it takes; a literal argument is of the kind the function takes. What else can be
//! wrong with an argument shows when it is evaluated, as `States.IntrinsicFailure`.
//!
//! A file per topic, as the service documents them: `array`, `encoding`, `json`, `math`, `string`.
//! Source: the service's documentation of intrinsic functions, and recordings of the service.

mod arguments;
mod array;
mod encoding;
mod function;
mod json;
mod math;
mod parser;
mod string;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::arguments::Arguments;
use self::function::Function;
use super::allowance::Allowance;
use super::{Env, EvalError, Path, PathError, SyntaxError};
use crate::error_name;

/// How deeply calls may nest.
pub const DEPTH_MAX: usize = 10;
/// How long the text of a call may be, in bytes. Long texts to be formatted live in definitions.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A parsed call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub struct Intrinsic {
    text: Arc<str>,
    call: Call,
}

#[derive(Debug, Clone, PartialEq)]
struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
enum Argument {
    Literal(Value),
    Path(Path),
    Call(Call),
}

/// Why a call has no value.
enum Fault<'e> {
    /// The function's own; `States.IntrinsicFailure`.
    Function(String),
    /// A path among the arguments leads nowhere; `States.Runtime`.
    Path(&'e Path, PathError),
    /// The call copies too much; passed on as it is.
    Limit(EvalError),
}

impl Intrinsic {
    /// Reads a call that is the whole text.
    ///
    /// # Errors
    /// Where the text stops being one, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parser::parse(text).map(|call| Self { text: text.into(), call })
    }

    /// The variables the call names, in the order of the text.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.call.collect_references(&mut names);
        names
    }

    /// The value of the call.
    ///
    /// # Errors
    /// `States.IntrinsicFailure` when a function cannot take its arguments, `States.Runtime` when a path leads
    /// nowhere, `States.DataLimitExceeded` when the call copies too much.
    pub fn evaluate<'e, 'a: 'e>(&'e self, env: &Env<'a>) -> Result<Cow<'e, Value>, EvalError> {
        self.evaluate_within(env, &Allowance::new())
    }

    /// [`Intrinsic::evaluate`] as a part of a larger evaluation.
    pub(super) fn evaluate_within<'e, 'a: 'e>(
        &'e self,
        env: &Env<'a>,
        allowance: &Allowance,
    ) -> Result<Cow<'e, Value>, EvalError> {
        self.call.evaluate(env, allowance).map_err(|fault| {
            let (error, cause) = match fault {
                Fault::Function(cause) => (error_name::INTRINSIC_FAILURE, cause),
                Fault::Path(path, error) if error.is_missing() => (
                    error_name::RUNTIME,
                    format!(
                        "The JsonPath argument for the field '{path}' could not be found in the input '{}'",
                        env.input
                    ),
                ),
                Fault::Path(path, error) => return error.invalid_path(path),
                Fault::Limit(error) => return error,
            };
            EvalError { error, cause: format!("The function '{self}' had the following error: {cause}") }
        })
    }
}

impl Call {
    fn evaluate<'e, 'a: 'e>(
        &'e self,
        env: &Env<'a>,
        allowance: &Allowance,
    ) -> Result<Cow<'e, Value>, Fault<'e>> {
        let values = self
            .arguments
            .iter()
            .map(|argument| match argument {
                Argument::Literal(value) => Ok(Cow::Borrowed(value)),
                Argument::Path(path) => {
                    path.select_within(env, allowance).map_err(|error| Fault::Path(path, error))
                }
                Argument::Call(call) => call.evaluate(env, allowance),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let arguments = Arguments::new(values, allowance);
        let result = self.function.call(arguments, env.entropy).map_err(Fault::Function)?;
        if let Cow::Owned(value) = &result {
            allowance.spend(value).map_err(Fault::Limit)?;
        }
        Ok(result)
    }

    fn collect_references<'c>(&'c self, names: &mut Vec<&'c str>) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) => {}
                Argument::Path(path) => names.extend(path.references()),
                Argument::Call(call) => call.collect_references(names),
            }
        }
    }
}

/// The call as it was written.
impl fmt::Display for Intrinsic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
