//! The workers of the floor: each frame of tasks is answered with one frame of the recorded outcomes.

use std::collections::HashMap;

use anyhow::Context;
use stepwell_proto::v1::work_request::Frame as Say;
use stepwell_proto::v1::work_response::Frame;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{Hello, Outcome, Outcomes, Task, WorkRequest, WorkResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Endpoint;

use super::saga::Saga;
use super::{WORKER, announce};

/// Answers tasks until the server goes.
///
/// # Errors
/// When the server can't be reached.
pub async fn work(server: &str, saga: &Saga) -> anyhow::Result<()> {
    let answers: HashMap<&str, &Outcome> =
        saga.tasks.iter().map(|task| task.queue.as_str()).zip(&saga.outcomes).collect();
    let (outbound, mut inbound) = open(server, WORKER).await?;
    announce("working")?;
    while let Ok(Some(WorkResponse { frame })) = inbound.message().await {
        let Some(Frame::Tasks(tasks)) = frame else { continue };
        let answer = |task: Task| {
            let result = answers.get(task.queue.as_str()).and_then(|outcome| outcome.result.clone());
            Outcome { token: task.token, result }
        };
        let outcomes = tasks.tasks.into_iter().map(answer).collect();
        say(&outbound, Outcomes { outcomes }).await?;
    }
    Ok(())
}

/// Opens a stream and says hello, as a worker or as a client.
pub(super) async fn open(
    server: &str,
    name: &str,
) -> anyhow::Result<(mpsc::Sender<WorkRequest>, Streaming<WorkResponse>)> {
    let channel = Endpoint::new(server.to_owned())?.tcp_nodelay(true).connect().await?;
    let mut client = WorkerServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let (outbound, requests) = mpsc::channel(1);
    let hello = Say::Hello(Hello { worker_name: name.to_owned(), queues: Vec::new() });
    outbound.send(WorkRequest { frame: Some(hello), credits: 0 }).await?;
    let mut inbound = client.work(ReceiverStream::new(requests)).await?.into_inner();
    inbound.message().await?.context("expected Welcome")?;
    Ok((outbound, inbound))
}

/// Says one frame, with the credits that a worker gives back.
pub(super) async fn say(outbound: &mpsc::Sender<WorkRequest>, outcomes: Outcomes) -> anyhow::Result<()> {
    let credits = u32::try_from(outcomes.outcomes.len()).unwrap_or(u32::MAX);
    let request = WorkRequest { frame: Some(Say::Outcomes(outcomes)), credits };
    outbound.send(request).await.context("expected the stream to go on")
}
