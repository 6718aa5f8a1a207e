//! `stepwell deploy`: stores a definition under a name.

use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::json;

use super::diagnostic;
use super::error::Error;
use super::exit::Exit;
use super::validate::{Checked, document};
use super::{Global, machines};

/// What to deploy.
#[derive(Args)]
pub(super) struct Arguments {
    /// A file with a definition
    file: PathBuf,
    /// The state machine's name; the file's name without .asl.json or .json, if not given
    #[arg(long)]
    name: Option<String>,
}

impl Arguments {
    fn machine(&self) -> Result<String, Error> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let file = self.file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = file.strip_suffix(".asl.json").or_else(|| file.strip_suffix(".json")).unwrap_or(file);
        let problem =
            |error| Error::Usage(format!("can't make a name of the file's: {error}; give one with --name"));
        crate::names::check_name(name).map_err(problem)?;
        Ok(name.to_owned())
    }
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let output = global.output;
    let name = arguments.machine()?;
    let checked = Checked::read(&arguments.file)?;
    if !checked.is_valid() {
        let (file, found) = (checked.name.clone(), diagnostic::count(&checked.diagnostics));
        if output.is_json() {
            output.document(&document(&[checked]))?;
        } else {
            output.text(checked.text())?;
        }
        return Err(Error::Invalid(format!("{file} has {found}; nothing was deployed")).into());
    }
    let deployed = global.client().await?.deploy(name, checked.source.clone()).await?;
    let machine = deployed.state_machine.unwrap_or_default();
    if output.is_json() {
        let mut document = machines::json(&machine);
        if let Some(members) = document.as_object_mut() {
            members.insert("diagnostics".to_owned(), json!(checked.json()));
        }
        output.document(&document)?;
    } else {
        if !checked.diagnostics.is_empty() {
            output.text(checked.text())?;
        }
        let good = Style::new().fg_color(Some(AnsiColor::Green.into())).bold();
        let (name, version) = (&machine.name, machine.revision);
        output.text(format_args!("{good}✓{good:#} deployed {name}, version {version}\n  {}", machine.arn))?;
    }
    Ok(Exit::Done.into())
}
