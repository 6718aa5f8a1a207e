//! What belongs to no service: health and reflection.

use futures::stream;
use stepwell_tests::node::{Database, TestNode, done, soon};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::test]
async fn a_node_that_is_up_is_healthy() {
    let node = TestNode::start(&Database::sqlite()).await;
    let request = HealthCheckRequest { service: String::new() };
    let health = done(soon(HealthClient::new(node.channel.clone()).check(request)).await);
    assert_eq!(health.status(), ServingStatus::Serving);
    node.shut_down().await;
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let node = TestNode::start(&Database::sqlite()).await;
    let mut client = ServerReflectionClient::new(node.channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = done(soon(client.server_reflection_info(stream::iter([request]))).await);
    let answer = soon(answers.message()).await.expect("the stream holds").expect("an answer");
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else {
        panic!("expected a list of services, found {answer:?}");
    };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    for expected in [
        "grpc.health.v1.Health",
        "stepwell.v1.ExecutionService",
        "stepwell.v1.StateMachineService",
        "stepwell.v1.WorkerService",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected} is not in {names:?}");
    }
    drop(answers);
    node.shut_down().await;
}
