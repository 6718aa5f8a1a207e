//! The server of the floor: the wire of Stepwell with nothing behind it but a commit.
//!
//! Clients are served both ways: by calls, as the interface has them, and on one stream that says the same with
//! the same bytes. Every saga is the recorded one with another number in its tokens.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, stream};
use prost::Message;
use prost::bytes::Bytes;
use stepwell_proto::v1::execution_service_server::{ExecutionService, ExecutionServiceServer};
use stepwell_proto::v1::work_request::Frame as Said;
use stepwell_proto::v1::work_response::Frame;
use stepwell_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use stepwell_proto::v1::{
    CompleteTaskRequest, CompleteTaskResponse, DescribeExecutionRequest, DescribeExecutionResponse,
    FailTaskRequest, FailTaskResponse, FollowExecutionRequest, FollowExecutionResponse,
    GetExecutionHistoryRequest, GetExecutionHistoryResponse, Hello, ListExecutionsRequest,
    ListExecutionsResponse, Outcome, Receipt, Receipts, RecordTaskHeartbeatRequest,
    RecordTaskHeartbeatResponse, StartExecutionRequest, StartExecutionResponse, StopExecutionRequest,
    StopExecutionResponse, Tasks, Welcome, WorkRequest, WorkResponse,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::disk::Disk;
use super::outbox::Outbox;
use super::owner::{self, Ask, Kind, Reply};
use super::saga::Saga;
use super::{CLIENT, announce};

/// Most requests that wait, as in the engine.
const MAILBOX_MAX: usize = 4_096;

/// Serves until the process ends.
///
/// # Errors
/// When the disk or the port fails.
pub async fn serve(saga: Saga, disk: Disk) -> anyhow::Result<()> {
    let (mailbox, asks) = mpsc::channel(MAILBOX_MAX);
    let workers = Arc::new(Outbox::default());
    let (rows, outbox) = (saga.rows.clone(), workers.clone());
    let loop_ended = tokio::task::spawn_blocking(move || owner::run(asks, &outbox, disk, &rows));
    let floor = Floor { saga: Arc::new(saga), mailbox, workers };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    announce(&format!("http://{}", listener.local_addr()?))?;
    let serving = Server::builder()
        .add_service(WorkerServiceServer::new(floor.clone()))
        .add_service(ExecutionServiceServer::new(floor))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::select! {
        served = serving => served?,
        ended = loop_ended => ended??,
    }
    Ok(())
}

#[derive(Clone)]
struct Floor {
    saga: Arc<Saga>,
    mailbox: mpsc::Sender<Ask>,
    workers: Arc<Outbox>,
}

impl Floor {
    async fn ask(&self, saga: u64, kind: Kind) -> Result<(), Status> {
        self.mailbox.send(Ask { saga, kind }).await.map_err(|_| Status::unavailable("the loop has ended"))
    }

    async fn call(&self, saga: u64, kind: impl FnOnce(Reply) -> Kind) -> Result<(), Status> {
        let (told, answer) = oneshot::channel();
        self.ask(saga, kind(Reply::Call(told))).await?;
        answer.await.map_err(|_| Status::unavailable("the loop has ended"))
    }

    /// Reads outcomes of tasks from workers, and starts and follows in the same form from clients.
    async fn listen(self, mut inbound: Streaming<WorkRequest>, client: Option<Arc<Outbox>>) {
        while let Ok(Some(request)) = inbound.message().await {
            let Some(Said::Outcomes(outcomes)) = request.frame else { continue };
            for Outcome { token, .. } in outcomes.outcomes {
                let Some((saga, detail)) = read_token(&token) else { continue };
                let reply = |outbox: &Arc<Outbox>| Reply::Stream(outbox.clone(), token.clone());
                let kind = match &client {
                    None => Kind::Answer(detail),
                    Some(outbox) if detail == 0 => Kind::Start(reply(outbox)),
                    Some(outbox) => Kind::Follow(reply(outbox)),
                };
                if self.ask(saga, kind).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The number of the saga, and which of its tasks or requests it is about.
fn read_token(token: &[u8]) -> Option<(u64, u8)> {
    let number = u64::from_be_bytes(token.get(..8)?.try_into().ok()?);
    Some((number, *token.get(8)?))
}

/// A recorded token with another number and detail.
fn write_token(recorded: &[u8], saga: u64, detail: u8) -> Bytes {
    let mut token = recorded.to_vec();
    token.iter_mut().zip(saga.to_be_bytes().into_iter().chain([detail])).for_each(|(old, new)| *old = new);
    token.into()
}

/// What leaves on one stream.
struct Speaker {
    saga: Arc<Saga>,
    outbox: Arc<Outbox>,
    frames: VecDeque<Frame>,
}

impl Speaker {
    async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            let mail = self.outbox.take().await;
            let mut receipts: Vec<Receipt> =
                mail.receipts.into_iter().filter_map(|(saga, step)| self.receipt(saga, step)).collect();
            receipts.extend(mail.replies.into_iter().map(|token| self.reply(token)));
            if !receipts.is_empty() {
                self.frames.push_back(Frame::Receipts(Receipts { receipts }));
            }
            let tasks: Vec<_> =
                mail.tasks.into_iter().filter_map(|(saga, step)| self.task(saga, step)).collect();
            if !tasks.is_empty() {
                self.frames.push_back(Frame::Tasks(Tasks { tasks }));
            }
        }
    }

    fn task(&self, saga: u64, step: u8) -> Option<stepwell_proto::v1::Task> {
        let mut task = self.saga.tasks.get(usize::from(step))?.clone();
        task.token = write_token(&task.token, saga, step);
        Some(task)
    }

    fn receipt(&self, saga: u64, step: u8) -> Option<Receipt> {
        let mut receipt = self.saga.receipts.get(usize::from(step))?.clone();
        receipt.token = write_token(&receipt.token, saga, step);
        Some(receipt)
    }

    /// The answer to a start or a follow, with as many bytes as it has.
    fn reply(&self, token: Bytes) -> Receipt {
        let started = token.get(8) == Some(&0);
        let size = if started { self.saga.started.encoded_len() } else { self.saga.ended.encoded_len() };
        let message = "x".repeat(size.saturating_sub(token.len()));
        Receipt { token, message, ..Receipt::default() }
    }
}

#[tonic::async_trait]
impl WorkerService for Floor {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<WorkResponse, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<WorkRequest>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let mut inbound = request.into_inner();
        let Some(WorkRequest { frame: Some(Said::Hello(Hello { worker_name, .. })), .. }) =
            inbound.message().await?
        else {
            return Err(Status::invalid_argument("expected Hello as the first frame"));
        };
        let client = (worker_name == CLIENT).then(|| Arc::new(Outbox::default()));
        let outbox = client.clone().unwrap_or_else(|| self.workers.clone());
        tokio::spawn(self.clone().listen(inbound, client));
        let frames = VecDeque::from([Frame::Welcome(Welcome::default())]);
        let speaker = Speaker { saga: self.saga.clone(), outbox, frames };
        let frames = stream::unfold(speaker, |mut speaker| async move {
            let frame = speaker.next().await;
            Some((Ok(WorkResponse { frame: Some(frame) }), speaker))
        });
        Ok(Response::new(Box::pin(frames)))
    }

    async fn complete_task(
        &self,
        _: Request<CompleteTaskRequest>,
    ) -> Result<Response<CompleteTaskResponse>, Status> {
        Err(not_part_of_it())
    }

    async fn fail_task(&self, _: Request<FailTaskRequest>) -> Result<Response<FailTaskResponse>, Status> {
        Err(not_part_of_it())
    }

    async fn record_task_heartbeat(
        &self,
        _: Request<RecordTaskHeartbeatRequest>,
    ) -> Result<Response<RecordTaskHeartbeatResponse>, Status> {
        Err(not_part_of_it())
    }
}

#[tonic::async_trait]
impl ExecutionService for Floor {
    async fn start_execution(
        &self,
        request: Request<StartExecutionRequest>,
    ) -> Result<Response<StartExecutionResponse>, Status> {
        self.call(number_in(&request.into_inner().name)?, Kind::Start).await?;
        Ok(Response::new(self.saga.started.clone()))
    }

    type FollowExecutionStream = Pin<Box<dyn Stream<Item = Result<FollowExecutionResponse, Status>> + Send>>;

    async fn follow_execution(
        &self,
        request: Request<FollowExecutionRequest>,
    ) -> Result<Response<Self::FollowExecutionStream>, Status> {
        let saga = number_in(&request.into_inner().execution)?;
        let floor = self.clone();
        Ok(Response::new(Box::pin(stream::once(async move {
            floor.call(saga, Kind::Follow).await?;
            Ok(floor.saga.ended.clone())
        }))))
    }

    async fn describe_execution(
        &self,
        _: Request<DescribeExecutionRequest>,
    ) -> Result<Response<DescribeExecutionResponse>, Status> {
        Err(not_part_of_it())
    }

    async fn list_executions(
        &self,
        _: Request<ListExecutionsRequest>,
    ) -> Result<Response<ListExecutionsResponse>, Status> {
        Err(not_part_of_it())
    }

    async fn stop_execution(
        &self,
        _: Request<StopExecutionRequest>,
    ) -> Result<Response<StopExecutionResponse>, Status> {
        Err(not_part_of_it())
    }

    async fn get_execution_history(
        &self,
        _: Request<GetExecutionHistoryRequest>,
    ) -> Result<Response<GetExecutionHistoryResponse>, Status> {
        Err(not_part_of_it())
    }
}

/// The load generator numbers its sagas at the end of their names.
fn number_in(name: &str) -> Result<u64, Status> {
    let number = name.rsplit('-').next().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| {
        Status::invalid_argument(format!("expected a name that ends in a number, found {name}"))
    })
}

fn not_part_of_it() -> Status {
    Status::unimplemented("the floor has only what the order saga needs")
}
