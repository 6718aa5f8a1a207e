//! The part `load`: the order saga under load, beside its floor and a peer. And `postgres`: the same there.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::contender::{Contender, Load, Results, Row};
use super::figures::{Figures, grouped, number, ratio, spread};
use super::floor::disk::Medium;
use super::floor::saga::Saga;
use super::floor::{Floor, Speech};
use super::restate::{self, Restate};
use super::stepwell::{Backend, Stepwell};
use super::table::Table;
use super::{Settings, say};

/// The share of failing orders, in percent.
const FAILING: u8 = 20;
/// Sagas in flight when some of them fail.
const FAILING_IN_FLIGHT: u32 = 64;

/// Runs and writes the part `load`.
///
/// # Errors
/// When a contender can't be run.
pub fn load(settings: &Settings, runtime: &Arc<Runtime>) -> anyhow::Result<String> {
    let saga = Arc::new(runtime.block_on(Saga::record())?);
    let floor = |speech, medium| Floor { saga: saga.clone(), speech, medium };
    let stepwell = Stepwell(Backend::Sqlite);
    let floors = [
        floor(Speech::Stream, Medium::Log),
        floor(Speech::Stream, Medium::Sqlite),
        floor(Speech::Calls, Medium::Sqlite),
        floor(Speech::Stream, Medium::None),
    ];
    let restate = Restate::find(settings.peers.as_deref());
    let mut contenders: Vec<&dyn Contender> = vec![&stepwell];
    contenders.extend(floors.iter().map(|floor| floor as &dyn Contender));
    contenders.extend(restate.iter().map(|restate| restate as &dyn Contender));
    let results = take_turns(settings, &contenders, &settings.plan.levels)?;

    let others: Vec<String> = contenders.iter().skip(1).map(|contender| contender.name()).collect();
    let mut text = ratios(&results, &stepwell.name(), &others);
    text.push('\n');
    text.push_str(&all_figures(&results));
    text.push_str(&format!(
        "\nOne saga is {} bytes of messages and {} bytes of rows in {} commits.\n",
        grouped(saga.message_bytes() as f64),
        grouped(saga.row_bytes() as f64),
        saga.rows.len()
    ));
    if let Err(missing) = restate {
        text.push_str(&format!(
            "\nRestate was not run ({missing}); \"How to repeat it\" says how to add it ({} and --peers).\n",
            restate::SERVER_VARIABLE
        ));
    }
    Ok(text)
}

/// Runs and writes the part `postgres`.
///
/// # Errors
/// When Stepwell can't be run on it.
pub fn postgres(settings: &Settings, runtime: &Arc<Runtime>) -> anyhow::Result<String> {
    let stepwell = Stepwell(Backend::Postgres(runtime.clone()));
    let levels: Vec<u32> = settings.plan.levels.iter().copied().filter(|level| *level != 16).collect();
    let results = take_turns(settings, &[&stepwell], &levels)?;
    Ok(all_figures(&results))
}

/// Everybody in turn, several times.
fn take_turns(settings: &Settings, contenders: &[&dyn Contender], levels: &[u32]) -> anyhow::Result<Results> {
    let mut results = Results::default();
    for repeat in 1..=settings.plan.repeats {
        for contender in contenders {
            let name = contender.name();
            let mut running = contender.start()?;
            let mut run = |label: &str, load: Load| {
                say(&format!("{repeat}/{}: {name}, {label}", settings.plan.repeats));
                let figures = running.drive(load, settings.plan.run)?;
                let per_second = figures.per_second;
                results.add(label, &name, figures);
                anyhow::Ok(per_second)
            };
            let mut peak: f64 = 0.0;
            for level in levels {
                peak = peak.max(run(&format!("{level} in flight"), Load::InFlight(*level))?);
            }
            if contender.takes_all_loads() {
                let failing = Load::Failing { in_flight: FAILING_IN_FLIGHT, percent: FAILING };
                run(&format!("{FAILING_IN_FLIGHT} in flight, {FAILING} % fail"), failing)?;
                run("open loop, half of the peak", Load::PerSecond(peak / 2.0))?;
            }
        }
    }
    Ok(results)
}

/// What the contender is to each other one, load by load.
fn ratios(results: &Results, ours: &str, others: &[String]) -> String {
    let mut table =
        Table::new(["load", "beside", "sagas/s", "p50", "p99", "CPU per saga, all", "CPU per saga, server"]);
    for load in results.loads() {
        for other in others {
            let of = |figure: fn(&Figures) -> Option<f64>| {
                ratio(results.median(load, ours, figure), results.median(load, other, figure))
            };
            let cells = [
                of(|run| Some(run.per_second)),
                of(|run| run.p50_ms),
                of(|run| run.p99_ms),
                of(Figures::all_us),
                of(|run| run.server_us),
            ];
            if cells.iter().any(|cell| cell != "–") {
                table.row([load.to_owned(), other.clone()].into_iter().chain(cells));
            }
        }
    }
    format!(
        "Stepwell's median divided by the other's: above 1 is good for sagas/s, below 1 for all others.\n\n{table}"
    )
}

fn all_figures(results: &Results) -> String {
    let mut table = Table::new([
        "load",
        "who",
        "sagas/s",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
        "CPU µs per saga: all",
        "server",
        "database",
        "workers",
        "clients",
        "server RSS MiB",
        "disk bytes per saga",
    ]);
    for load in results.loads() {
        for row in results.rows().iter().filter(|row| row.load == load) {
            table.row(cells(row));
        }
    }
    let errors: Vec<String> = results.rows().iter().filter_map(errors).collect();
    let errors = if errors.is_empty() { String::new() } else { format!("\n{}\n", errors.join(" ")) };
    format!("Medians, and in parentheses the smallest and largest of the runs.\n\n{table}{errors}")
}

fn cells(row: &Row) -> Vec<String> {
    let with_ends = |figure: fn(&Figures) -> Option<f64>| spread(row.spread(figure));
    let median = |figure: fn(&Figures) -> Option<f64>| {
        row.spread(figure).map_or_else(|| "–".to_owned(), |spread| number(spread.median))
    };
    vec![
        row.load.clone(),
        row.contender.clone(),
        with_ends(|run| Some(run.per_second)),
        with_ends(|run| run.p50_ms),
        median(|run| run.p90_ms),
        with_ends(|run| run.p99_ms),
        median(|run| run.max_ms),
        with_ends(Figures::all_us),
        median(|run| run.server_us),
        median(|run| run.database_us),
        median(|run| run.workers_us),
        median(|run| run.clients_us),
        median(|run| run.rss_mib),
        median(|run| run.disk_bytes),
    ]
}

/// A sentence about sagas that went wrong.
fn errors(row: &Row) -> Option<String> {
    let errors: u64 = row.runs.iter().map(|run| run.errors).sum();
    (errors > 0)
        .then(|| format!("{}, {}: {errors} sagas did not end as they should.", row.contender, row.load))
}
