//! Places in a definition's text: where a JSON Pointer stands, and which keys stand twice.
//!
//! The parsed tree knows neither, so the text is walked once more, in linear time and without recursion.
//! A member stands where its key starts, an element where its value starts. Works on text that a JSON parser
//! has accepted; on any other text it finds wrong places but does not fail.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

/// A place in a text, counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A key that an object has had before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DuplicateKey {
    pub(super) pointer: String,
    pub(super) position: Position,
}

/// Longest JSON Pointer in bytes. Every finding carries one, and keys may be as long as the text.
pub(super) const POINTER_BYTES_MAX: usize = 4 * 1024;

/// The JSON Pointer of these tokens from the root on, escaped as RFC 6901 asks. Where it would grow too long
/// it is the pointer of the deepest ancestor that fits.
pub(super) fn pointer<'t>(tokens: impl IntoIterator<Item = &'t str>) -> String {
    let mut pointer = String::new();
    for token in tokens {
        if pointer.len() + token.len() >= POINTER_BYTES_MAX {
            break;
        }
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// Where each of the pointers stands; `None` for one that leads nowhere.
pub(super) fn positions(text: &str, pointers: &[&str]) -> Vec<Option<Position>> {
    let mut wanted = Wanted::new(pointers);
    let mut offsets = vec![None; pointers.len()];
    let start = text.len() - text.trim_start().len();
    wanted.found(Some(Wanted::ROOT), start, &mut offsets);
    let mut stack: Vec<Option<usize>> = Vec::new();
    let mut current = Some(Wanted::ROOT);
    walk(text, |event| match event {
        Event::Step(token, offset) => {
            current = stack.last().copied().flatten().and_then(|node| wanted.child(node, &token));
            wanted.found(current, offset, &mut offsets);
        }
        Event::Open { .. } => stack.push(current),
        Event::Close => current = stack.pop().flatten(),
    });
    resolve(text, &offsets)
}

/// The keys that stand twice in one object, at most `limit` of them.
pub(super) fn duplicate_keys(text: &str, limit: usize) -> Vec<DuplicateKey> {
    let mut path: Vec<Cow<'_, str>> = Vec::new();
    // The keys so far of every open object; an open array has none.
    let mut seen: Vec<Option<FxHashSet<Cow<'_, str>>>> = Vec::new();
    let mut found: Vec<(String, usize)> = Vec::new();
    walk(text, |event| match event {
        Event::Step(token, offset) => {
            path.truncate(seen.len().saturating_sub(1));
            let keys = seen.last_mut().and_then(Option::as_mut);
            let repeated = keys.is_some_and(|keys| !keys.insert(token.clone()));
            path.push(token);
            if repeated && found.len() < limit {
                found.push((pointer(path.iter().map(AsRef::as_ref)), offset));
            }
        }
        Event::Open { object } => seen.push(object.then(FxHashSet::default)),
        Event::Close => {
            seen.pop();
            path.truncate(seen.len());
        }
    });
    let offsets: Vec<_> = found.iter().map(|(_, offset)| Some(*offset)).collect();
    let places = resolve(text, &offsets);
    found
        .into_iter()
        .zip(places)
        .filter_map(|((pointer, _), place)| Some(DuplicateKey { pointer, position: place? }))
        .collect()
}

/// The wanted pointers as a tree of their tokens, so that the walk compares one token at a time.
struct Wanted {
    children: FxHashMap<(usize, String), usize>,
    /// For each node, the pointers that end there.
    ends: Vec<Vec<usize>>,
}

impl Wanted {
    const ROOT: usize = 0;

    fn new(pointers: &[&str]) -> Self {
        let mut wanted = Self { children: FxHashMap::default(), ends: vec![Vec::new()] };
        for (index, pointer) in pointers.iter().enumerate() {
            let mut node = Self::ROOT;
            for token in pointer.split('/').skip(1) {
                let token = token.replace("~1", "/").replace("~0", "~");
                let next = wanted.ends.len();
                node = *wanted.children.entry((node, token)).or_insert(next);
                if node == next {
                    wanted.ends.push(Vec::new());
                }
            }
            if let Some(ends) = wanted.ends.get_mut(node) {
                ends.push(index);
            }
        }
        wanted
    }

    fn child(&self, node: usize, token: &str) -> Option<usize> {
        self.children.get(&(node, token.to_owned())).copied()
    }

    /// Notes the offset for all pointers that end at the node. Of a key that stands twice the last counts,
    /// as it does for the parser.
    fn found(&mut self, node: Option<usize>, offset: usize, offsets: &mut [Option<usize>]) {
        for &index in node.and_then(|node| self.ends.get(node)).into_iter().flatten() {
            if let Some(slot) = offsets.get_mut(index) {
                *slot = Some(offset);
            }
        }
    }
}

/// Turns byte offsets into lines and columns, in one sweep over the text.
fn resolve(text: &str, offsets: &[Option<usize>]) -> Vec<Option<Position>> {
    let mut order: Vec<(usize, usize)> =
        offsets.iter().enumerate().filter_map(|(index, offset)| Some(((*offset)?, index))).collect();
    order.sort_unstable();
    let mut resolved = vec![None; offsets.len()];
    let mut pending = order.into_iter().peekable();
    let mut position = Position { line: 1, column: 1 };
    for (offset, character) in text.char_indices() {
        while let Some((_, index)) = pending.next_if(|(wanted, _)| *wanted <= offset) {
            if let Some(slot) = resolved.get_mut(index) {
                *slot = Some(position);
            }
        }
        if pending.peek().is_none() {
            break;
        }
        position = match character {
            '\n' => Position { line: position.line + 1, column: 1 },
            _ => Position { line: position.line, column: position.column + 1 },
        };
    }
    resolved
}

/// What a walk meets: a member or an element at a byte offset, and the brackets around them.
enum Event<'t> {
    /// The key of a member, or the index of an element. What it holds follows.
    Step(Cow<'t, str>, usize),
    Open {
        object: bool,
    },
    Close,
}

/// Walks a JSON text from left to right.
fn walk<'t>(text: &'t str, mut visit: impl FnMut(Event<'t>)) {
    /// An object that waits for a key or for a value, or an array at an index.
    enum Frame {
        Key,
        Value,
        Element(usize),
    }
    let bytes = text.as_bytes();
    let mut stack: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let starts_value = !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'}' | b']');
        if let (true, Some(Frame::Element(index))) = (starts_value, stack.last()) {
            visit(Event::Step(Cow::Owned(index.to_string()), at));
        }
        let mut end = at + 1;
        match byte {
            b'{' => {
                visit(Event::Open { object: true });
                stack.push(Frame::Key);
            }
            b'[' => {
                visit(Event::Open { object: false });
                stack.push(Frame::Element(0));
            }
            b'}' | b']' => {
                visit(Event::Close);
                stack.pop();
            }
            b',' => match stack.last_mut() {
                Some(Frame::Element(index)) => *index += 1,
                Some(frame) => *frame = Frame::Key,
                None => {}
            },
            b'"' => {
                end = string_end(bytes, at);
                if let Some(frame @ Frame::Key) = stack.last_mut() {
                    *frame = Frame::Value;
                    visit(Event::Step(unquoted(text, at, end), at));
                }
            }
            _ if starts_value => end = literal_end(bytes, at),
            _ => {}
        }
        at = end;
    }
}

/// The offset behind the closing quote of the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The offset behind a number, `true`, `false` or `null`.
fn literal_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length =
        rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}' | b']'));
    start + length.unwrap_or(rest.len()).max(1)
}

/// What a quoted key says.
fn unquoted(text: &str, start: usize, end: usize) -> Cow<'_, str> {
    let inner = text.get(start + 1..end.saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let decoded = text.get(start..end).and_then(|quoted| serde_json::from_str::<String>(quoted).ok());
    decoded.map_or(Cow::Borrowed(inner), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, pointer: &str) -> Option<(usize, usize)> {
        positions(text, &[pointer])[0].map(|position| (position.line, position.column))
    }

    #[test]
    fn finds_members_and_elements() {
        let text =
            "\n{ \"a\": [1, {\"b\":\n  true}, \"ü\", [2]],\n  \"c/d\": {\"~\": null}, \"\\u0065\": 1 }";
        for (pointer, expected) in [
            ("", Some((2, 1))),
            ("/a", Some((2, 3))),
            ("/a/0", Some((2, 9))),
            ("/a/1", Some((2, 12))),
            ("/a/1/b", Some((2, 13))),
            ("/a/2", Some((3, 10))),
            ("/a/3", Some((3, 15))),
            ("/a/3/0", Some((3, 16))),
            ("/c~1d", Some((4, 3))),
            ("/c~1d/~0", Some((4, 11))),
            ("/e", Some((4, 23))),
            ("/a/4", None),
            ("/b", None),
        ] {
            assert_eq!(at(text, pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn finds_keys_that_stand_twice() {
        let found = |text| {
            duplicate_keys(text, 9)
                .into_iter()
                .map(|key| (key.pointer, key.position.line, key.position.column))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(r#"{"a":{"b":1},"b":{"b":2,"c":[{"b":1},{"b":2}]}}"#), []);
        assert_eq!(
            found("{\"a\":[{},{\"x\":1,\n\"x\":{\"y\":1}}],\"b\":1,\"a\":2}"),
            [("/a/1/x".to_owned(), 2, 1), ("/a".to_owned(), 2, 21),]
        );
        assert_eq!(found(r#"{"a":1,"\u0061":2}"#), [("/a".to_owned(), 1, 8)]);
    }

    #[test]
    fn survives_text_that_is_not_json() {
        for text in ["", "\"", "\"\\", "}{][", "{\"a\"", "[,,", "{\"a\":\u{7f}é"] {
            let _ = positions(text, &["/a", "/0", ""]);
            let _ = duplicate_keys(text, 3);
        }
    }
}
