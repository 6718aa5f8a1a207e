//! How much one evaluation may copy. A template of a few kilobytes can name the whole input a thousand
//! times, and a wildcard path can select the same large value over and over; neither may fill the memory.

use std::cell::Cell;

use serde_json::Value;

use super::EvalError;
use crate::error_name;

/// Bytes that one evaluation may copy, counted by [`weigh`]: many times the 256 KiB of the largest payload,
/// so that only what could never be passed on is refused.
pub(super) const COPIED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a value weighs besides its texts; about what its place in a tree takes.
const NODE_BYTES: usize = 16;

/// What is left of [`COPIED_BYTES_MAX`].
pub(super) struct Allowance(Cell<usize>);

impl Allowance {
    pub(super) fn new() -> Self {
        Self(Cell::new(COPIED_BYTES_MAX))
    }

    /// Takes a value's weight from what is left.
    pub(super) fn spend(&self, value: &Value) -> Result<(), EvalError> {
        self.spend_bytes(weigh(value, self.0.get()))
    }

    /// Takes a number of bytes from what is left.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<(), EvalError> {
        let left = self.0.get().checked_sub(bytes).ok_or_else(|| EvalError {
            error: error_name::DATA_LIMIT_EXCEEDED,
            cause: format!("expected an evaluation that copies at most {COPIED_BYTES_MAX} bytes, found more"),
        })?;
        self.0.set(left);
        Ok(())
    }

    /// What may still be copied, in bytes.
    pub(super) fn left(&self) -> usize {
        self.0.get()
    }
}

/// About how many bytes a copy takes; counts no further than a little beyond `enough`. Without recursion,
/// for a value may nest as deeply as functions have built it.
fn weigh(value: &Value, enough: usize) -> usize {
    let (mut bytes, mut open) = (0_usize, vec![value]);
    while let Some(value) = open.pop() {
        bytes += NODE_BYTES;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(elements) => open.extend(elements),
            Value::Object(members) => {
                bytes += members.keys().map(String::len).sum::<usize>();
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if bytes > enough {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_used_up() {
        let allowance = Allowance::new();
        let half = Value::String("x".repeat(COPIED_BYTES_MAX / 2));
        assert!(allowance.spend(&half).is_ok());
        assert_eq!(allowance.spend(&half).map_err(|error| error.error), Err(error_name::DATA_LIMIT_EXCEEDED));
        assert!(allowance.spend(&serde_json::json!({"a": [1, "text", null]})).is_ok());
    }
}
