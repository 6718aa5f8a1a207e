//! What the demo tells at its beginning and at its end.

use anstyle::{AnsiColor, Effects, Style};
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::super::output::printable;
use super::super::table::{self, cell, table};
use super::super::{execution, status};
use crate::demo::shop::{Cents, OrderStatus};
use crate::demo::{Demo, Report, STATE_MACHINE, Saga, Scenario, undoes};

/// What went well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What failed.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// What was undone.
pub(super) const UNDONE: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().effects(Effects::BOLD);
const FAINT: Style = Style::new().effects(Effects::DIMMED);
const PLAIN: Style = Style::new();

/// What to do after a demo that went down again.
pub(super) const FURTHER: &str = "\nStay and look around:  stepwell demo --keep";

/// What people call a scenario.
pub(super) fn title(scenario: Scenario) -> String {
    scenario.name().replace('-', " ")
}

/// What is there before the sagas begin.
pub(super) fn opening(demo: &Demo) -> String {
    format!(
        "{BOLD}Stepwell demo: the order saga, three times{BOLD:#}\n\n  \
         {FAINT}server{FAINT:#}   gRPC {}, HTTP {}, a temporary SQLite file\n  \
         {FAINT}workers{FAINT:#}  the 8 tasks of a small shop, over gRPC\n",
        demo.grpc_addr, demo.http_addr
    )
}

fn order_words(status: Option<OrderStatus>) -> &'static str {
    match status {
        Some(OrderStatus::Placed) => "order undecided",
        Some(OrderStatus::Confirmed) => "order confirmed",
        Some(OrderStatus::Cancelled) => "order cancelled",
        Some(OrderStatus::OutOfStock) => "order refused",
        None => "no order",
    }
}

fn money_words(charged: Cents) -> String {
    if charged == Cents(0) { "nothing charged".to_owned() } else { format!("{charged} charged") }
}

/// The whole summary.
pub(super) fn text(report: &Report) -> String {
    let sagas = table::text(&sagas(report));
    let stock = table::text(&stock(report));
    format!("\n{sagas}\n\n{stock}\n\n{}", conclusion(report))
}

/// What ran and what was compensated.
fn sagas(report: &Report) -> Table {
    let mut table = table(&["saga", "ran", "compensated", "ended"]);
    for (number, saga) in report.sagas.iter().enumerate() {
        if number > 0 {
            table.add_row([""]);
        }
        let columns =
            [vec![(title(saga.scenario), PLAIN)], ran(saga), compensated(saga), ended(saga, report)];
        let rows = columns.iter().map(Vec::len).max().unwrap_or_default();
        for row in 0..rows {
            table.add_row(columns.iter().map(|column| match column.get(row) {
                Some((text, style)) => cell(text, *style),
                None => cell("", PLAIN),
            }));
        }
    }
    table
}

type Column = Vec<(String, Style)>;

fn ran(saga: &Saga) -> Column {
    let mut column = Column::new();
    for visit in saga.trace.visits.iter().filter(|visit| !undoes(&visit.state)) {
        match visit.error() {
            None => column.push((format!("✓ {}", visit.state), GOOD)),
            Some(error) => {
                column.push((format!("✗ {}", visit.state), BAD));
                column.push((format!("  {}", printable(error)), BAD));
            }
        }
    }
    column
}

fn compensated(saga: &Saga) -> Column {
    let undone = saga.trace.visits.iter().filter(|visit| undoes(&visit.state));
    let column: Column = undone.map(|visit| (format!("↩ {}", visit.state), UNDONE)).collect();
    match saga.trace.error() {
        Some(_) if column.is_empty() => vec![("nothing to undo".to_owned(), PLAIN)],
        Some(_) | None => column,
    }
}

fn ended(saga: &Saga, report: &Report) -> Column {
    let execution = saga.execution.status();
    let account = report.account(saga);
    vec![
        (status::label(execution), status::style(execution)),
        (order_words(account.status).to_owned(), PLAIN),
        (money_words(account.charged()), PLAIN),
    ]
}

/// Where the goods went.
fn stock(report: &Report) -> Table {
    let mut table = table(&["stock", "", "before", "sold", "put back", "after"]);
    for (id, after) in &report.after.products {
        let before = report.before.products.get(id).map(|before| before.available).unwrap_or_default();
        let put_back = if after.put_back > 0 { UNDONE } else { PLAIN };
        table.add_row([
            cell(id, PLAIN),
            cell(&after.name, PLAIN),
            cell(before, PLAIN),
            cell(after.sold, if after.sold > 0 { GOOD } else { PLAIN }),
            cell(after.put_back, put_back),
            cell(after.available, PLAIN),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn conclusion(report: &Report) -> String {
    if report.ok() {
        return format!(
            "{GOOD}✓{GOOD:#} {BOLD}All three sagas ended as they should, and the books balance.{BOLD:#}\n  \
             Every unit is in stock or sold, what was confirmed is paid once, and what was\n  \
             cancelled left nothing reserved and nothing charged."
        );
    }
    let problems: Vec<String> =
        report.problems.iter().map(|problem| format!("\n  {BAD}✗{BAD:#} {}", printable(problem))).collect();
    format!("{BAD}✗{BAD:#} {BOLD}Not all is as it should be:{BOLD:#}{}", problems.concat())
}

/// Where to go on from here, for a demo that stays up.
pub(super) fn kept(demo: &Demo) -> String {
    let (grpc, http) = (demo.grpc_addr, demo.http_addr);
    let command = format!("stepwell --server http://{grpc}");
    let order = json!(Scenario::Happy.order());
    format!(
        "\n{BOLD}The server and its workers stay up{BOLD:#} until Ctrl-C; then their files are removed.\n\n  \
         {FAINT}console{FAINT:#}  http://{http}/\n  \
         {FAINT}gRPC{FAINT:#}     http://{grpc}\n\n\
         Try, in another terminal:\n\n  \
         {command} list\n  \
         {command} history {}\n  \
         {command} start {STATE_MACHINE} --wait --input '{order}'",
        Scenario::PaymentFailed.name(),
    )
}

/// The same for programs.
pub(super) fn json(report: &Report, kept: Option<&Demo>) -> Value {
    let stock: Vec<Value> = report
        .after
        .products
        .iter()
        .map(|(id, after)| {
            let before = report.before.products.get(id).map(|before| before.available);
            json!({
                "productId": id,
                "name": after.name,
                "before": before,
                "sold": after.sold,
                "putBack": after.put_back,
                "reserved": after.reserved,
                "after": after.available,
            })
        })
        .collect();
    let executions: Vec<Value> = report.sagas.iter().map(|saga| saga_json(saga, report)).collect();
    let mut document =
        json!({ "ok": report.ok(), "executions": executions, "stock": stock, "problems": report.problems });
    if let (Some(demo), Some(members)) = (kept, document.as_object_mut()) {
        let (grpc, http) = (format!("http://{}", demo.grpc_addr), format!("http://{}", demo.http_addr));
        members.insert("server".to_owned(), json!({ "grpc": grpc, "http": http }));
    }
    document
}

/// The execution, and beside AWS's members what the demo knows of it.
fn saga_json(saga: &Saga, report: &Report) -> Value {
    let account = report.account(saga);
    let states = saga.trace.visits.iter().map(|visit| {
        let (error, cause) = visit.failure.clone().unzip();
        json!({ "name": visit.state, "error": error, "cause": cause })
    });
    let compensated = saga.trace.visits.iter().filter(|visit| undoes(&visit.state)).map(|visit| &visit.state);
    let mut json = execution::json(&saga.execution);
    if let Some(members) = json.as_object_mut() {
        members.insert("states".to_owned(), states.collect());
        members.insert("compensated".to_owned(), json!(compensated.collect::<Vec<_>>()));
        members.insert("orderStatus".to_owned(), json!(account.status));
        members.insert("charged".to_owned(), json!(account.charged().to_decimal()));
    }
    json
}
