//! Expressions: JSONPath, payload templates and intrinsic functions, parsed once and evaluated often.
//!
//! Invariant: evaluation is pure. Whatever an expression may see stands in [`Env`]; randomness comes from
//! the entropy in it, and time only by way of the context object. Knows nothing about states.

mod allowance;
mod cursor;
mod expression;
pub mod intrinsic;
pub mod path;
mod payload_template;
mod reference_path;
#[cfg(test)]
mod testing;

use std::cell::RefCell;

use indexmap::IndexMap;
use serde_json::Value;

use crate::entropy::Entropy;
use crate::error_name;
use crate::failure::Failure;

pub use cursor::SyntaxError;
pub use expression::Expression;
pub use intrinsic::Intrinsic;
pub use path::{Path, PathError};
pub use payload_template::{PayloadTemplate, TemplateProblem};
pub use reference_path::ReferencePath;

/// The variables an expression can name as `$name`.
pub type Variables = IndexMap<String, Value>;

/// What an expression may see.
pub struct Env<'a> {
    /// What `$` stands for.
    pub input: &'a Value,
    /// What `$$` stands for. Built on first use: most expressions never look, and most that do want one
    /// member. When they tell which, any object will do that has this member if the context object has it.
    pub context: &'a dyn Fn(Option<&str>) -> &'a Value,
    /// What `$name` stands for.
    pub variables: &'a Variables,
    /// Where `States.UUID` and `States.MathRandom` draw from.
    pub entropy: &'a RefCell<Entropy>,
}

/// Why an expression has no value. The texts are the service's own, without the prefix that names the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct EvalError {
    /// One of [`error_name`]'s constants.
    pub error: &'static str,
    /// The cause, as the service words it.
    pub cause: String,
}

impl EvalError {
    /// A `States.Runtime` fault.
    #[must_use]
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self { error: error_name::RUNTIME, cause: cause.into() }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        Failure::new(error.error, error.cause)
    }
}
