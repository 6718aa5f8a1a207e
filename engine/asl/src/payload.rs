//! A JSON document that travels through an execution: an input, a result, an output.
//!
//! Invariant: a payload is well-formed JSON no deeper than [`DEPTH_MAX`]. It is parsed at most once and
//! printed at most once, and a clone shares both. A document that no state touches keeps the very text it
//! came with, spacing included, as the recordings of the real service do.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// How deeply arrays and objects may nest. Deeper input would let a stranger choose our recursion depth.
pub const DEPTH_MAX: usize = 64;

/// Why a text is not a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The text is not JSON; the message is the parser's, with line and column.
    #[error("expected a JSON document, found {0}")]
    Malformed(String),
    /// Arrays and objects nest deeper than [`DEPTH_MAX`].
    #[error("expected JSON nested at most {DEPTH_MAX} deep")]
    TooDeep,
}

/// A shared JSON document. Comparing two payloads compares their values, not their spacing.
#[derive(Clone)]
pub struct Payload(Arc<Document>);

/// At least one of the two is set from the start; the other follows on demand.
#[derive(Default)]
struct Document {
    text: OnceLock<Box<str>>,
    value: OnceLock<Value>,
}

impl Payload {
    /// Takes a text from outside, checked but not yet parsed into a tree.
    ///
    /// # Errors
    /// When the text is not JSON or nests too deeply.
    pub fn from_text(text: impl Into<Box<str>>) -> Result<Self, PayloadError> {
        let text = text.into();
        if nesting(&text) > DEPTH_MAX {
            return Err(PayloadError::TooDeep);
        }
        serde_json::from_str::<Checked>(&text).map_err(|error| PayloadError::Malformed(error.to_string()))?;
        Ok(Self::stored(text))
    }

    /// Takes a text that was a payload before, as a store gives it back. Not checked again; should it not
    /// be JSON after all, its value reads as `null`.
    #[must_use]
    pub fn stored(text: impl Into<Box<str>>) -> Self {
        let document = Document::default();
        let _ = document.text.set(text.into());
        Self(Arc::new(document))
    }

    /// Wraps a value made by the interpreter.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        let document = Document::default();
        let _ = document.value.set(value);
        Self(Arc::new(document))
    }

    /// The empty object, which stands wherever a definition says `null` for a path.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::stored("{}")
    }

    /// An array of payloads; an element that was never touched keeps its text.
    #[must_use]
    pub fn array<'a>(elements: impl IntoIterator<Item = &'a Payload>) -> Self {
        let mut text = String::from("[");
        for element in elements {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(element.text());
        }
        text.push(']');
        Self::stored(text)
    }

    /// The document's text: as it came, or compact when the interpreter made it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| {
            let value = self.0.value.get().unwrap_or(&Value::Null);
            value.to_string().into_boxed_str()
        })
    }

    /// The document as a tree.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| {
            let text = self.0.text.get().map_or("null", |text| text);
            serde_json::from_str(text).unwrap_or(Value::Null)
        })
    }

    /// Size of the text in bytes, which is what limits count.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.text().len()
    }

    /// Whether it nests deeper than [`DEPTH_MAX`], as only something made inside can.
    #[must_use]
    pub fn is_too_deep(&self) -> bool {
        nesting(self.text()) > DEPTH_MAX
    }

    /// Whether both are the same document in memory, a cheap "certainly equal".
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.text() == other.text() || self.value() == other.value()
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::from_value(value)
    }
}

/// Shows the size only: payloads hold customers' data and must not end up in logs by way of `{:?}`.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.bytes_len())
    }
}

/// Reads a whole document and keeps nothing of it, numbers checked as strictly as when it is kept.
struct Checked;

impl<'de> serde::Deserialize<'de> for Checked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Checked;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_unit<E>(self) -> Result<Checked, E> {
                Ok(Checked)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Checked, A::Error> {
                while seq.next_element::<Checked>()?.is_some() {}
                Ok(Checked)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
                while map.next_entry::<Checked, Checked>()?.is_some() {}
                Ok(Checked)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The deepest nesting of brackets outside strings, found without recursion.
pub(crate) fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_text_keeps_its_spacing() {
        let payload = Payload::from_text("[[1, 2], [3]]").unwrap();
        assert_eq!(Payload::array([&payload]).text(), "[[[1, 2], [3]]]");
    }

    #[test]
    fn numbers_keep_their_form() {
        let payload = Payload::from_text(r#"{"a":0.0,"b":1,"c":1.10}"#).unwrap();
        assert_eq!(Payload::from_value(payload.value().clone()).text(), r#"{"a":0.0,"b":1,"c":1.1}"#);
    }

    #[test]
    fn malformed_and_deep_texts_are_refused() {
        assert!(matches!(Payload::from_text("{'a':1}"), Err(PayloadError::Malformed(_))));
        assert!(matches!(Payload::from_text("1e999"), Err(PayloadError::Malformed(_))));
        assert!(matches!(Payload::from_text("[]]"), Err(PayloadError::Malformed(_))));
        assert_eq!(Payload::from_text("[".repeat(100_000)), Err(PayloadError::TooDeep));
        assert!(
            Payload::from_text("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"")
                .is_ok()
        );
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Payload::from_text("\"secret\"").unwrap()), "Payload(8 bytes)");
    }
}
