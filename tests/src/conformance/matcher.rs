//! The rule by which a recorded value matches what was seen.
//!
//! Recordings were masked: `<any:…>` stands for anything, `<name>` for any text that is the same at every
//! place of the case. They were also parsed where the service answers with JSON as text, so a value matches
//! the text that holds it. Deliberately not regular expressions: a mask is literal text with gaps.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Members that were taken out of all recordings.
const REMOVED: [&str; 2] = ["SdkHttpMetadata", "SdkResponseMetadata"];

/// What the masks of one case stand for, learned on the way.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    seen: BTreeMap<String, String>,
}

impl Matcher {
    /// Compares, and learns what masks stand for.
    ///
    /// # Errors
    /// Where and how the two differ.
    pub fn compare(&mut self, place: &str, expected: &Value, actual: &Value) -> Result<(), String> {
        if expected.as_str().is_some_and(is_any) {
            return Ok(());
        }
        match (expected, actual) {
            (Value::String(mask), Value::String(text)) => {
                if self.compare_text(mask, text) {
                    return Ok(());
                }
                let (Ok(expected), Ok(actual)) = (serde_json::from_str(mask), serde_json::from_str(text))
                else {
                    return Err(differ(place, expected, actual));
                };
                self.compare_parsed(place, &expected, &actual)
            }
            (expected, Value::String(text)) => match serde_json::from_str(text) {
                Ok(actual) => self.compare_parsed(place, expected, &actual),
                Err(_) => Err(differ(place, expected, actual)),
            },
            (expected, actual) => self.compare_parsed(place, expected, actual),
        }
    }

    fn compare_parsed(&mut self, place: &str, expected: &Value, actual: &Value) -> Result<(), String> {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => self.compare_objects(place, expected, actual),
            (Value::Array(expected), Value::Array(actual)) => {
                if expected.len() != actual.len() {
                    return Err(format!(
                        "{place}: expected {} elements, found {}",
                        expected.len(),
                        actual.len()
                    ));
                }
                expected.iter().zip(actual).enumerate().try_for_each(|(at, (expected, actual))| {
                    self.compare(&format!("{place}[{at}]"), expected, actual)
                })
            }
            (Value::Number(a), Value::Number(b)) if a == b || a.as_f64() == b.as_f64() => Ok(()),
            (Value::String(mask), Value::String(text)) if self.compare_text(mask, text) => Ok(()),
            (expected, actual) if expected == actual => Ok(()),
            (expected, actual) => Err(differ(place, expected, actual)),
        }
    }

    fn compare_objects(
        &mut self,
        place: &str,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
    ) -> Result<(), String> {
        for (name, value) in expected {
            let place = format!("{place}.{name}");
            let Some(found) = actual.get(name) else {
                return Err(format!("{place}: expected {}, found nothing", shortened(value)));
            };
            self.compare(&place, value, found)?;
        }
        // The oldest recordings of a context object have no RedriveCount.
        let is_execution = expected.contains_key("Id") && expected.contains_key("StartTime");
        let allowed = |name: &str| REMOVED.contains(&name) || (is_execution && name == "RedriveCount");
        match actual.iter().find(|(name, _)| !expected.contains_key(*name) && !allowed(name)) {
            Some((name, value)) => {
                Err(format!("{place}.{name}: expected nothing, found {}", shortened(value)))
            }
            None => Ok(()),
        }
    }

    /// Whether a masked text matches; learns only when it does.
    fn compare_text(&mut self, mask: &str, text: &str) -> bool {
        let pieces = pieces(mask);
        if pieces.iter().all(|piece| matches!(piece, Piece::Literal(_))) {
            return mask == text;
        }
        let mut learned = self.seen.clone();
        let matched = fits(&pieces, text, &mut learned);
        if matched {
            self.seen = learned;
        }
        matched
    }

    /// Every expected value has an actual one of its own, in whatever order.
    ///
    /// # Errors
    /// The first expected value that is missing, or how many are too many.
    pub fn compare_unordered(
        &mut self,
        place: &str,
        expected: &[Value],
        actual: &[Value],
    ) -> Result<(), String> {
        let mut rest: Vec<&Value> = actual.iter().collect();
        for value in expected {
            let found = rest.iter().position(|candidate| {
                let before = self.clone();
                let same = self.compare(place, value, candidate).is_ok();
                if !same {
                    *self = before;
                }
                same
            });
            match found {
                Some(at) => drop(rest.remove(at)),
                None => {
                    return Err(format!(
                        "{place}: expected {} somewhere, found it nowhere",
                        shortened(value)
                    ));
                }
            }
        }
        match rest.first() {
            Some(value) => Err(format!("{place}: expected nothing more, found {}", shortened(value))),
            None => Ok(()),
        }
    }
}

/// A piece of a masked text.
enum Piece<'a> {
    Literal(&'a str),
    /// Any text that is not empty.
    Any,
    /// Any text that is not empty, the same one everywhere.
    Named(&'a str),
}

fn pieces(mask: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), mask);
    let mut from = 0;
    while let Some(open) = rest.get(from..).and_then(|tail| tail.find('<')).map(|at| at + from) {
        let Some((name, after)) =
            rest.get(open + 1..).and_then(|tail| tail.split_at_checked(end_of_name(tail)?))
        else {
            from = open + 1;
            continue;
        };
        pieces.push(Piece::Literal(rest.get(..open).unwrap_or_default()));
        pieces.push(if name.starts_with("any:") { Piece::Any } else { Piece::Named(name) });
        (rest, from) = (after.get(1..).unwrap_or_default(), 0);
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// Where the name of a mask ends, if the text begins with one. What was masked twice is a mask in a mask.
fn end_of_name(text: &str) -> Option<usize> {
    let end = match text.strip_prefix('<') {
        Some(inner) => {
            let inner_end = end_of_name(inner)? + 2;
            inner_end + text.get(inner_end..)?.find('>')?
        }
        None => text.find('>')?,
    };
    let name = text.get(..end)?.trim_start_matches('<');
    let named = name.starts_with(|first: char| first.is_ascii_alphabetic());
    (named && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:->".contains(c))).then_some(end)
}

fn is_any(text: &str) -> bool {
    let name = text.strip_prefix("<any:").and_then(|rest| rest.strip_suffix('>'));
    name.is_some_and(|name| !name.contains('>'))
}

/// Fits the pieces to the text, the shortest captures first.
fn fits(pieces: &[Piece<'_>], text: &str, seen: &mut BTreeMap<String, String>) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
    match piece {
        Piece::Literal(literal) => text.strip_prefix(literal).is_some_and(|text| fits(rest, text, seen)),
        Piece::Named(name) if seen.contains_key(*name) => {
            let known = seen.get(*name).cloned().unwrap_or_default();
            text.strip_prefix(known.as_str()).is_some_and(|text| fits(rest, text, seen))
        }
        Piece::Any | Piece::Named(_) => text.char_indices().any(|(at, character)| {
            let (captured, after) = text.split_at(at + character.len_utf8());
            let mut learned = seen.clone();
            if let Piece::Named(name) = piece {
                learned.insert((*name).to_owned(), captured.to_owned());
            }
            let fit = fits(rest, after, &mut learned);
            if fit {
                *seen = learned;
            }
            fit
        }),
    }
}

fn differ(place: &str, expected: &Value, actual: &Value) -> String {
    format!("{place}: expected {}, found {}", shortened(expected), shortened(actual))
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_stand_for_the_same_text_everywhere() {
        let same =
            |expected: Value, actual: Value| Matcher::default().compare("", &expected, &actual).is_ok();
        assert!(same(json!({"a": "<any:x>", "b": "id-<any:x>!"}), json!({"a": null, "b": "id-7!"})));
        assert!(same(json!(["<uuid:1>", "x<uuid:1>x"]), json!(["u", "xux"])));
        assert!(!same(json!(["<uuid:1>", "x<uuid:1>x"]), json!(["u", "xvx"])));
        assert!(!same(json!("<uuid:1>"), json!("")));
        assert!(same(json!("a < b > c"), json!("a < b > c")));
        assert!(same(json!(["<<token>:1>", "<<token>:1>!"]), json!(["t", "t!"])));
    }

    #[test]
    fn a_value_matches_the_text_that_holds_it() {
        let same =
            |expected: Value, actual: Value| Matcher::default().compare("", &expected, &actual).is_ok();
        assert!(same(json!({"a": 1.0}), json!("{\"a\": 1}")));
        assert!(same(json!("[1,2]"), json!("[1, 2]")));
        assert!(!same(json!({"a": 1}), json!("{\"a\":1,\"b\":2}")));
        assert!(same(json!({"a": 1}), json!({"a": 1, "SdkHttpMetadata": {}})));
        assert!(!same(json!("1"), json!("2")));
    }

    #[test]
    fn order_can_be_left_open() {
        let mut matcher = Matcher::default();
        assert!(matcher.compare_unordered("", &[json!("<a>"), json!(2)], &[json!(2), json!("x")]).is_ok());
        assert!(matcher.compare_unordered("", &[json!("<a>")], &[json!("y")]).is_err());
    }
}
