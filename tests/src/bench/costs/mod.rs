//! The part `costs`: what one thing costs, apart from load. Each figure is about Stepwell alone, on SQLite.

pub mod large;
mod stored;
mod syncs;

use tokio::runtime::Runtime;

use super::Settings;
use super::table::Table;

/// Runs and writes the part.
///
/// # Errors
/// When something can't be run.
pub fn costs(settings: &Settings, runtime: &Runtime) -> anyhow::Result<String> {
    let mut table = Table::new(["what", "figure"]);
    table.row([
        "fsync and fdatasync calls per saga, one saga at a time".to_owned(),
        syncs::per_saga(settings),
    ]);
    for [what, figure] in large::executions(settings, runtime)? {
        table.row([what, figure]);
    }
    Ok(format!("{table}\n{}", stored::growth(settings)?))
}
