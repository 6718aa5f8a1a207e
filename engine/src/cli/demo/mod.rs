//! `stepwell demo`: everything in one process, and the order saga three times.

mod live;
mod summary;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use stepwell_worker::shutdown_signal;
use tracing_subscriber::EnvFilter;

use self::live::Live;
use super::Global;
use super::exit::Exit;
use crate::demo::{Demo, Error, Report};

/// How long the shop takes over a step when somebody watches: else all is over before the first look at it.
const WATCHED_LATENCY: Duration = Duration::from_millis(120);

/// What the demo can be told.
#[derive(Args)]
pub(super) struct Arguments {
    /// Stay up afterwards, to look around with other commands
    #[arg(long)]
    keep: bool,
}

/// How the play ended.
enum Played {
    ToTheEnd(Box<Report>),
    /// By Ctrl-C.
    Interrupted,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    // Who asks for logs gets them; to all others the demo shows what there is to see.
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    }
    let output = global.output;
    let watched = io::stderr().is_terminal() && (output.is_json() || io::stdout().is_terminal());
    let mut demo = Demo::start(if watched { WATCHED_LATENCY } else { Duration::ZERO }).await?;
    if !output.is_json() {
        output.text(summary::opening(&demo))?;
    }
    let live = Live::new(output, watched);
    let played = play(&mut demo, &live).await?;
    let Played::ToTheEnd(report) = played else {
        demo.stop().await?;
        anyhow::bail!("interrupted before the three sagas had ended");
    };
    live.end();
    let exit = if report.ok() { Exit::Done } else { Exit::Failed };
    let kept = arguments.keep.then_some(&demo);
    if output.is_json() {
        output.document(&summary::json(&report, kept))?;
    } else {
        output.text(summary::text(&report))?;
        output.text(kept.map_or_else(|| summary::FURTHER.to_owned(), summary::kept))?;
    }
    if arguments.keep {
        tokio::select! {
            error = demo.stay() => return Err(error.into()),
            () = shutdown_signal() => {}
        }
    }
    demo.stop().await?;
    Ok(exit.into())
}

async fn play(demo: &mut Demo, live: &Live) -> Result<Played, Error> {
    tokio::select! {
        report = demo.play(|scenario, trace, news| live.tell(scenario, trace, news)) => {
            report.map(|report| Played::ToTheEnd(Box::new(report)))
        }
        () = shutdown_signal() => Ok(Played::Interrupted),
    }
}
