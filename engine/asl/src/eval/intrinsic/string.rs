//! `States.Format` and `States.StringSplit`.

use std::fmt::Write as _;

use serde_json::Value;

use super::arguments::Arguments;

/// The template with each `{}` replaced by the next argument. `\{`, `\}`, `\'` and `\\` stand for the second
/// character; any other backslash, which only a template from a path can hold, for itself.
pub(super) fn format(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let mut text = String::new();
    let mut used = 0;
    let mut characters = arguments.text(0)?.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&escaped @ ('{' | '}' | '\'' | '\\'))) => {
                characters.next();
                text.push(escaped);
            }
            ('{', Some('}')) => {
                characters.next();
                used += 1;
                if used < arguments.len() {
                    write_plain(arguments.any(used)?, &mut text);
                }
                if text.len() > arguments.bytes_left() {
                    return Err("expected a shorter text, found more than may be copied".to_owned());
                }
            }
            ('{', _) => return Err("matching '}' not found for '{'".to_owned()),
            _ => text.push(c),
        }
    }
    let given = arguments.len().saturating_sub(1);
    if used != given {
        return Err(format!("expected as many arguments as occurrences of {{}}, found {given} for {used}"));
    }
    Ok(Value::String(text))
}

/// Writes a value as the service does: texts bare at any depth, objects as `{name=value}`.
fn write_plain(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => text.push_str(string),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = write!(text, "{value}");
        }
        Value::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                write_plain(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                text.push_str(name);
                text.push('=');
                write_plain(member, text);
            }
            text.push('}');
        }
    }
}

/// The pieces between separators, of which every character of the second text is one. Empty pieces are
/// dropped.
pub(super) fn split(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let (text, separators) = (arguments.text(0)?, arguments.text(1)?);
    let separators: std::collections::BTreeSet<char> = separators.chars().collect();
    Ok(text.split(|c| separators.contains(&c)).filter(|piece| !piece.is_empty()).collect())
}
