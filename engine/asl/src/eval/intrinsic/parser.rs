//! The grammar of calls: `States.Name(argument, …)`, an argument being a text in single quotes, a number,
//! `true`, `false`, `null`, a path or another call.

use serde_json::Value;

use super::arguments::Kind;
use super::function::Function;
use super::{Argument, Call, DEPTH_MAX, TEXT_BYTES_MAX};
use crate::eval::cursor::Cursor;
use crate::eval::{Path, SyntaxError};

/// Reads a call that is the whole text.
pub(super) fn parse(text: &str) -> Result<Call, SyntaxError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SyntaxError {
            position: TEXT_BYTES_MAX,
            expected: format!("a function call of at most {TEXT_BYTES_MAX} bytes"),
            found: format!("{} bytes", text.len()),
        });
    }
    let mut parser = Parser { cursor: Cursor::new(text), depth: 0 };
    let call = parser.call()?;
    parser.cursor.skip_blanks();
    if !parser.cursor.at_end() {
        return Err(parser.cursor.expected("the end of the function call"));
    }
    Ok(call)
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    /// Calls that are open.
    depth: usize,
}

impl Parser<'_> {
    fn call(&mut self) -> Result<Call, SyntaxError> {
        let start = self.cursor.position();
        let name = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
        let function = Function::named(name).ok_or_else(|| SyntaxError {
            position: start,
            expected: "a JSONPath or the name of an intrinsic function".to_owned(),
            found: if name.is_empty() { "neither".to_owned() } else { format!("'{name}'") },
        })?;
        if self.depth >= DEPTH_MAX {
            return Err(self.cursor.expected(&format!("calls nested at most {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        self.cursor.expect("(")?;
        let arguments = self.arguments(function)?;
        self.depth -= 1;
        Ok(Call { function, arguments })
    }

    /// The arguments and the closing parenthesis.
    fn arguments(&mut self, function: Function) -> Result<Vec<Argument>, SyntaxError> {
        let signature = function.signature();
        let mut arguments = Vec::new();
        self.cursor.skip_blanks();
        while !self.cursor.take(")") {
            if !arguments.is_empty() {
                if !self.cursor.take(",") {
                    return Err(self.cursor.expected("',' or ')'"));
                }
                self.cursor.skip_blanks();
            }
            if arguments.len() >= signature.takes.len() && !signature.variadic {
                return Err(self.cursor.expected(&signature.arity()));
            }
            let kind = signature.takes.get(arguments.len()).copied().unwrap_or(Kind::Any);
            let template = function == Function::Format && arguments.is_empty();
            arguments.push(self.argument(kind, template)?);
            self.cursor.skip_blanks();
        }
        if arguments.len() < signature.required {
            return Err(SyntaxError {
                position: self.cursor.position(),
                expected: signature.arity(),
                found: arguments.len().to_string(),
            });
        }
        Ok(arguments)
    }

    fn argument(&mut self, kind: Kind, template: bool) -> Result<Argument, SyntaxError> {
        let start = self.cursor.position();
        let literal = match self.cursor.peek() {
            Some('$') => return self.path().map(Argument::Path),
            Some('\'') => {
                self.cursor.next();
                Value::String(self.text(template)?)
            }
            Some('-' | '0'..='9') => Value::Number(self.cursor.number()?),
            _ if self.cursor.take("true") => Value::Bool(true),
            _ if self.cursor.take("false") => Value::Bool(false),
            _ if self.cursor.take("null") => Value::Null,
            Some('S') => return self.call().map(Argument::Call),
            _ => {
                return Err(self
                    .cursor
                    .expected("a string in single quotes, a number, a path or a function call"));
            }
        };
        if !kind.accepts(&literal) {
            return Err(SyntaxError {
                position: start,
                expected: kind.name().to_owned(),
                found: literal.to_string(),
            });
        }
        Ok(Argument::Literal(literal))
    }

    fn path(&mut self) -> Result<Path, SyntaxError> {
        let start = self.cursor.position();
        let path = Path::parse_argument(self.cursor.rest())
            .map_err(|error| SyntaxError { position: start + error.position, ..error })?;
        self.cursor.skip(path.to_string().len());
        Ok(path)
    }

    /// A text up to its closing quote. A backslash that escapes nothing is refused, as the service does. The
    /// template of `States.Format` keeps its escapes: there an escaped brace differs from a bare one.
    fn text(&mut self, template: bool) -> Result<String, SyntaxError> {
        let start = self.cursor.position();
        let written = self.cursor.quoted('\'')?;
        let mut text = String::with_capacity(written.len());
        let mut characters = written.char_indices();
        while let Some((at, c)) = characters.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match characters.next() {
                Some((_, escaped @ ('\'' | '\\' | '{' | '}'))) => text.push(escaped),
                other => {
                    return Err(SyntaxError {
                        position: start + at,
                        expected: r"one of \' \\ \{ \}".to_owned(),
                        found: other.map_or_else(|| "'\\'".to_owned(), |(_, c)| format!("'\\{c}'")),
                    });
                }
            }
        }
        Ok(if template { written.to_owned() } else { text })
    }
}
