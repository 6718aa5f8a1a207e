//! Payload templates in a definition: compiled, and checked for what their author may have overlooked.

use std::borrow::Cow;

use super::fields::{Cursor, shortened};
use super::{Code, Diagnostic, lint, locate};
use crate::eval::PayloadTemplate;

/// Compiles the template and reports what is wrong with it.
pub(super) fn parse(template: &Cursor<'_>) -> PayloadTemplate {
    check_members(template);
    let (compiled, problems) = PayloadTemplate::parse(template.value);
    for problem in problems {
        let code = Code::InvalidTemplate;
        let help = match &problem.syntax {
            Some(syntax) => Cow::Owned(format!("{syntax}; {}", code.help())),
            None => Cow::Borrowed(code.help()),
        };
        let member = problem.object.clone() + &locate::pointer([problem.field.as_str()]);
        let too_long = member.len() > locate::POINTER_BYTES_MAX;
        let pointer = template.pointer() + if too_long { "" } else { &member };
        template.reading.report(Diagnostic::new(code, pointer, problem.to_string(), help));
    }
    compiled
}

/// Looks at every member at any depth. Two that differ only in their `.$` would become the same one.
fn check_members(value: &Cursor<'_>) {
    for (name, member) in value.members() {
        match name.strip_suffix(".$") {
            Some(plain) if value.member(plain).is_some() => {
                let name = shortened(plain);
                member.report(
                    Code::DuplicateKey,
                    format!("expected one of '{name}' and '{name}.$', found both"),
                );
            }
            Some(_) => {}
            None => lint::no_dollar(&member),
        }
        check_members(&member);
    }
    value.elements().for_each(|element| check_members(&element));
}
