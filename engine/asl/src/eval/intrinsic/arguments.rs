//! The values a function is called with, taken out by position and kind.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::eval::allowance::Allowance;
use crate::eval::path::kind_name;

/// The kind of value an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Array,
    Boolean,
    Number,
    Object,
    Text,
}

impl Kind {
    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::Text => value.is_string(),
        }
    }

    /// The kind as messages say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Array => "an array",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::Text => "a string",
        }
    }
}

/// The arguments of one call. Their positions in messages count from one.
pub(super) struct Arguments<'v, 'w> {
    values: Vec<Cow<'v, Value>>,
    allowance: &'w Allowance,
}

impl<'v, 'w> Arguments<'v, 'w> {
    pub(super) fn new(values: Vec<Cow<'v, Value>>, allowance: &'w Allowance) -> Self {
        Self { values, allowance }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many bytes the call may still make.
    pub(super) fn bytes_left(&self) -> usize {
        self.allowance.left()
    }

    pub(super) fn any(&self, at: usize) -> Result<&Value, String> {
        self.values
            .get(at)
            .map(Cow::as_ref)
            .ok_or_else(|| format!("expected an argument {}, found none", at + 1))
    }

    pub(super) fn array(&self, at: usize) -> Result<&Vec<Value>, String> {
        self.of_kind(at, Kind::Array, Value::as_array)
    }

    pub(super) fn boolean(&self, at: usize) -> Result<bool, String> {
        self.of_kind(at, Kind::Boolean, Value::as_bool)
    }

    pub(super) fn object(&self, at: usize) -> Result<&Map<String, Value>, String> {
        self.of_kind(at, Kind::Object, Value::as_object)
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, String> {
        self.of_kind(at, Kind::Text, Value::as_str)
    }

    /// A number as the nearest integer, halves towards positive infinity: the service rounds so before it
    /// calculates.
    pub(super) fn rounded(&self, at: usize) -> Result<i64, String> {
        let number = self.of_kind(at, Kind::Number, Value::as_number)?;
        number
            .as_i64()
            .or_else(|| number.as_f64().and_then(round))
            .ok_or_else(|| format!("expected argument {} to be a 64-bit integer, found {number}", at + 1))
    }

    /// All values, those that are borrowed copied and paid for.
    pub(super) fn into_values(self) -> Result<Vec<Value>, String> {
        let Self { values, allowance } = self;
        values
            .into_iter()
            .map(|value| match value {
                Cow::Owned(value) => Ok(value),
                Cow::Borrowed(value) => {
                    allowance.spend(value).map_err(|error| error.cause)?;
                    Ok(value.clone())
                }
            })
            .collect()
    }

    /// The first value, owned or not as it is.
    pub(super) fn into_first(self) -> Option<Cow<'v, Value>> {
        self.values.into_iter().next()
    }

    fn of_kind<'s, T>(
        &'s self,
        at: usize,
        kind: Kind,
        take: impl FnOnce(&'s Value) -> Option<T>,
    ) -> Result<T, String> {
        let value = self.any(at)?;
        take(value).ok_or_else(|| {
            let found = kind_name(value);
            format!("expected argument {} to be {}, found {found}", at + 1, kind.name())
        })
    }
}

/// The nearest integer, halves up; `None` beyond 64 bits.
fn round(number: f64) -> Option<i64> {
    let floor = number.floor();
    let nearest = if number - floor >= 0.5 { floor + 1.0 } else { floor };
    // 2^63 is the first double that is too large; -2^63 itself fits.
    let limit = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the limits")]
    (-limit..limit).contains(&nearest).then_some(nearest as i64)
}
