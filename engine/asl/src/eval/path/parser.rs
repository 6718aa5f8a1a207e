//! The grammar of paths, read by recursive descent. Only filters and lists recurse, and a counter stops
//! them at [`DEPTH_MAX`].

use serde_json::Value;

use super::filter::{self, Operand, Operator, Origin, Predicate};
use super::{DEPTH_MAX, Path, Query, Root, Step, TEXT_BYTES_MAX};
use crate::eval::SyntaxError;
use crate::eval::cursor::Cursor;

/// Reads a path that is the whole text. Blanks behind it are ignored, as Jayway does.
pub(super) fn parse(text: &str) -> Result<Path, SyntaxError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SyntaxError {
            position: TEXT_BYTES_MAX,
            expected: format!("a path of at most {TEXT_BYTES_MAX} bytes"),
            found: format!("{} bytes", text.len()),
        });
    }
    let mut parser = Parser::new(text);
    let path = parser.path()?;
    parser.cursor.skip_blanks();
    if !parser.cursor.at_end() {
        return Err(parser.cursor.expected("'.', '[' or the end of the path"));
    }
    Ok(path)
}

/// Reads the path that a text starts with. One longer than [`TEXT_BYTES_MAX`] ends there, in the middle of
/// what the reader of the text then finds unexpected.
pub(super) fn parse_start(text: &str) -> Result<Path, SyntaxError> {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    Parser::new(text.get(..end).unwrap_or_default()).path()
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    /// Filters, parentheses, negations and lists that are open.
    depth: usize,
    /// Whether a bare name also ends at an operator.
    in_filter: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { cursor: Cursor::new(text), depth: 0, in_filter: false }
    }

    fn path(&mut self) -> Result<Path, SyntaxError> {
        let root = self.root()?;
        let query = self.query()?;
        Ok(Path { text: self.cursor.read().into(), root, query })
    }

    fn root(&mut self) -> Result<Root, SyntaxError> {
        self.cursor.expect("$")?;
        if self.cursor.take("$") {
            return Ok(Root::Context);
        }
        if !self.cursor.peek().is_some_and(|c| c.is_alphabetic() || c == '_') {
            return Ok(Root::Input);
        }
        Ok(Root::Variable(self.cursor.take_while(|c| c.is_alphanumeric() || c == '_').into()))
    }

    /// Reads steps up to the first character that cannot belong to the path.
    fn query(&mut self) -> Result<Query, SyntaxError> {
        let mut query = Query::default();
        loop {
            if self.cursor.take("..") {
                query.steps.push(Step::Descend);
                let step = if self.cursor.take("[") { self.bracket()? } else { self.bare_step()? };
                query.steps.push(step);
            } else if self.cursor.take(".[") || self.cursor.take("[") {
                let step = self.bracket()?;
                query.steps.push(step);
            } else if self.cursor.take(".length()") {
                query.length = true;
                return Ok(query);
            } else if self.cursor.take(".") {
                let step = self.bare_step()?;
                query.steps.push(step);
            } else {
                return Ok(query);
            }
        }
    }

    /// `*` or a bare name, the dot before it read already.
    fn bare_step(&mut self) -> Result<Step, SyntaxError> {
        let in_filter = self.in_filter;
        let name = self.cursor.take_while(|c| !ends_bare_name(c, in_filter));
        if name.is_empty() {
            return Err(self.cursor.expected("a member's name, '*' or '['"));
        }
        if self.cursor.peek() == Some('(') {
            return Err(self.cursor.expected("no function but a closing .length()"));
        }
        Ok(if name == "*" { Step::Wildcard } else { Step::Member(name.into()) })
    }

    /// What stands in brackets, the opening one read already.
    fn bracket(&mut self) -> Result<Step, SyntaxError> {
        self.cursor.skip_blanks();
        let step = match self.cursor.peek() {
            Some('*') => {
                self.cursor.next();
                Step::Wildcard
            }
            Some('\'' | '"') => self.names()?,
            Some('?') => {
                self.cursor.next();
                self.filter()?
            }
            Some('(') => self.index_from_the_end()?,
            Some('-' | ':' | '0'..='9') => self.indexes()?,
            _ => return Err(self.cursor.expected("a quoted name, an index, '*', ':' or '?'")),
        };
        self.cursor.skip_blanks();
        self.cursor.expect("]")?;
        Ok(step)
    }

    fn names(&mut self) -> Result<Step, SyntaxError> {
        let mut names = Vec::new();
        loop {
            self.cursor.skip_blanks();
            let delimiter = self.cursor.peek();
            let Some(delimiter @ ('\'' | '"')) = delimiter else {
                return Err(self.cursor.expected("a quoted name"));
            };
            self.cursor.next();
            names.push(unescape(self.cursor.quoted(delimiter)?, delimiter).into_boxed_str());
            self.cursor.skip_blanks();
            if !self.cursor.take(",") {
                break;
            }
        }
        Ok(match <[Box<str>; 1]>::try_from(names) {
            Ok([name]) => Step::Member(name),
            Err(names) => Step::Members(names),
        })
    }

    fn indexes(&mut self) -> Result<Step, SyntaxError> {
        let from = if self.cursor.peek() == Some(':') { None } else { Some(self.integer()?) };
        self.cursor.skip_blanks();
        if self.cursor.take(":") {
            self.cursor.skip_blanks();
            let to = if self.cursor.peek() == Some(']') { None } else { Some(self.integer()?) };
            return Ok(Step::Slice { from, to });
        }
        let mut indexes: Vec<i64> = from.into_iter().collect();
        while self.cursor.take(",") {
            self.cursor.skip_blanks();
            indexes.push(self.integer()?);
            self.cursor.skip_blanks();
        }
        Ok(match indexes.as_slice() {
            [index] => Step::Index(*index),
            _ => Step::Indexes(indexes),
        })
    }

    /// `(@.length-1)`, the one script that definitions in the wild contain: the last element.
    fn index_from_the_end(&mut self) -> Result<Step, SyntaxError> {
        self.cursor.expect("(@.length")?;
        self.cursor.take("()");
        self.cursor.skip_blanks();
        self.cursor.expect("-")?;
        self.cursor.skip_blanks();
        let back = self.integer()?;
        self.cursor.skip_blanks();
        self.cursor.expect(")")?;
        Ok(Step::Index(back.saturating_neg()))
    }

    fn integer(&mut self) -> Result<i64, SyntaxError> {
        let start = self.cursor.position();
        let sign = if self.cursor.take("-") { "-" } else { "" };
        let digits = self.cursor.take_while(|c| c.is_ascii_digit());
        format!("{sign}{digits}").parse().map_err(|_| SyntaxError {
            position: start,
            expected: "an index".to_owned(),
            found: if digits.is_empty() { "no digit".to_owned() } else { format!("'{sign}{digits}'") },
        })
    }

    /// `(…)` behind `[?`.
    fn filter(&mut self) -> Result<Step, SyntaxError> {
        self.cursor.skip_blanks();
        self.cursor.expect("(")?;
        let outer = std::mem::replace(&mut self.in_filter, true);
        let predicate = self.parenthesised()?;
        self.in_filter = outer;
        Ok(Step::Filter(predicate))
    }

    /// A predicate and its closing parenthesis.
    fn parenthesised(&mut self) -> Result<Predicate, SyntaxError> {
        self.enter()?;
        let predicate = self.any()?;
        self.cursor.skip_blanks();
        self.cursor.expect(")")?;
        self.depth -= 1;
        Ok(predicate)
    }

    fn enter(&mut self) -> Result<(), SyntaxError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.cursor.expected(&format!("a filter nested at most {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        Ok(())
    }

    fn any(&mut self) -> Result<Predicate, SyntaxError> {
        let mut parts = vec![self.all()?];
        while self.take_operator("||") {
            parts.push(self.all()?);
        }
        Ok(Predicate::Any(parts))
    }

    fn all(&mut self) -> Result<Predicate, SyntaxError> {
        let mut parts = vec![self.term()?];
        while self.take_operator("&&") {
            parts.push(self.term()?);
        }
        Ok(Predicate::All(parts))
    }

    fn take_operator(&mut self, operator: &str) -> bool {
        self.cursor.skip_blanks();
        self.cursor.take(operator)
    }

    fn term(&mut self) -> Result<Predicate, SyntaxError> {
        self.cursor.skip_blanks();
        if self.cursor.take("(") {
            return self.parenthesised();
        }
        if self.cursor.take("!") {
            self.enter()?;
            let negated = self.term()?;
            self.depth -= 1;
            return Ok(Predicate::Not(Box::new(negated)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Predicate, SyntaxError> {
        let left = self.operand()?;
        self.cursor.skip_blanks();
        if self.cursor.take("=~") {
            self.cursor.skip_blanks();
            return Ok(Predicate::Matches { left, pattern: self.pattern()? });
        }
        if let Some(operator) = self.operator() {
            self.cursor.skip_blanks();
            let right = self.operand()?;
            return Ok(Predicate::Compare { left, operator, right });
        }
        match left {
            Operand::Query(origin, query) => Ok(Predicate::Exists(origin, query)),
            Operand::Literal(_) => Err(self.cursor.expected("a comparison")),
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        // Longer signs first: '<=' starts with '<'.
        if let Some((_, operator)) = filter::SIGNS.iter().find(|(sign, _)| self.cursor.take(sign)) {
            return Some(*operator);
        }
        let rest = self.cursor.rest();
        let word = rest.get(..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()))?;
        let (_, operator) = filter::WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
        self.cursor.take(word);
        Some(*operator)
    }

    fn operand(&mut self) -> Result<Operand, SyntaxError> {
        let origin = match self.cursor.peek() {
            Some('@') => Origin::Current,
            Some('$') => Origin::Document,
            _ => return Ok(Operand::Literal(self.literal()?)),
        };
        self.cursor.next();
        Ok(Operand::Query(origin, self.query()?))
    }

    /// A text, a number, a list, or a word. Words other than `true`, `false` and `null` are texts: the
    /// service accepts `[?(@.Type==TOTAL)]`.
    fn literal(&mut self) -> Result<Value, SyntaxError> {
        match self.cursor.peek() {
            Some(delimiter @ ('\'' | '"')) => {
                self.cursor.next();
                Ok(Value::String(unescape(self.cursor.quoted(delimiter)?, delimiter)))
            }
            Some('-' | '0'..='9') => self.cursor.number().map(Value::Number),
            Some('[') => self.list(),
            Some(first) if first.is_alphabetic() || first == '_' => {
                let word = self.cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
                Ok(match word {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    "null" => Value::Null,
                    _ => Value::String(word.to_owned()),
                })
            }
            _ => Err(self.cursor.expected("'@', '$' or a literal")),
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        self.enter()?;
        self.cursor.expect("[")?;
        self.cursor.skip_blanks();
        let mut elements = Vec::new();
        while !self.cursor.take("]") {
            if !elements.is_empty() {
                self.cursor.expect(",")?;
                self.cursor.skip_blanks();
            }
            elements.push(self.literal()?);
            self.cursor.skip_blanks();
        }
        self.depth -= 1;
        Ok(Value::Array(elements))
    }

    /// `/…/` and its flags.
    fn pattern(&mut self) -> Result<regex::Regex, SyntaxError> {
        let start = self.cursor.position();
        self.cursor.expect("/")?;
        let source = self.cursor.quoted('/')?;
        let flags = self.cursor.take_while(|c| c.is_ascii_alphabetic());
        filter::pattern(&source.replace("\\/", "/"), flags).map_err(|found| SyntaxError {
            position: start,
            expected: "a regular expression".to_owned(),
            found,
        })
    }
}

/// Where a name in dot form stops. Anything else may stand in it: `$.detail-type`, `$.${Attribute}`.
fn ends_bare_name(c: char, in_filter: bool) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '.' | '[' | ']' | '(' | ')' | ',' | '\'' | '"')
        || (in_filter && matches!(c, '=' | '<' | '>' | '!' | '~' | '&' | '|'))
}

/// Takes the backslash from an escaped delimiter and an escaped backslash before one. Any other backslash is
/// a character like the rest: the service finds the member `a\"` by `$['a\"']`.
fn unescape(written: &str, delimiter: char) -> String {
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&next)) if next == delimiter || next == '\\' => {
                text.push(next);
                characters.next();
            }
            _ => text.push(c),
        }
    }
    text
}
