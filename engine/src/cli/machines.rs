//! `stepwell machines`: which state machines there are.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Value, json};
use stepwell_proto::v1::StateMachine;

use super::exit::Exit;
use super::{Global, moment, table};

/// What to do with them; lists them, if not given.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<MachineVerb>,
}

#[derive(Subcommand)]
enum MachineVerb {
    /// List them by name
    List,
    /// Print the current definition of one
    Describe {
        /// Its name or ARN
        machine: String,
    },
    /// Delete one; executions that run go on to their end
    Delete {
        /// Its name or ARN
        machine: String,
    },
}

pub(super) async fn run(arguments: Arguments, global: &Global) -> anyhow::Result<ExitCode> {
    match arguments.verb.unwrap_or(MachineVerb::List) {
        MachineVerb::List => list(global).await?,
        MachineVerb::Describe { machine } => describe(&machine, global).await?,
        MachineVerb::Delete { machine } => delete(&machine, global).await?,
    }
    Ok(Exit::Done.into())
}

async fn list(global: &Global) -> anyhow::Result<()> {
    let client = global.client().await?;
    let mut machines = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.machines(page_token).await?;
        machines.extend(page.state_machines);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if global.output.is_json() {
        let machines: Vec<_> = machines.iter().map(json).collect();
        global.output.document(&json!({ "stateMachines": machines }))?;
    } else if machines.is_empty() {
        anstream::eprintln!("no state machines yet; `stepwell deploy FILE` makes one");
    } else {
        let mut table = table::table(&["NAME", "VERSION", "UPDATED", "ARN"]);
        for machine in &machines {
            let updated = machine.updated_at.map(|at| moment::local(moment::read(at))).unwrap_or_default();
            table.add_row(
                [&machine.name, &machine.revision.to_string(), &updated, &machine.arn].map(Cell::new),
            );
        }
        global.output.text(table::text(&table))?;
    }
    Ok(())
}

async fn describe(machine: &str, global: &Global) -> anyhow::Result<()> {
    let machine = global.client().await?.machine(machine).await?;
    if global.output.is_json() {
        global.output.document(&json(&machine))?;
    } else {
        // Just the definition, as it was given: `stepwell machines describe m > m.asl.json` is a way back.
        global.output.text(machine.definition.trim_end())?;
    }
    Ok(())
}

async fn delete(machine: &str, global: &Global) -> anyhow::Result<()> {
    let client = global.client().await?;
    let machine = client.machine(machine).await?;
    client.delete_machine(&machine.name).await?;
    if global.output.is_json() {
        global.output.document(&json(&machine))?;
    } else {
        global.output.text(format_args!("deleted {}", machine.arn))?;
    }
    Ok(())
}

/// The state machine with AWS's names; the definition, where there is one, as a value.
pub(super) fn json(machine: &StateMachine) -> Value {
    let mut document = json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "version": machine.revision,
        "creationDate": moment::rfc3339(machine.created_at),
        "updateDate": moment::rfc3339(machine.updated_at),
    });
    if let (Some(members), Ok(definition)) =
        (document.as_object_mut(), serde_json::from_str(&machine.definition))
    {
        members.insert("definition".to_owned(), definition);
    }
    document
}
