//! `stepwell validate`: everything that is wrong with definitions, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};
use stepwell_asl::definition::{Definition, Diagnostic};

use super::diagnostic;
use super::error::Error;
use super::exit::Exit;
use super::output::Output;

/// What to check.
#[derive(Args)]
pub(super) struct Arguments {
    /// Files with a definition each
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The same as --output json
    #[arg(long)]
    json: bool,
}

/// A file that was read, and what there is to say about it.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Reads and parses a file.
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        let name = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(source) => {
                let (_, diagnostics) = Definition::parse(&source);
                Ok(Self { name, source, diagnostics })
            }
            Err(error) => Err(Error::Unreadable { name, error }),
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        diagnostic::is_valid(&self.diagnostics)
    }

    /// The diagnostics as compilers show theirs, one below the other.
    pub(super) fn text(&self) -> String {
        let shown = self.diagnostics.iter().map(|one| diagnostic::text(one, &self.name, &self.source));
        shown.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn json(&self) -> Vec<Value> {
        self.diagnostics.iter().map(|one| diagnostic::json(one, &self.name)).collect()
    }

    fn verdict(&self) -> String {
        let (color, symbol, word) = match self.is_valid() {
            true => (AnsiColor::Green, '✓', "valid"),
            false => (AnsiColor::Red, '✗', "invalid"),
        };
        let style = Style::new().fg_color(Some(color.into())).bold();
        let count = diagnostic::count(&self.diagnostics);
        let count = if count.is_empty() { count } else { format!(": {count}") };
        format!("{style}{symbol}{style:#} {} is {word}{count}", self.name)
    }
}

/// The document for programs about all files, in the shape of AWS's ValidateStateMachineDefinition.
pub(super) fn document(checked: &[Checked]) -> Value {
    let result = |valid: bool| if valid { "OK" } else { "FAIL" };
    let files = checked.iter().map(|one| json!({ "file": one.name, "result": result(one.is_valid()) }));
    json!({
        "result": result(checked.iter().all(Checked::is_valid)),
        "diagnostics": checked.iter().flat_map(Checked::json).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
    })
}

pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<ExitCode> {
    let output = if arguments.json { Output::Json } else { output };
    let checked = arguments.files.iter().map(|file| Checked::read(file)).collect::<Result<Vec<_>, _>>()?;
    if output.is_json() {
        output.document(&document(&checked))?;
    } else {
        for one in &checked {
            if !one.diagnostics.is_empty() {
                output.text(one.text())?;
            }
            output.text(one.verdict())?;
        }
    }
    let valid = checked.iter().all(Checked::is_valid);
    Ok(if valid { Exit::Done } else { Exit::Failed }.into())
}
