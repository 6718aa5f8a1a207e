//! Where results go: stdout, as text for people or JSON for programs.
//!
//! Invariant: nothing else in the command line writes to stdout. A reader that goes away (`| head`) is an
//! error of its own kind here, and the end of the command, not a panic.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

/// For whom results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For programs: one JSON document, or one per line where results keep coming
    Json,
}

impl Output {
    pub(super) fn is_json(self) -> bool {
        self == Self::Json
    }

    /// Writes a line, or several, for people. Colours are dropped where stdout doesn't take them.
    pub(super) fn text(self, text: impl Display) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// Writes the one document of a command: indented on a terminal, else in one line.
    pub(super) fn document(self, value: &Value) -> io::Result<()> {
        if io::stdout().is_terminal() { self.text(format_args!("{value:#}")) } else { self.line(value) }
    }

    /// Writes one document of many.
    pub(super) fn line(self, value: &Value) -> io::Result<()> {
        self.text(value)
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it the rule for stdout and stderr.
    pub(super) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Whether what is written there may be coloured.
pub(super) fn is_colored(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// A text from elsewhere, fit for a terminal: line breaks become blanks and other control characters go, for
/// a cause may hold anything, escape sequences included.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|c| if c.is_whitespace() { Some(' ') } else { (!c.is_control()).then_some(c) })
        .collect()
}

/// The start of a text, when it is longer than so many characters.
pub(super) fn folded(text: &str, characters_max: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(printable("a\nb\x1b[31mc\t\u{7}d"), "a b[31mc d");
        assert_eq!(folded("ééééé", 5), "ééééé");
        assert_eq!(folded("éé ééé", 3), "éé…");
    }
}
