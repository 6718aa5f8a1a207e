//! `States.Array`, `ArrayPartition`, `ArrayContains`, `ArrayRange`, `ArrayGetItem`, `ArrayLength` and
//! `ArrayUnique`.

use std::borrow::Cow;

use indexmap::IndexSet;
use serde_json::Value;

use super::arguments::Arguments;

/// How many numbers a range may hold, as the service documents it.
const RANGE_LENGTH_MAX: usize = 1000;

pub(super) fn array(arguments: Arguments<'_, '_>) -> Result<Value, String> {
    arguments.into_values().map(Value::Array)
}

/// Chunks of the given size; the last one may be shorter.
pub(super) fn partition(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let size = arguments.rounded(1)?;
    let chunk = usize::try_from(size)
        .ok()
        .filter(|chunk| *chunk > 0)
        .ok_or_else(|| format!("expected a chunk size of at least 1, found {size}"))?;
    Ok(arguments.array(0)?.chunks(chunk).map(Value::from).collect())
}

/// Whether an element equals the value, arrays and objects by what they hold.
pub(super) fn contains(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    Ok(Value::Bool(arguments.array(0)?.contains(arguments.any(1)?)))
}

/// The numbers from the first to the last, which is one of them when a step hits it.
pub(super) fn range(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let (first, last, step) = (arguments.rounded(0)?, arguments.rounded(1)?, arguments.rounded(2)?);
    if step == 0 {
        return Err("expected a step other than 0".to_owned());
    }
    let mut numbers = Vec::new();
    let mut next = Some(first);
    while let Some(number) = next.filter(|number| if step > 0 { *number <= last } else { *number >= last }) {
        if numbers.len() == RANGE_LENGTH_MAX {
            return Err(format!("expected a range of at most {RANGE_LENGTH_MAX} elements, found more"));
        }
        numbers.push(Value::from(number));
        next = number.checked_add(step);
    }
    Ok(Value::Array(numbers))
}

/// The element at an index, which counts from zero.
pub(super) fn get_item<'v>(arguments: Arguments<'v, '_>) -> Result<Cow<'v, Value>, String> {
    let (index, length) = (arguments.rounded(1)?, arguments.array(0)?.len());
    let missing = || format!("expected an index from 0 to below the array's length {length}, found {index}");
    let at = usize::try_from(index).ok().filter(|at| *at < length).ok_or_else(missing)?;
    match arguments.into_first() {
        Some(Cow::Borrowed(Value::Array(elements))) => {
            elements.get(at).map(Cow::Borrowed).ok_or_else(missing)
        }
        Some(Cow::Owned(Value::Array(mut elements))) => Ok(Cow::Owned(elements.swap_remove(at))),
        _ => Err(missing()),
    }
}

pub(super) fn length(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    Ok(Value::from(arguments.array(0)?.len()))
}

/// The elements without those equal to one before them.
pub(super) fn unique(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let distinct: IndexSet<&Value> = arguments.array(0)?.iter().collect();
    Ok(distinct.into_iter().cloned().collect())
}
