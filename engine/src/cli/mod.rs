//! The command line: one file per verb.
//!
//! Invariant: stdout carries what was asked for and nothing else; everything else goes to stderr.

mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sagas that walk back up: a durable orchestration engine that speaks Amazon States Language.
#[derive(Parser)]
#[command(name = "stepwell", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run an engine node
    Server(server::Arguments),
}

/// Runs the command line to its end.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: can't start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        match arguments.verb {
            Verb::Server(arguments) => server::run(arguments).await,
        }
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
