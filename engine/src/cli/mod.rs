//! The command line: one file per verb, and one per thing that verbs show.
//!
//! Invariant: stdout carries what was asked for and nothing else; everything else goes to stderr. How a
//! command ended is told by one sentence there and by its exit code (`exit`).

mod bench;
mod completions;
mod demo;
mod deploy;
mod describe;
mod doctor;
mod history;
mod list;
mod machines;
mod server;
mod start;
mod stop;
mod validate;
mod watch;
mod worker;

mod scripted;

mod client;
mod follow;

mod diagnostic;
mod event;
mod execution;
mod moment;
mod progress;
mod status;
mod table;

mod error;
mod exit;
mod output;

use std::io;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{Args, Parser, Subcommand};

use self::client::Client;
use self::error::Error;
use self::exit::Exit;
use self::output::{Color, Output};

/// Sagas that walk back up: a durable orchestration engine that speaks Amazon States Language.
#[derive(Parser)]
#[command(name = "stepwell", version, arg_required_else_help = true, after_help = Exit::HELP)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb understands.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The server that commands talk to
    #[arg(
        long,
        global = true,
        env = "STEPWELL_SERVER",
        default_value = "http://127.0.0.1:7410",
        value_name = "URL"
    )]
    server: String,
    /// How results are written to stdout
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

impl Global {
    async fn client(&self) -> Result<Client, Error> {
        Client::connect(&self.server).await
    }
}

#[derive(Subcommand)]
enum Verb {
    /// See it work: a server, its workers and three sagas in one process
    Demo(demo::Arguments),
    /// Run an engine node
    Server(server::Arguments),
    /// Check definitions, without a server
    Validate(validate::Arguments),
    /// Create or update a state machine
    Deploy(deploy::Arguments),
    /// List, describe and delete state machines
    Machines(machines::Arguments),
    /// Start an execution
    Start(start::Arguments),
    /// List executions, newest first
    List(list::Arguments),
    /// Show one execution: its status, input, output or error
    Describe(describe::Arguments),
    /// Show the events of an execution
    History(history::Arguments),
    /// Follow an execution live, to its end
    Watch(watch::Arguments),
    /// Stop a running execution; it ends ABORTED
    Stop(stop::Arguments),
    /// Run a worker whose answers come from a script, for local development and tests
    Worker(worker::Arguments),
    /// Put load on a running server and measure it
    Bench(bench::Arguments),
    /// Check a database, while no server runs on it
    Doctor(doctor::Arguments),
    /// Print a script that completes commands in a shell
    Completions(completions::Arguments),
}

/// Runs the command line to its end.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.global.color.apply();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&format!("can't start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

async fn run(Arguments { global, verb }: Arguments) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Demo(arguments) => demo::run(arguments, &global).await,
        Verb::Bench(arguments) => bench::run(arguments, &global).await,
        Verb::Doctor(arguments) => doctor::run(arguments, &global).await,
        Verb::Server(arguments) => server::run(arguments).await,
        Verb::Validate(arguments) => validate::run(&arguments, global.output),
        Verb::Deploy(arguments) => deploy::run(&arguments, &global).await,
        Verb::Machines(arguments) => machines::run(arguments, &global).await,
        Verb::Start(arguments) => start::run(arguments, &global).await,
        Verb::List(arguments) => list::run(&arguments, &global).await,
        Verb::Describe(arguments) => describe::run(&arguments, &global).await,
        Verb::History(arguments) => history::run(&arguments, &global).await,
        Verb::Watch(arguments) => watch::run(arguments, &global).await,
        Verb::Stop(arguments) => stop::run(arguments, &global).await,
        Verb::Worker(arguments) => worker::run(arguments, &global).await,
        Verb::Completions(arguments) => completions::run(&arguments),
    }
}

/// Tells why a command failed, and gives its exit code.
fn failed(error: &anyhow::Error) -> ExitCode {
    // Whoever read the results has seen enough: `stepwell list | head`.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return Exit::Done.into();
    }
    report(&format!("{error:#}"));
    error.downcast_ref::<Error>().map_or(ExitCode::FAILURE, |error| error.exit().into())
}

fn report(sentence: &str) {
    let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    anstream::eprintln!("{style}error:{style:#} {sentence}");
}
