//! The functions there are, and what they take.

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::Value;

use super::arguments::{Arguments, Kind};
use super::{array, encoding, json, math, string};
use crate::entropy::Entropy;

/// An intrinsic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
    Format,
    JsonToString,
    StringToJson,
}

/// What a function takes.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// Of what kind each argument is.
    pub(super) takes: &'static [Kind],
    /// How many of them have to be there.
    pub(super) required: usize,
    /// Whether any number of further arguments of any kind may follow.
    pub(super) variadic: bool,
}

impl Function {
    const ALL: [Self; 18] = [
        Self::Array,
        Self::ArrayPartition,
        Self::ArrayContains,
        Self::ArrayRange,
        Self::ArrayGetItem,
        Self::ArrayLength,
        Self::ArrayUnique,
        Self::Base64Encode,
        Self::Base64Decode,
        Self::Hash,
        Self::JsonMerge,
        Self::MathRandom,
        Self::MathAdd,
        Self::StringSplit,
        Self::Uuid,
        Self::Format,
        Self::JsonToString,
        Self::StringToJson,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.signature().name == name)
    }

    pub(super) fn signature(self) -> Signature {
        use Kind::{Any, Array, Boolean, Number, Object, Text};
        let fixed =
            |name, takes: &'static [Kind]| Signature { name, takes, required: takes.len(), variadic: false };
        match self {
            Self::Array => Signature { variadic: true, ..fixed("States.Array", &[]) },
            Self::ArrayPartition => fixed("States.ArrayPartition", &[Array, Number]),
            Self::ArrayContains => fixed("States.ArrayContains", &[Array, Any]),
            Self::ArrayRange => fixed("States.ArrayRange", &[Number, Number, Number]),
            Self::ArrayGetItem => fixed("States.ArrayGetItem", &[Array, Number]),
            Self::ArrayLength => fixed("States.ArrayLength", &[Array]),
            Self::ArrayUnique => fixed("States.ArrayUnique", &[Array]),
            Self::Base64Encode => fixed("States.Base64Encode", &[Text]),
            Self::Base64Decode => fixed("States.Base64Decode", &[Text]),
            Self::Hash => fixed("States.Hash", &[Text, Text]),
            Self::JsonMerge => fixed("States.JsonMerge", &[Object, Object, Boolean]),
            Self::MathRandom => {
                Signature { required: 2, ..fixed("States.MathRandom", &[Number, Number, Number]) }
            }
            Self::MathAdd => fixed("States.MathAdd", &[Number, Number]),
            Self::StringSplit => fixed("States.StringSplit", &[Text, Text]),
            Self::Uuid => fixed("States.UUID", &[]),
            Self::Format => Signature { variadic: true, ..fixed("States.Format", &[Text]) },
            Self::JsonToString => fixed("States.JsonToString", &[Any]),
            Self::StringToJson => fixed("States.StringToJson", &[Text]),
        }
    }

    /// The function's value; the error is the cause of the failure.
    pub(super) fn call<'v>(
        self,
        arguments: Arguments<'v, '_>,
        entropy: &RefCell<Entropy>,
    ) -> Result<Cow<'v, Value>, String> {
        let value = match self {
            Self::ArrayGetItem => return array::get_item(arguments),
            Self::Array => array::array(arguments)?,
            Self::ArrayPartition => array::partition(&arguments)?,
            Self::ArrayContains => array::contains(&arguments)?,
            Self::ArrayRange => array::range(&arguments)?,
            Self::ArrayLength => array::length(&arguments)?,
            Self::ArrayUnique => array::unique(&arguments)?,
            Self::Base64Encode => encoding::base64_encode(&arguments)?,
            Self::Base64Decode => encoding::base64_decode(&arguments)?,
            Self::Hash => encoding::hash(&arguments)?,
            Self::JsonMerge => json::merge(&arguments)?,
            Self::MathRandom => math::random(&arguments, entropy)?,
            Self::MathAdd => math::add(&arguments)?,
            Self::StringSplit => string::split(&arguments)?,
            Self::Uuid => Value::String(entropy.borrow_mut().next_uuid()),
            Self::Format => string::format(&arguments)?,
            Self::JsonToString => json::to_text(&arguments)?,
            Self::StringToJson => json::from_text(&arguments)?,
        };
        Ok(Cow::Owned(value))
    }
}

impl Signature {
    /// How many arguments the function takes, as messages say it.
    pub(super) fn arity(&self) -> String {
        let plural = |count| if count == 1 { "argument" } else { "arguments" };
        let (name, least, most) = (self.name, self.required, self.takes.len());
        if self.variadic {
            format!("{name} to have at least {least} {}", plural(least))
        } else if least == most {
            format!("{name} to have {most} {}", plural(most))
        } else {
            format!("{name} to have {least} to {most} {}", plural(most))
        }
    }
}
