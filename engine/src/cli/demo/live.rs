//! What is seen of the sagas while they run: on a terminal a line each that changes, elsewhere a line for
//! everything that happens, without any control character.

use std::time::Duration;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stepwell_proto::v1::ExecutionStatus;

use super::super::output::{Output, printable};
use super::super::status;
use super::summary::{BAD, GOOD, UNDONE, title};
use crate::demo::{News, Scenario, Trace, Visit, undoes};

const RUNNING: Style = AnsiColor::Cyan.on_default();

/// Between two pictures of what spins.
const TICK: Duration = Duration::from_millis(80);

/// Where the sagas are watched.
pub(super) enum Live {
    /// On a terminal: a line for each saga.
    Lines(Vec<(Scenario, ProgressBar)>),
    /// Elsewhere.
    Log(Output),
    /// Nobody reads along.
    Unseen,
}

impl Live {
    pub(super) fn new(output: Output, watched: bool) -> Self {
        if watched {
            let lines = MultiProgress::new();
            return Self::Lines(Scenario::ALL.map(|scenario| (scenario, line(&lines, scenario))).into());
        }
        if output.is_json() { Self::Unseen } else { Self::Log(output) }
    }

    /// Shows what a saga has just done.
    pub(super) fn tell(&self, scenario: Scenario, trace: &Trace, news: News) {
        match self {
            Self::Lines(lines) => {
                if let Some((_, line)) = lines.iter().find(|(one, _)| *one == scenario) {
                    show(line, trace, news);
                }
            }
            Self::Log(output) => {
                if let Some(text) = log(trace, news) {
                    // A reader that went away is noticed when the summary is written.
                    let _ = output.text(format_args!("  {:16}{text}", title(scenario)));
                }
            }
            Self::Unseen => {}
        }
    }

    /// Leaves the terminal to what comes next, below the lines.
    pub(super) fn end(self) {
        if matches!(self, Self::Lines(_)) {
            anstream::eprintln!();
        }
    }
}

fn line(lines: &MultiProgress, scenario: Scenario) -> ProgressBar {
    let line = lines.add(ProgressBar::new_spinner());
    set_template(&line, "{spinner} {prefix:16}{wide_msg}");
    line.set_prefix(title(scenario));
    line.enable_steady_tick(TICK);
    line
}

fn set_template(line: &ProgressBar, template: &str) {
    // They are all written here, and right.
    if let Ok(style) = ProgressStyle::with_template(template) {
        line.set_style(style);
    }
}

/// The states so far, a symbol each, and the name of the one it is in, or how it ended.
fn show(line: &ProgressBar, trace: &Trace, news: News) {
    /// Room for the symbols.
    const SYMBOLS: usize = 7;
    let symbols: String = trace.visits.iter().map(symbol).collect();
    let blanks = " ".repeat(SYMBOLS.saturating_sub(trace.visits.len()));
    if let News::Ended(status) = news {
        let (style, mark) = if status == ExecutionStatus::Succeeded { (GOOD, "✓") } else { (BAD, "✗") };
        set_template(
            line,
            &format!("{} {{prefix:16}}{{wide_msg}}", colored(&format!("{style}{mark}{style:#}"))),
        );
        line.finish_with_message(colored(&format!("{symbols}{blanks}{}", ending(trace, status))));
    } else {
        let current = trace.visits.last().filter(|visit| !visit.left).map(|visit| visit.state.as_str());
        line.set_message(colored(&format!("{symbols}{blanks}{}", current.unwrap_or_default())));
    }
}

/// How a saga ended, in a few words.
fn ending(trace: &Trace, status: ExecutionStatus) -> String {
    let undone: Vec<_> = trace.visits.iter().filter(|visit| undoes(&visit.state)).collect();
    match trace.error() {
        _ if status != ExecutionStatus::Succeeded => format!("{BAD}{}{BAD:#}", status::name(status)),
        None => format!("all {} steps done", trace.visits.len()),
        Some(error) if undone.is_empty() => format!("{error}, nothing to undo"),
        Some(error) => format!("{error}, {UNDONE}compensated{UNDONE:#} in {} steps", undone.len()),
    }
}

fn symbol(visit: &Visit) -> String {
    let (style, symbol) = match visit {
        Visit { failure: Some(_), .. } => (BAD, "✗"),
        Visit { left: false, .. } => (RUNNING, "●"),
        Visit { state, .. } if undoes(state) => (UNDONE, "↩"),
        Visit { .. } => (GOOD, "✓"),
    };
    format!("{style}{symbol}{style:#}")
}

/// A line of the log.
fn log(trace: &Trace, news: News) -> Option<String> {
    let visit = trace.visits.last()?;
    let state = &visit.state;
    match (news, &visit.failure) {
        (News::Entered, _) => Some(format!("{} {state}", if undoes(state) { "↩" } else { "→" })),
        (News::Failed, Some((error, cause))) => Some(format!("✗ {state}: {error} ({})", printable(cause))),
        (News::Ended(status), _) => {
            Some(format!("= {}", anstream::adapter::strip_str(&ending(trace, status))))
        }
        (News::Failed | News::Left, _) => None,
    }
}

/// Without its colours where stderr takes none.
fn colored(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => text.to_owned(),
    }
}
