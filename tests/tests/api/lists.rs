//! Lists of executions.

use serde_json::json;
use stepwell_proto::v1::{
    ExecutionStatus, ListExecutionsRequest, ListExecutionsResponse, StopExecutionRequest,
};
use stepwell_tests::node::{Database, TestNode, done, soon};
use stepwell_tests::small_machines::{one_task, pass};
use tonic::{Code, Status};

everywhere! {
    lists_filter
    pages_stay_put_while_executions_start
}

async fn list(node: &TestNode, request: ListExecutionsRequest) -> Result<ListExecutionsResponse, Status> {
    soon(node.executions.clone().list_executions(request)).await.map(tonic::Response::into_inner)
}

async fn names(node: &TestNode, machine: &str, status: ExecutionStatus) -> Vec<String> {
    let request = ListExecutionsRequest {
        state_machine: machine.to_owned(),
        status: status.into(),
        ..Default::default()
    };
    let page = list(node, request).await.expect("a list");
    assert!(page.next_page_token.is_empty());
    for execution in &page.executions {
        assert!(status == ExecutionStatus::Unspecified || execution.status() == status);
        assert_eq!((&execution.input, &execution.output), (&None, &None), "not in lists");
    }
    page.executions.into_iter().map(|execution| execution.name).collect()
}

async fn lists_filter(database: &Database) {
    use ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut, Unspecified};
    let node = TestNode::start(database).await;
    let fail = json!({ "StartAt": "F", "States": { "F": { "Type": "Fail", "Error": "E" } } });
    let order = node.deploy("order", &one_task("nobody")).await;
    node.deploy("quick", &pass(json!({}))).await;
    node.deploy("doomed", &fail).await;
    let mut slow = one_task("nobody");
    slow["TimeoutSeconds"] = json!(1);
    node.deploy("slow", &slow).await;
    for name in ["one", "two", "three"] {
        node.run("order", name, &json!({})).await;
    }
    for machine in ["slow", "quick", "doomed"] {
        let arn = node.run(machine, machine, &json!({})).await;
        node.end_of(&arn).await;
    }
    let stop = StopExecutionRequest { execution: "two".to_owned(), error: None, cause: None };
    done(soon(node.executions.clone().stop_execution(stop)).await);

    let table: [(&str, ExecutionStatus, &[&str]); 10] = [
        ("", Unspecified, &["doomed", "quick", "slow", "three", "two", "one"]),
        ("", Running, &["three", "one"]),
        ("", Succeeded, &["quick"]),
        ("", Failed, &["doomed"]),
        ("", TimedOut, &["slow"]),
        ("", Aborted, &["two"]),
        ("order", Unspecified, &["three", "two", "one"]),
        (&order.arn, Running, &["three", "one"]),
        ("order", Aborted, &["two"]),
        ("order", Succeeded, &[]),
    ];
    for (machine, status, expected) in table {
        assert_eq!(names(&node, machine, status).await, expected, "{machine} {status:?}");
    }
    for (request, expected) in [
        (ListExecutionsRequest { state_machine: "nothing".to_owned(), ..Default::default() }, Code::NotFound),
        (ListExecutionsRequest { status: 99, ..Default::default() }, Code::InvalidArgument),
    ] {
        assert_eq!(list(&node, request).await.expect_err("a refusal").code(), expected);
    }
    for token in ["not one of ours", "0", "-1", "+1", "01", "FF", "ffffffffffffffff", "8000000000000000"] {
        let request = ListExecutionsRequest { page_token: token.to_owned(), ..Default::default() };
        let status = list(&node, request).await.expect_err("a refusal");
        assert_eq!(status.code(), Code::InvalidArgument, "{token}");
    }
    node.shut_down().await;
}

async fn pages_stay_put_while_executions_start(database: &Database) {
    let node = TestNode::start(database).await;
    node.deploy("order", &one_task("nobody")).await;
    for number in 0..23 {
        node.run("order", &format!("o-{number:02}"), &json!({})).await;
    }
    let mut request =
        ListExecutionsRequest { state_machine: "order".to_owned(), page_size: 5, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = list(&node, request.clone()).await.expect("a page");
        names.extend(page.executions.into_iter().map(|execution| execution.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        node.run("order", &format!("late-{}", names.len()), &json!({})).await;
    }
    assert_eq!(names, (0..23).rev().map(|number| format!("o-{number:02}")).collect::<Vec<_>>());

    // Exactly full pages have no empty one behind them, and no page is larger than the largest.
    let all = ListExecutionsRequest { page_size: 27, ..Default::default() };
    let page = list(&node, all).await.expect("a page");
    assert_eq!((page.executions.len(), page.next_page_token.as_str()), (27, ""));
    let all = ListExecutionsRequest { page_size: u32::MAX, ..Default::default() };
    assert_eq!(list(&node, all).await.expect("a page").executions.len(), 27);
    node.shut_down().await;
}
