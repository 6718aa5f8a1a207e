//! `stepwell completions`: what a shell needs in order to complete our commands.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory, ValueEnum};

use super::exit::Exit;

/// For which shell.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// The shells we can help.
#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    /// source <(stepwell completions bash)
    Bash,
    /// source <(stepwell completions zsh)
    Zsh,
    /// stepwell completions fish | source
    Fish,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let shell = match arguments.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    // Into memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Arguments::command(), "stepwell", &mut script);
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()?;
    Ok(Exit::Done.into())
}
