//! Tables for people: columns without borders, so that `grep`, `awk` and eyes all cope.

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use super::output;

/// The narrowest terminal that tables are made to fit, in characters.
const WIDTH_MIN: u16 = 40;

/// An empty table with these columns. On a terminal it fits the width; elsewhere lines are never broken.
pub(super) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if output::is_colored(&std::io::stdout()) {
        table.enforce_styling();
    }
    // A terminal that says it is narrower than this does not know its width.
    if table.is_tty() && table.width().is_some_and(|width| width >= WIDTH_MIN) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(columns.iter().map(|column| Cell::new(column).add_attribute(Attribute::Dim)));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table
}

/// A cell that looks like this.
pub(super) fn cell(text: impl ToString, style: Style) -> Cell {
    match style.get_fg_color() {
        Some(anstyle::Color::Ansi(color)) => Cell::new(text).fg(of_table(color)),
        Some(anstyle::Color::Ansi256(_) | anstyle::Color::Rgb(_)) | None => Cell::new(text),
    }
}

fn of_table(color: AnsiColor) -> Color {
    match color {
        AnsiColor::Black | AnsiColor::BrightBlack => Color::DarkGrey,
        AnsiColor::Red | AnsiColor::BrightRed => Color::DarkRed,
        AnsiColor::Green | AnsiColor::BrightGreen => Color::DarkGreen,
        AnsiColor::Yellow | AnsiColor::BrightYellow => Color::DarkYellow,
        AnsiColor::Blue | AnsiColor::BrightBlue => Color::DarkBlue,
        AnsiColor::Magenta | AnsiColor::BrightMagenta => Color::DarkMagenta,
        AnsiColor::Cyan | AnsiColor::BrightCyan => Color::DarkCyan,
        AnsiColor::White | AnsiColor::BrightWhite => Color::Grey,
    }
}

/// The table's text, without the blanks at the ends of its lines.
pub(super) fn text(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
