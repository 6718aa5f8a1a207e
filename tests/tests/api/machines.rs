//! `StateMachineService`.

use futures::future::join_all;
use serde_json::{Value, json};
use stepwell_proto::v1::{
    CreateStateMachineRequest, DeleteStateMachineRequest, DescribeStateMachineRequest,
    ListStateMachinesRequest, Severity, StateMachine, UpdateStateMachineRequest, ValidateDefinitionRequest,
    ValidateDefinitionResponse,
};
use stepwell_tests::node::{Database, TestNode, done, present, soon};
use stepwell_tests::small_machines::{one_task, pass};
use tonic::{Code, Status};
use tonic_types::StatusExt;

everywhere! {
    a_name_is_created_once
    an_update_makes_a_revision
    of_updates_at_once_the_last_one_is_current
    running_executions_keep_their_revision
    a_deleted_machine_starts_nothing_and_its_executions_go_on
    pages_hold_every_machine_once
}

async fn create(node: &TestNode, name: &str, definition: &str) -> Result<StateMachine, Status> {
    let request = CreateStateMachineRequest { name: name.to_owned(), definition: definition.to_owned() };
    let response = soon(node.machines.clone().create_state_machine(request)).await?;
    Ok(present(response.into_inner().state_machine))
}

async fn update(node: &TestNode, name: &str, definition: &str) -> Result<StateMachine, Status> {
    put(node, name, definition, false).await
}

async fn put(
    node: &TestNode,
    name: &str,
    definition: &str,
    create_if_missing: bool,
) -> Result<StateMachine, Status> {
    let (state_machine, definition) = (name.to_owned(), definition.to_owned());
    let request = UpdateStateMachineRequest { state_machine, definition, create_if_missing };
    let response = soon(node.machines.clone().update_state_machine(request)).await?;
    Ok(present(response.into_inner().state_machine))
}

async fn describe(node: &TestNode, name: &str) -> Result<StateMachine, Status> {
    let request = DescribeStateMachineRequest { state_machine: name.to_owned() };
    let response = soon(node.machines.clone().describe_state_machine(request)).await?;
    Ok(present(response.into_inner().state_machine))
}

async fn delete(node: &TestNode, name: &str) -> Result<(), Status> {
    let request = DeleteStateMachineRequest { state_machine: name.to_owned() };
    soon(node.machines.clone().delete_state_machine(request)).await.map(drop)
}

async fn validate(node: &TestNode, definition: &str) -> ValidateDefinitionResponse {
    let request = ValidateDefinitionRequest { definition: definition.to_owned() };
    done(soon(node.machines.clone().validate_definition(request)).await)
}

fn refused<T>(result: Result<T, Status>) -> Code {
    result.err().expect("a refusal").code()
}

async fn a_name_is_created_once(database: &Database) {
    let node = TestNode::start(database).await;
    // Stored as it was given, spacing included.
    let definition = format!("  {}\n", one_task("work"));
    let created = create(&node, "order", &definition).await.expect("a new name");
    assert_eq!(created.arn, "arn:aws:states:local:000000000000:stateMachine:order");
    assert_eq!((created.revision, &created.definition), (1, &definition));
    assert_eq!(created.created_at, created.updated_at);

    assert_eq!(create(&node, "order", &definition).await.expect("the same again"), created);
    assert_eq!(refused(create(&node, "order", &pass(json!({})).to_string()).await), Code::AlreadyExists);
    assert_eq!(describe(&node, "order").await.expect("it is there"), created);
    assert_eq!(describe(&node, &created.arn).await.expect("by its ARN"), created);

    for name in ["", "a b", "a/b", "ä", "arn:aws:states:local:0:stateMachine:a", &"x".repeat(81)] {
        assert_eq!(refused(create(&node, name, &definition).await), Code::InvalidArgument, "{name:?}");
    }
    assert!(create(&node, &"x".repeat(80), &definition).await.is_ok());
    assert_eq!(refused(describe(&node, "nothing").await), Code::NotFound);
    assert_eq!(refused(describe(&node, "").await), Code::InvalidArgument);
    node.shut_down().await;
}

async fn an_update_makes_a_revision(database: &Database) {
    let node = TestNode::start(database).await;
    let definition = |text: &str| pass(json!(text)).to_string();
    assert_eq!(refused(update(&node, "order", &definition("one")).await), Code::NotFound);
    let first = node.deploy("order", &pass(json!("one"))).await;
    assert_eq!(first.revision, 1);
    let second = update(&node, "order", &definition("two")).await.expect("another definition");
    assert_eq!((second.revision, second.created_at), (2, first.created_at));
    let same = update(&node, &second.arn, &definition("two")).await.expect("the same again");
    assert_eq!(same, second);
    // An earlier definition is a new revision all the same.
    assert_eq!(update(&node, "order", &definition("one")).await.expect("back again").revision, 3);
    assert_eq!(refused(update(&node, "order", "{}").await), Code::InvalidArgument);
    assert_eq!(refused(update(&node, "a b", &definition("one")).await), Code::InvalidArgument);
    assert_eq!(describe(&node, "order").await.expect("it is there").revision, 3);
    node.shut_down().await;

    let node = TestNode::start(database).await;
    let kept = describe(&node, "order").await.expect("it is there after a restart");
    assert_eq!((kept.revision, kept.definition), (3, definition("one")));
    node.shut_down().await;
}

async fn of_updates_at_once_the_last_one_is_current(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &pass(json!(0))).await;
    let definitions: Vec<_> = (1..=30).map(|number| pass(json!(number)).to_string()).collect();
    let updates = join_all(definitions.iter().map(|definition| update(&node, "order", definition))).await;
    let mut revisions: Vec<_> = updates
        .into_iter()
        .map(|updated| updated.expect("an update"))
        .map(|machine| machine.revision)
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=31).collect::<Vec<_>>(), "each made one revision");
    let current = describe(&node, "order").await.expect("it is there");
    assert_eq!(current.revision, 31);
    let arn = node.run("order", "o", &json!({})).await;
    assert_eq!(node.describe(&arn).await.revision, 31);
    node.shut_down().await;

    let node = TestNode::start(database).await;
    assert_eq!(describe(&node, "order").await.expect("it is there"), current, "memory and database agree");
    node.shut_down().await;
}

async fn running_executions_keep_their_revision(database: &Database) {
    let revision = |number: u64| {
        json!({ "StartAt": "Work", "States": {
            "Work": { "Type": "Task", "Resource": "worker:work", "Next": "After" },
            "After": { "Type": "Pass", "Result": { "revision": number }, "End": true },
        } })
    };
    let mut node = TestNode::start(database).await;
    node.deploy("order", &revision(1)).await;
    let old = node.run("order", "old", &json!({})).await;
    node.deploy("order", &revision(2)).await;
    let new = node.run("order", "new", &json!({})).await;
    // The second time with every definition read back from the database.
    for name in ["now", "later"] {
        let mut worker = node.worker(name, &["work"], 1).await;
        let task = worker.task().await;
        worker.succeed(&task.token, "{}").await;
        worker.leave().await.expect("a good end");
        let (arn, number) = if task.execution_name == "old" { (&old, 1) } else { (&new, 2) };
        let ended = node.end_of(arn).await;
        assert_eq!((ended.revision, ended.output), (number, Some(json!({ "revision": number }).to_string())));
        node.shut_down().await;
        node = TestNode::start(database).await;
    }
    node.shut_down().await;
}

async fn a_deleted_machine_starts_nothing_and_its_executions_go_on(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    for _ in 0..2 {
        delete(&node, "order").await.expect("deleting twice is deleting once");
    }
    assert_eq!(refused(describe(&node, "order").await), Code::NotFound);
    assert_eq!(refused(update(&node, "order", &one_task("work").to_string()).await), Code::NotFound);
    assert_eq!(refused(node.try_start("order", "p", "{}").await), Code::NotFound);
    assert_eq!(node.describe("order/o").await.arn, arn, "still readable");

    let again = create(&node, "order", &pass(json!({})).to_string()).await.expect("the name is free");
    assert_eq!(again.revision, 1);
    // Names of executions stay taken: an ARN means one execution for ever.
    assert_eq!(refused(node.try_start("order", "o", "[]").await), Code::AlreadyExists);
    node.shut_down().await;

    let node = TestNode::start(database).await;
    let mut worker = node.worker("w", &["work"], 1).await;
    let task = worker.task().await;
    worker.succeed(&task.token, r#"{"went":"on"}"#).await;
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some(r#"{"went":"on"}"#));
    worker.leave().await.expect("a good end");
    node.shut_down().await;
}

async fn pages_hold_every_machine_once(database: &Database) {
    let node = TestNode::start(database).await;
    let definition = pass(json!({}));
    for number in 0..25 {
        node.deploy(&format!("m-{number:02}"), &definition).await;
    }
    let mut request = ListStateMachinesRequest { page_size: 10, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = done(soon(node.machines.clone().list_state_machines(request.clone())).await);
        assert!(page.state_machines.iter().all(|machine| machine.definition.is_empty()), "not in lists");
        names.extend(page.state_machines.into_iter().map(|machine| machine.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        // A name that is passed already, and none that shifts the pages.
        node.deploy(&format!("a-{}", names.len()), &definition).await;
    }
    assert_eq!(names, (0..25).map(|number| format!("m-{number:02}")).collect::<Vec<_>>());

    let all = ListStateMachinesRequest { page_size: u32::MAX, ..Default::default() };
    let all = done(soon(node.machines.clone().list_state_machines(all)).await);
    assert_eq!((all.state_machines.len(), all.next_page_token.as_str()), (27, ""));
    for token in ["not one of ours", "a/b", "ä", &"x".repeat(5_000)] {
        let request = ListStateMachinesRequest { page_token: token.to_owned(), ..Default::default() };
        let refusal = soon(node.machines.clone().list_state_machines(request)).await;
        assert_eq!(refused(refusal), Code::InvalidArgument, "{token}");
    }
    node.shut_down().await;
}

/// The places and codes that a refusal names.
fn violations(status: &Status) -> Vec<(String, String)> {
    let details = status.get_details_bad_request().expect("BadRequest details");
    let violation = |violation: tonic_types::FieldViolation| {
        let code = violation.description.split(' ').next().unwrap_or_default().to_owned();
        (violation.field, code)
    };
    details.field_violations.into_iter().map(violation).collect()
}

#[tokio::test]
async fn each_fault_of_a_definition_is_named_with_its_place() {
    let node = TestNode::start(&Database::sqlite()).await;
    let faulty = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Next": "Nowhere" },
        "B/C": { "Type": "Task", "End": true },
    } });
    let table: [(String, &[(&str, &str)]); 4] = [
        (
            faulty.to_string(),
            &[
                ("definition/States/A/Next", "MISSING_TRANSITION_TARGET"),
                ("definition/States/B~1C", "MISSING_FIELD"),
            ],
        ),
        ("{".to_owned(), &[("definition", "INVALID_JSON_DESCRIPTION")]),
        (String::new(), &[("definition", "WRONG_TYPE")]),
        (
            format!("{}{}", one_task("work"), " ".repeat(1024 * 1024)),
            &[("definition", "DEFINITION_TOO_LARGE")],
        ),
    ];
    for (definition, expected) in table {
        let refusals =
            [create(&node, "order", &definition).await, put(&node, "order", &definition, true).await];
        for refusal in refusals {
            let status = refusal.expect_err("a refusal");
            assert_eq!(status.code(), Code::InvalidArgument);
            let found = violations(&status);
            for (field, code) in expected {
                let named = found.iter().any(|(f, c)| f == field && c == code);
                assert!(named, "expected {code} at {field}, found {found:?}");
            }
        }
        let answer = validate(&node, &definition).await;
        assert!(!answer.valid);
        let errors = answer.diagnostics.iter().filter(|found| found.severity() == Severity::Error);
        let found: Vec<_> =
            errors.map(|found| (format!("definition{}", found.pointer), found.code.clone())).collect();
        for (field, code) in expected {
            assert!(found.iter().any(|(f, c)| f == field && c == code), "{field} {code}: {found:?}");
        }
    }
    assert_eq!(refused(describe(&node, "order").await), Code::NotFound, "nothing was stored");
    node.shut_down().await;
}

#[tokio::test]
async fn very_many_faults_still_make_a_readable_refusal() {
    let node = TestNode::start(&Database::sqlite()).await;
    let states: serde_json::Map<String, Value> = (0..2_000)
        .map(|number| (format!("{number:0>80}"), json!({ "Type": "Pass", "Next": "Nowhere" })))
        .collect();
    let definition = json!({ "StartAt": format!("{:0>80}", 0), "States": states }).to_string();
    let status = create(&node, "order", &definition).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(violations(&status).len() > 10);
    assert!(!validate(&node, &definition).await.valid);
    node.shut_down().await;
}

#[tokio::test]
async fn warnings_come_along_and_stop_nothing() {
    let node = TestNode::start(&Database::sqlite()).await;
    let definition = pass(json!({ "id.$": "$.order.id" }));
    let answer = validate(&node, &definition.to_string()).await;
    assert!(answer.valid);
    let warning = answer.diagnostics.first().expect("a warning");
    assert_eq!(
        (warning.severity(), warning.code.as_str(), warning.pointer.as_str()),
        (Severity::Warning, "PASS_RESULT_IS_STATIC", "/States/Pass/Result/id.$")
    );
    assert!(warning.line > 0 && warning.column > 0 && !warning.help.is_empty());
    let request = CreateStateMachineRequest { name: "order".to_owned(), definition: definition.to_string() };
    let created = done(soon(node.machines.clone().create_state_machine(request)).await);
    assert_eq!(created.diagnostics, answer.diagnostics);
    assert!(validate(&node, &one_task("work").to_string()).await.diagnostics.is_empty());
    node.shut_down().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_breaks_nothing() {
    let node = TestNode::start(&Database::sqlite()).await;
    let huge = " ".repeat(5 * 1024 * 1024);
    let status = create(&node, "order", &huge).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::OutOfRange);
    // Nor does a long name make a refusal that does not fit into headers.
    let long = "ä".repeat(100_000);
    assert_eq!(refused(describe(&node, &long).await), Code::NotFound);
    assert_eq!(refused(create(&node, &long, "{}").await), Code::InvalidArgument);
    node.deploy("order", &one_task("work")).await;
    node.shut_down().await;
}
