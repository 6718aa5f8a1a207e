//! `States.JsonMerge`, `States.JsonToString` and `States.StringToJson`.

use serde_json::Value;

use super::arguments::Arguments;
use crate::payload::Payload;

/// The members of both objects; where both have one, the second's. Deep merging is not offered by the
/// service either.
pub(super) fn merge(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    if arguments.boolean(2)? {
        return Err(
            "expected argument 3 to be false, for objects merge at the top level only; found true".to_owned()
        );
    }
    let mut merged = arguments.object(0)?.clone();
    merged.extend(arguments.object(1)?.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Value::Object(merged))
}

/// The value as compact JSON.
pub(super) fn to_text(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    Ok(Value::String(arguments.any(0)?.to_string()))
}

/// The value that a text spells; null when it is blank, which is how the service reads nothing.
pub(super) fn from_text(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let text = arguments.text(0)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let payload = Payload::from_text(text).map_err(|error| error.to_string())?;
    let mut value = payload.value().clone();
    drop_negative_zero(&mut value);
    Ok(value)
}

/// Zero has no sign. Recursion is bounded, for a payload is.
fn drop_negative_zero(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|n| n == 0.0 && n.is_sign_negative()) => {
            *value = Value::from(0);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_negative_zero),
        Value::Object(members) => members.values_mut().for_each(drop_negative_zero),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
