//! The first frames: who is welcome, and what is too much for a stream.

use serde_json::json;
use stepwell_proto::v1::work_request::Frame as Say;
use stepwell_proto::v1::{Drain, Heartbeats, Hello, Outcomes, Verdict, WorkRequest};
use stepwell_tests::node::{Database, TestNode};
use stepwell_tests::raw_worker::RawWorker;
use stepwell_tests::small_machines::one_task;
use tonic::Code;

#[tokio::test]
async fn only_a_proper_hello_is_welcome() {
    let node = TestNode::start(&Database::sqlite()).await;
    let hello = |name: &str, queues: Vec<String>| Say::Hello(Hello { worker_name: name.to_owned(), queues });
    let queues = |count: usize| (0..count).map(|number| format!("q-{number}")).collect::<Vec<_>>();
    let refused = [
        ("nothing", None),
        ("outcomes", Some(Say::Outcomes(Outcomes::default()))),
        ("heartbeats", Some(Say::Heartbeats(Heartbeats::default()))),
        ("drain", Some(Say::Drain(Drain {}))),
        ("no queues", Some(hello("w", Vec::new()))),
        ("too many queues", Some(hello("w", queues(1_001)))),
        ("a queue without a name", Some(hello("w", vec!["q".to_owned(), String::new()]))),
        ("a queue with a long name", Some(hello("w", vec!["q".repeat(257)]))),
        ("a long name", Some(hello(&"w".repeat(81), queues(1)))),
    ];
    for (what, frame) in refused {
        let status = RawWorker::open(&node.workers, WorkRequest { frame, credits: 1 }).await.err();
        assert_eq!(status.map(|status| status.code()), Some(Code::InvalidArgument), "{what}");
    }
    for (name, queues) in
        [("", queues(1)), (&"ä".repeat(80), queues(1_000)), ("twice", vec!["q".to_owned(); 2])]
    {
        let first = WorkRequest { frame: Some(hello(name, queues)), credits: 0 };
        let worker = RawWorker::open(&node.workers, first).await.expect("it is welcome");
        assert_eq!(worker.welcome.payload_bytes_max, 262_144);
        worker.leave().await.expect("a good end");
    }
    node.shut_down().await;
}

#[tokio::test]
async fn a_second_hello_changes_nothing() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("other")).await;
    let mut worker = node.worker("w", &["work"], 5).await;
    worker.say(Say::Hello(Hello { worker_name: "x".to_owned(), queues: vec!["other".to_owned()] })).await;
    node.run("order", "o", &json!({})).await;
    assert!(worker.settle().await.0.is_empty());
    drop(worker);
    node.shut_down().await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_stream_and_loses_nothing() {
    let node = TestNode::start(&Database::sqlite()).await;
    node.deploy("order", &one_task("work")).await;
    let arn = node.run("order", "o", &json!({})).await;
    let mut worker = node.worker("big", &["work"], 1).await;
    let task = worker.task().await;
    let output = format!("\"{}\"", "x".repeat(5 * 1024 * 1024));
    worker.send_outcomes([(task.token.to_vec(), Some(output_of(output)))]).await;
    let status = worker.end().await.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");

    let mut worker = node.worker("small", &["work"], 1).await;
    let again = worker.task().await;
    assert_eq!((&again.token, again.delivery), (&task.token, 2));
    assert_eq!(worker.succeed(&again.token, "{}").await, Verdict::Accepted);
    assert_eq!(node.end_of(&arn).await.output.as_deref(), Some("{}"));
    drop(worker);
    node.shut_down().await;
}

/// As large as a frame may be, with many outcomes in it: each has its receipt.
#[tokio::test]
async fn a_frame_of_very_many_outcomes_has_as_many_receipts() {
    let node = TestNode::start(&Database::sqlite()).await;
    let mut worker = node.worker("w", &["work"], 0).await;
    let tokens: Vec<_> = (0..40_000_u64).map(|number| number.to_be_bytes().to_vec()).collect();
    worker.send_outcomes(tokens.iter().map(|token| (token.clone(), Some(output_of("{}".to_owned()))))).await;
    for token in &tokens {
        let receipt = worker.receipt().await;
        assert_eq!((receipt.token.as_ref(), receipt.verdict()), (&token[..], Verdict::Refused));
    }
    drop(worker);
    node.shut_down().await;
}

fn output_of(text: String) -> stepwell_proto::v1::outcome::Result {
    stepwell_proto::v1::outcome::Result::Output(text.into_bytes().into())
}
