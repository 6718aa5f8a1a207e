//! `stepwell doctor`: checks a database against what the engine promises, while no server owns it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use stepwell_asl::machine::Limits;

use super::Global;
use super::exit::Exit;
use crate::catalog::Catalog;
use crate::names::Realm;
use crate::runtime::{Headers, verify};
use crate::store;

/// Which database.
#[derive(Args)]
pub(super) struct Arguments {
    /// The database, as for `stepwell server`; no server may be running on it
    #[arg(long, env = "STEPWELL_DATABASE_URL", default_value = "sqlite://stepwell.db")]
    database_url: String,
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    let store = store::open(&arguments.database_url).await?;
    // ARNs are made from flags of the server and never stored: any will do to replay a history.
    let realm = Realm { region: "local".to_owned(), account: "000000000000".to_owned() };
    let headers =
        Headers { realm, limits: Limits::default(), catalog: Arc::new(Catalog::new(store.clone())) };
    let report = verify::verify(&*store, &headers).await;
    store.close().await;
    let report = report?;
    if global.output.is_json() {
        let document =
            json!({ "executions": report.executions, "events": report.events, "faults": report.faults });
        global.output.document(&document)?;
    } else {
        for fault in &report.faults {
            global.output.text(format_args!("✗ {fault}"))?;
        }
        let verdict = if report.faults.is_empty() { "✓ all is well" } else { "✗ faults found" };
        let (executions, events) = (report.executions, report.events);
        global.output.text(format_args!("{verdict}: {executions} executions, {events} events replayed"))?;
    }
    Ok(if report.faults.is_empty() { Exit::Done } else { Exit::Failed }.into())
}
