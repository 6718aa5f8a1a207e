//! Reference paths: the paths of `ResultPath`, which name one place so that a value can be put there.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::{Place, kind_name};
use super::{EvalError, Path, SyntaxError};
use crate::error_name;
use crate::payload;

/// A path of names and indexes that starts from `$`. Not deeper than a payload may nest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencePath {
    text: Arc<str>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(Box<str>),
    Index(usize),
}

impl ReferencePath {
    /// Reads a reference path.
    ///
    /// # Errors
    /// When the text is no path, or names more than one place, or a place outside the input.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let path = Path::parse(text)?;
        let refused = |expected: String| SyntaxError { position: 0, expected, found: format!("'{path}'") };
        let places = path
            .places()
            .ok_or_else(|| refused("a reference path: '$', then names and indexes only".to_owned()))?;
        if places.len() > payload::DEPTH_MAX {
            return Err(refused(format!("a reference path of at most {} steps", payload::DEPTH_MAX)));
        }
        let steps = places
            .into_iter()
            .map(|place| match place {
                Place::Member(name) => Step::Member(name.into()),
                Place::Index(index) => Step::Index(index),
            })
            .collect();
        Ok(Self { text: text.into(), steps })
    }

    /// Whether the path is a bare `$`, which replaces the whole input.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.steps.is_empty()
    }

    /// Puts `what` at this place of `into`. Objects that are missing on the way are made; elements of arrays
    /// are not, for there is nothing to fill the gap with.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` when a value on the way is not of the kind that has such a place.
    pub fn insert(&self, into: Value, what: Value) -> Result<Value, EvalError> {
        let mut whole = into;
        let mut place = &mut whole;
        for (at, step) in self.steps.iter().enumerate() {
            let found = kind_name(place);
            place = match (step, place) {
                (Step::Member(name), Value::Object(members)) => {
                    let missing =
                        if at + 1 == self.steps.len() { Value::Null } else { Value::Object(Map::new()) };
                    members.entry(name.as_ref()).or_insert(missing)
                }
                (Step::Index(index), Value::Array(elements)) => {
                    let length = elements.len();
                    elements
                        .get_mut(*index)
                        .ok_or_else(|| self.mismatch(step, &format!("an array of {length} elements")))?
                }
                _ => return Err(self.mismatch(step, found)),
            };
        }
        *place = what;
        Ok(whole)
    }

    fn mismatch(&self, step: &Step, found: &str) -> EvalError {
        let expected = match step {
            Step::Member(name) => format!("an object to hold the member '{name}'"),
            Step::Index(index) => format!("an array with the element {index}"),
        };
        EvalError {
            error: error_name::RESULT_PATH_MATCH_FAILURE,
            cause: format!("Unable to apply ResultPath '{self}': expected {expected}, found {found}"),
        }
    }
}

/// The path as it was written.
impl fmt::Display for ReferencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_paths_to_one_place_are_reference_paths() {
        for good in ["$", "$.a", "$.a.b", "$['a b'].c", "$.a[0]", "$[0].b", "$.detail-type", "$.a.[0]"] {
            assert!(ReferencePath::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            ".guid",
            "..guid",
            "()",
            "$$",
            "$$.a",
            "$variable",
            "$.a[*]",
            "$.*",
            "$..a",
            "$.a[0:1]",
            "$.a[0,1]",
            "$['a','b']",
            "$.a[?(@.b)]",
            "$.a[-1]",
            "$.a.length()",
            "$.",
            "$.a.",
        ] {
            assert!(ReferencePath::parse(bad).is_err(), "{bad}");
        }
        assert!(ReferencePath::parse(&format!("${}", ".a".repeat(65))).is_err());
        assert!(ReferencePath::parse("$").is_ok_and(|path| path.is_input()));
    }

    #[test]
    fn a_result_is_put_in_its_place() {
        for (into, path, expected) in [
            (json!({"a": 1}), "$", json!("new")),
            (json!(null), "$", json!("new")),
            (json!({"a": 1}), "$.a", json!({"a": "new"})),
            (json!({"a": 1}), "$.b", json!({"a": 1, "b": "new"})),
            (json!({"a": 1}), "$.b.c.d", json!({"a": 1, "b": {"c": {"d": "new"}}})),
            (json!({"a": {"b": 1, "c": 2}}), "$.a.b", json!({"a": {"b": "new", "c": 2}})),
            (json!({"a": [1, 2]}), "$.a[1]", json!({"a": [1, "new"]})),
            (json!([{"a": 1}]), "$[0].b", json!([{"a": 1, "b": "new"}])),
            (json!({}), "$['a b']", json!({"a b": "new"})),
        ] {
            let path = ReferencePath::parse(path).unwrap();
            assert_eq!(path.insert(into, json!("new")), Ok(expected), "{path}");
        }
    }

    #[test]
    fn members_keep_their_order() {
        let path = ReferencePath::parse("$.a").unwrap();
        let whole = path.insert(json!({"b": 1, "a": 2, "c": 3}), json!(4)).unwrap();
        assert_eq!(whole.to_string(), r#"{"b":1,"a":4,"c":3}"#);
    }

    #[test]
    fn a_place_that_cannot_be_made_is_a_match_failure() {
        for (into, path, cause) in [
            (json!([1]), "$.a", "expected an object to hold the member 'a', found array"),
            (json!("text"), "$.a", "expected an object to hold the member 'a', found string"),
            (json!(null), "$.a", "expected an object to hold the member 'a', found null"),
            (json!({"a": 1}), "$.a.b", "expected an object to hold the member 'b', found number"),
            (json!({"a": null}), "$.a.b", "expected an object to hold the member 'b', found null"),
            (
                json!({"a": [1]}),
                "$.a[1]",
                "expected an array with the element 1, found an array of 1 elements",
            ),
            (json!({}), "$.a[0]", "expected an array with the element 0, found object"),
            (json!({"a": {}}), "$.a[0]", "expected an array with the element 0, found object"),
        ] {
            let path = ReferencePath::parse(path).unwrap();
            let error = path.insert(into, json!("new")).unwrap_err();
            assert_eq!(error.error, error_name::RESULT_PATH_MATCH_FAILURE);
            assert_eq!(error.cause, format!("Unable to apply ResultPath '{path}': {cause}"));
        }
    }
}
