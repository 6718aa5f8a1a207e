//! Histories in pages.

use serde_json::json;
use stepwell_proto::v1::{GetExecutionHistoryRequest, HistoryEvent};
use stepwell_tests::node::{Database, TestNode, soon};
use stepwell_tests::small_machines::{one_task, task_then_map};
use tonic::Code;

everywhere! {
    pages_make_the_whole_in_both_directions
}

/// A machine whose history has rows of one event, of many, and of none that is shown.
async fn mixed(node: &TestNode) -> Vec<HistoryEvent> {
    let mut machine = task_then_map("work");
    machine["States"]["Each"] = json!({
        "Type": "Map",
        "ItemProcessor": { "StartAt": "Nap", "States": {
            "Nap": { "Type": "Wait", "Seconds": 0, "Next": "Halves" },
            "Halves": { "Type": "Parallel", "End": true, "Branches": [
                { "StartAt": "Left", "States": { "Left": { "Type": "Task", "Resource": "worker:work", "End": true } } },
                { "StartAt": "Right", "States": { "Right": { "Type": "Pass", "End": true } } },
            ] },
        } },
        "End": true,
    });
    node.deploy("mixed", &machine).await;
    let arn = node.run("mixed", "m", &json!({})).await;
    let mut worker = node.worker("w", &["work"], 10).await;
    let first = worker.task().await;
    worker.succeed(&first.token, "[1,2,3,4]").await;
    for task in worker.take(4).await {
        worker.succeed(&task.token, "{}").await;
    }
    worker.leave().await.expect("a good end");
    node.end_of(&arn).await;
    node.history(&arn).await
}

async fn pages_make_the_whole_in_both_directions(database: &Database) {
    let node = TestNode::start(database).await;
    let whole = mixed(&node).await;
    assert!(whole.len() > 40, "{}", whole.len());
    assert!(whole.iter().zip(1..).all(|(event, id)| event.id == id), "1, 2, 3 …");
    assert!(whole.iter().all(|event| event.previous_id < event.id));
    let mut reversed = whole.clone();
    reversed.reverse();
    for size in [1, 2, 7, 16, whole.len() as u32, 1_000] {
        assert_eq!(node.pages("mixed/m", size, false).await, whole, "pages of {size}");
        assert_eq!(node.pages("mixed/m", size, true).await, reversed, "pages of {size}, reversed");
    }
    node.shut_down().await;
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("nobody")).await;
    node.run("order", "o", &json!({})).await;
    let ask = async |execution: &str, page_token: &str| {
        let request = GetExecutionHistoryRequest {
            execution: execution.to_owned(),
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        soon(node.executions.clone().get_execution_history(request)).await.map(tonic::Response::into_inner)
    };
    for (execution, token, expected) in [
        ("order/nothing", "", Code::NotFound),
        ("", "", Code::InvalidArgument),
        ("order/o", "not one of ours", Code::InvalidArgument),
        ("order/o", "0", Code::InvalidArgument),
        ("order/o", "-1", Code::InvalidArgument),
        ("order/o", "ffffffffffffffff", Code::InvalidArgument),
        ("order/o", "10000000000000000", Code::InvalidArgument),
    ] {
        let status = ask(execution, token).await.expect_err("a refusal");
        assert_eq!(status.code(), expected, "{execution} {token}");
    }
    let behind = ask("order/o", "7fffffffffffffff").await.expect("a place behind the end");
    assert_eq!((behind.events.len(), behind.next_page_token.as_str()), (0, ""));
    node.shut_down().await;
}
