//! The gRPC API: `stepwell.v1`, health and reflection.

mod convert;
mod execution;
mod page_token;
mod state_machine;
mod status;
mod worker;

use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use stepwell_proto::v1::execution_service_server::ExecutionServiceServer;
use stepwell_proto::v1::state_machine_service_server::StateMachineServiceServer;
use stepwell_proto::v1::worker_service_server::WorkerServiceServer;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::service::Service;

/// Largest message taken, in bytes: a definition of 1 MiB or a batch of outcomes fits with room.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Streams per connection: a client that wants more opens another connection.
const STREAMS_PER_CONNECTION: u32 = 256;
/// A peer that answers no ping for this long is gone, and its tasks go to other workers.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// Room for frames under way, per stream and per connection: tasks and outcomes come in bursts.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// Resolves when calls that would go on for ever are to end: the server is shutting down.
pub type Closing = Shared<BoxFuture<'static, ()>>;

/// All services, ready to be served on a listener.
///
/// # Errors
/// When the descriptors compiled into the binary can't be read, which no build produces.
pub fn router(
    service: &Service,
    health: HealthServer<impl Health>,
    closing: Closing,
) -> Result<Router, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(stepwell_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let state_machines = StateMachineServiceServer::new(state_machine::StateMachines::new(service.clone()));
    let executions = ExecutionServiceServer::new(execution::Executions::new(service.clone(), closing));
    let workers = WorkerServiceServer::new(worker::Workers::new(service.clone()));
    Ok(Server::builder()
        .tcp_nodelay(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .http2_max_header_list_size(16 * 1024)
        .add_service(health)
        .add_service(reflection)
        .add_service(state_machines.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(executions.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(workers.max_decoding_message_size(MESSAGE_BYTES_MAX)))
}
