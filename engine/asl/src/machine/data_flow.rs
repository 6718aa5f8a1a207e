//! How a state's raw input becomes what its work sees, and how the result becomes its output.
//! Order: InputPath, Parameters, work, ResultSelector, ResultPath into the raw input, OutputPath.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::{DataFlow, ResultPath, Selection, Setting, Text};
use crate::error_name;
use crate::eval::{EvalError, Path};
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::payload::{DEPTH_MAX, Payload};

use super::context::Extra;
use super::draft::Draft;

impl Draft<'_> {
    /// InputPath, then Parameters.
    pub(super) fn effective_input(
        &self,
        scope: ScopeId,
        extra: Option<Extra<'_>>,
    ) -> Result<Payload, Failure> {
        let Some(visit) = self.execution.visit(scope) else { return Ok(Payload::empty_object()) };
        let DataFlow::JsonPath(flow) = &visit.state.flow;
        let selected = self.select(scope, &flow.input_path, &visit.input)?;
        let Some(parameters) = &flow.parameters else { return Ok(selected) };
        let value = self.evaluate_with(scope, selected.value(), extra, |env| parameters.evaluate(env))?;
        self.within_limits(&visit.state.name, value.into())
    }

    /// InputPath alone, for states whose Parameters mean something else.
    pub(super) fn selected_input(&self, scope: ScopeId) -> Result<Payload, Failure> {
        let Some(visit) = self.execution.visit(scope) else { return Ok(Payload::empty_object()) };
        let DataFlow::JsonPath(flow) = &visit.state.flow;
        self.select(scope, &flow.input_path, &visit.input)
    }

    /// ResultSelector, ResultPath, OutputPath.
    pub(super) fn output(&self, scope: ScopeId, result: Payload) -> Result<Payload, Failure> {
        let Some(visit) = self.execution.visit(scope) else { return Ok(result) };
        let DataFlow::JsonPath(flow) = &visit.state.flow;
        let result = match &flow.result_selector {
            Some(selector) => self.evaluate(scope, result.value(), |env| selector.evaluate(env))?.into(),
            None => result,
        };
        let placed = self.place_result(scope, &flow.result_path, &visit.input, result)?;
        self.select(scope, &flow.output_path, &placed)
    }

    /// Puts a result, or a caught error, into a state's raw input.
    pub(super) fn place_result(
        &self,
        scope: ScopeId,
        path: &ResultPath,
        input: &Payload,
        result: Payload,
    ) -> Result<Payload, Failure> {
        match path {
            ResultPath::Replace => Ok(result),
            ResultPath::Discard => Ok(input.clone()),
            ResultPath::At(path) => path
                .insert(input.value().clone(), result.value().clone())
                .map(Payload::from)
                .map_err(|error| self.fault(scope, error)),
        }
    }

    /// A document that someone made, unless it is too large or too deep to go on with; worded as the service
    /// does. The depth is our own limit: a loop around a Parallel would nest its output without end.
    pub(super) fn within_limits(&self, whose: &str, made: Payload) -> Result<Payload, Failure> {
        let excess = if made.bytes_len() > self.execution.header().limits.payload_bytes_max {
            "with a size exceeding the maximum number of bytes service limit.".to_owned()
        } else if made.is_too_deep() {
            format!("that is nested more than {DEPTH_MAX} deep.")
        } else {
            return Ok(made);
        };
        let cause = format!("The state/task '{whose}' returned a result {excess}");
        Err(Failure::new(error_name::DATA_LIMIT_EXCEEDED, cause))
    }

    fn select(&self, scope: ScopeId, selection: &Selection, from: &Payload) -> Result<Payload, Failure> {
        match selection {
            Selection::Whole => Ok(from.clone()),
            Selection::Nothing => Ok(Payload::empty_object()),
            Selection::Path(path) => self.value_at(scope, path, from.value()).map(Payload::from),
        }
    }

    /// The value at a path; a missing one is a fault, worded for the fields that hold a bare path.
    pub(super) fn value_at(&self, scope: ScopeId, path: &Path, input: &Value) -> Result<Value, Failure> {
        self.evaluate(scope, input, |env| path.evaluate(env).map(Cow::into_owned))
    }

    /// A setting's number: written, or found at the path of the field.
    pub(super) fn number(
        &self,
        scope: ScopeId,
        field: &str,
        setting: &Setting<u64>,
        input: &Value,
    ) -> Result<u64, Failure> {
        match setting {
            Setting::Fixed(number) => Ok(*number),
            Setting::Path(path) => {
                let value = self.value_at(scope, path, input)?;
                whole_number(&value).ok_or_else(|| {
                    let found = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let cause = format!(
                        "The {field} field refers to value \"{found}\" which is not a valid integer: {path}"
                    );
                    self.fault(scope, EvalError::runtime(cause))
                })
            }
        }
    }

    /// A text that is written, or evaluated.
    pub(super) fn text(
        &self,
        scope: ScopeId,
        field: &str,
        text: &Text,
        input: &Value,
    ) -> Result<Arc<str>, Failure> {
        match text {
            Text::Literal(text) => Ok(text.clone()),
            Text::Path(expression) => {
                let value =
                    self.evaluate(scope, input, |env| expression.evaluate(env, field).map(Cow::into_owned))?;
                value.as_str().map(Arc::from).ok_or_else(|| {
                    let found = format!("expected the {field} '{expression}' to be a string, found {value}");
                    self.fault(scope, EvalError::runtime(found))
                })
            }
        }
    }
}

/// A non-negative whole number; texts of digits count, as the service takes them.
fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
