//! Following an execution to its end, through broken connections and restarts of the server.
//!
//! Invariant: events come in order, each once, however often the stream is opened again.

use std::time::Duration;

use stepwell_asl::history::HistoryEvent;
use stepwell_proto::v1::{Execution, FollowExecutionRequest, FollowExecutionResponse};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, Streaming};

use super::client::Client;
use super::error::Error;
use super::event;

/// Between two tries to open the stream again.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// A server that was away for so long won't come back by itself.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// What a follower learns.
pub(super) enum Followed {
    /// New events, in order.
    Events(Vec<HistoryEvent>),
    /// The execution as it ended; nothing comes after it.
    Ended(Box<Execution>),
}

/// A place in the history of an execution that may still run.
pub(super) struct Follower {
    client: Client,
    execution: String,
    next_event: u64,
    end_only: bool,
    stream: Option<Streaming<FollowExecutionResponse>>,
    /// Since when the server is away.
    lost: Option<Instant>,
}

impl Follower {
    /// Follows from this event on; the first is 1.
    pub(super) fn events(client: &Client, execution: &str, from: u64) -> Self {
        Self {
            client: client.clone(),
            execution: execution.to_owned(),
            next_event: from,
            end_only: false,
            stream: None,
            lost: None,
        }
    }

    /// Waits for the end only.
    pub(super) fn end(client: &Client, execution: &str) -> Self {
        Self { end_only: true, ..Self::events(client, execution, 1) }
    }

    /// What comes next; waits for it.
    pub(super) async fn next(&mut self) -> Result<Followed, Error> {
        loop {
            match self.receive().await {
                Ok(Some(FollowExecutionResponse { execution: Some(execution), .. })) => {
                    return Ok(Followed::Ended(Box::new(execution)));
                }
                Ok(Some(FollowExecutionResponse { events, execution: None })) => {
                    self.lost = None;
                    if let Some(last) = events.last() {
                        self.next_event = last.id + 1;
                        return Ok(Followed::Events(events.into_iter().map(event::read).collect()));
                    }
                }
                Ok(None) => self.wait_for_server(&Status::unavailable("it ended the stream")).await?,
                Err(status) if is_final(&status) => return Err(self.client.refused(&status)),
                Err(status) => self.wait_for_server(&status).await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<FollowExecutionResponse>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let request = FollowExecutionRequest {
                    execution: self.execution.clone(),
                    from_event_id: self.next_event,
                    end_only: self.end_only,
                };
                let stream = self.client.follow(request).await?;
                self.lost = None;
                self.stream.insert(stream)
            }
        };
        stream.message().await
    }

    async fn wait_for_server(&mut self, status: &Status) -> Result<(), Error> {
        self.stream = None;
        match self.lost {
            None => self.lost = Some(Instant::now()),
            Some(since) if since.elapsed() > GIVE_UP_AFTER => return Err(self.client.refused(status)),
            Some(_) => {}
        }
        sleep(RETRY_EVERY).await;
        Ok(())
    }
}

/// Whether asking again would be answered the same.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::NotFound
            | Code::InvalidArgument
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::FailedPrecondition
    )
}
