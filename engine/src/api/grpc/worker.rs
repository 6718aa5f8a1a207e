//! `WorkerService`: the Work stream, and answers by token.
//!
//! A stream has two halves. The inbound half reads what the worker says and hands it to the service; it waits
//! when the engine is behind, and so does the worker. The outbound half sends whatever is in the worker's
//! outbox, all that is ready in as few frames as there are kinds. When the inbound half ends, for whatever
//! reason, the worker is gone and its tasks go to others.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use futures::stream;
use stepwell_asl::ids::TaskToken;
use stepwell_proto::v1::outcome::Result as Answered;
use stepwell_proto::v1::work_request::Frame as Said;
use stepwell_proto::v1::work_response::Frame;
use stepwell_proto::v1::worker_service_server::WorkerService;
use stepwell_proto::v1::{
    Cancellations, CompleteTaskRequest, CompleteTaskResponse, Drain, FailTaskRequest, FailTaskResponse,
    Hello, Outcome, Receipts, RecordTaskHeartbeatRequest, RecordTaskHeartbeatResponse, Returned, Tasks,
    Welcome, WorkRequest, WorkResponse,
};
use tonic::{Request, Response, Status, Streaming};
use tracing::{debug, info};

use super::status::status;
use super::{MESSAGE_BYTES_MAX, convert};
use crate::dispatch::{Mail, Outbox, Receipt, Unwelcome, Verdict, WorkerId};
use crate::names::NAME_MAX;
use crate::runtime::Stopped;
use crate::service::{Service, TaskAnswer};

/// How long a worker may take to say Hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Most queues one worker may serve.
const QUEUES_MAX: usize = 1_000;
/// Longest name of a queue, in bytes: an ARN fits.
const QUEUE_NAME_MAX: usize = 256;
/// Bytes of inputs after which a frame of tasks is full.
const FRAME_BYTES: usize = 1024 * 1024;

pub(super) struct Workers {
    service: Service,
}

impl Workers {
    pub(super) fn new(service: Service) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl WorkerService for Workers {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<WorkResponse, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<WorkRequest>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let mut inbound = request.into_inner();
        let (hello, credits) = greeting(&mut inbound).await?;
        let queues = hello.queues.iter().map(|queue| Arc::from(queue.as_str())).collect();
        let name: Arc<str> = hello.worker_name.into();
        let (worker, outbox) = self.service.dispatcher().connect(queues, credits).map_err(unwelcome)?;
        info!(worker = &*name, queues = hello.queues.len(), "a worker has connected");
        let session = Session { service: self.service.clone(), worker, name, outbox, fault: Arc::default() };
        tokio::spawn(session.clone().listen(inbound));
        let frames = stream::unfold(Speaker::new(session), |mut speaker| async move {
            let frame = speaker.next().await?;
            Some((frame, speaker))
        });
        Ok(Response::new(Box::pin(frames)))
    }

    async fn complete_task(
        &self,
        request: Request<CompleteTaskRequest>,
    ) -> Result<Response<CompleteTaskResponse>, Status> {
        let CompleteTaskRequest { task_token, output } = request.into_inner();
        let answered = self.service.answer_by_token(&task_token, TaskAnswer::Output(output.into())).await;
        answered.map_err(status)?;
        Ok(Response::new(CompleteTaskResponse {}))
    }

    async fn fail_task(
        &self,
        request: Request<FailTaskRequest>,
    ) -> Result<Response<FailTaskResponse>, Status> {
        let FailTaskRequest { task_token, failure } = request.into_inner();
        let failure = convert::failure(failure.unwrap_or_default());
        let answered = self.service.answer_by_token(&task_token, TaskAnswer::Failure(failure)).await;
        answered.map_err(status)?;
        Ok(Response::new(FailTaskResponse {}))
    }

    async fn record_task_heartbeat(
        &self,
        request: Request<RecordTaskHeartbeatRequest>,
    ) -> Result<Response<RecordTaskHeartbeatResponse>, Status> {
        self.service.beat_by_token(&request.into_inner().task_token).await.map_err(status)?;
        Ok(Response::new(RecordTaskHeartbeatResponse {}))
    }
}

/// Reads the first frame, which must be Hello, and the credits that come with it.
async fn greeting(inbound: &mut Streaming<WorkRequest>) -> Result<(Hello, u32), Status> {
    let first = tokio::time::timeout(HELLO_WITHIN, inbound.message())
        .await
        .map_err(|_| Status::invalid_argument("expected Hello within 10 seconds, found silence"))??;
    let Some(WorkRequest { frame: Some(Said::Hello(hello)), credits }) = first else {
        return Err(Status::invalid_argument("expected Hello as the first frame, found another"));
    };
    if hello.queues.is_empty() || hello.queues.len() > QUEUES_MAX {
        let found = hello.queues.len();
        return Err(Status::invalid_argument(format!("expected 1 to {QUEUES_MAX} queues, found {found}")));
    }
    if let Some(queue) = hello.queues.iter().find(|queue| queue.is_empty() || queue.len() > QUEUE_NAME_MAX) {
        let found = queue.len();
        return Err(Status::invalid_argument(format!(
            "expected queue names of 1 to {QUEUE_NAME_MAX} bytes, found one of {found}"
        )));
    }
    if hello.worker_name.chars().count() > NAME_MAX {
        return Err(Status::invalid_argument(format!(
            "expected a worker name of at most {NAME_MAX} characters"
        )));
    }
    Ok((hello, credits))
}

fn unwelcome(unwelcome: Unwelcome) -> Status {
    match unwelcome {
        Unwelcome::ShuttingDown => Status::unavailable(unwelcome.to_string()),
        Unwelcome::TooMany => Status::resource_exhausted(unwelcome.to_string()),
    }
}

/// One connected worker.
#[derive(Clone)]
struct Session {
    service: Service,
    worker: WorkerId,
    name: Arc<str>,
    outbox: Arc<Outbox>,
    /// What the worker did wrong, for the end of its stream to say.
    fault: Arc<Mutex<Option<Status>>>,
}

impl Session {
    /// The inbound half: until the worker ends the stream or breaks it, or is sent away.
    async fn listen(self, mut inbound: Streaming<WorkRequest>) {
        loop {
            // A worker that does not take its receipts is not listened to until it does.
            self.outbox.room().await;
            let message = tokio::select! {
                biased;
                message = inbound.message() => message,
                () = self.outbox.closed() => break,
            };
            match message {
                Ok(Some(request)) => {
                    if self.hear(request).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    debug!(worker = &*self.name, %error, "a worker's stream broke");
                    let found = error.message();
                    let fault = Status::invalid_argument(format!(
                        "expected a WorkRequest of at most {MESSAGE_BYTES_MAX} bytes, found: {found}"
                    ));
                    *self.fault() = Some(fault);
                    break;
                }
            }
        }
        info!(worker = &*self.name, "a worker has left");
        self.service.worker_left(self.worker).await;
        self.outbox.close();
    }

    async fn hear(&self, WorkRequest { frame, credits }: WorkRequest) -> Result<(), Stopped> {
        match frame {
            Some(Said::Outcomes(outcomes)) => {
                for outcome in outcomes.outcomes {
                    self.hear_outcome(outcome).await?;
                }
            }
            Some(Said::Heartbeats(heartbeats)) => {
                for token in heartbeats.tokens {
                    self.service.worker_beats(&token).await?;
                }
            }
            Some(Said::Drain(Drain {})) => self.service.dispatcher().drain(self.worker),
            // A second Hello changes nothing.
            Some(Said::Hello(_)) | None => {}
        }
        if credits > 0 {
            self.service.dispatcher().add_credits(self.worker, credits);
        }
        Ok(())
    }

    async fn hear_outcome(&self, Outcome { token, result }: Outcome) -> Result<(), Stopped> {
        let token = token.to_vec();
        let answer = match result {
            Some(Answered::Output(output)) => TaskAnswer::Output(output.into()),
            Some(Answered::Failure(failure)) => TaskAnswer::Failure(convert::failure(failure)),
            Some(Answered::Returned(Returned {})) => {
                self.hand_back(token);
                return Ok(());
            }
            None => {
                let message = "expected an output, a failure or a return, found neither".to_owned();
                self.outbox.receipt(Receipt { token, verdict: Verdict::Refused, message });
                return Ok(());
            }
        };
        self.service.worker_answers(self.worker, &self.outbox, token, answer).await
    }

    fn hand_back(&self, token: Vec<u8>) {
        let receipt = match TaskToken::from_bytes(&token) {
            Some(parsed) => {
                let held = self.service.dispatcher().hand_back(self.worker, parsed);
                let verdict = if held { Verdict::Accepted } else { Verdict::AlreadyOver };
                Receipt { token, verdict, message: String::new() }
            }
            None => Receipt::no_token(token),
        };
        self.outbox.receipt(receipt);
    }

    /// Lets the executions know who takes the tasks that want it known.
    async fn report_starts(&self, mail: &Mail) {
        for delivery in mail.tasks.iter().filter(|delivery| delivery.order.wants_start()) {
            if self.service.worker_starts(delivery.order.token, &self.name).await.is_err() {
                return;
            }
        }
    }

    fn fault(&self) -> MutexGuard<'_, Option<Status>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outbound half: Welcome, then the mail, and at the end what the worker did wrong, if anything. It goes when
/// nobody reads it any more; then the inbound half need not wait for anybody to take receipts.
struct Speaker {
    session: Session,
    frames: VecDeque<Frame>,
}

impl Speaker {
    fn new(session: Session) -> Self {
        let max = session.service.headers().limits.payload_bytes_max;
        let welcome = Frame::Welcome(Welcome { payload_bytes_max: u32::try_from(max).unwrap_or(u32::MAX) });
        Self { session, frames: VecDeque::from([welcome]) }
    }

    async fn next(&mut self) -> Option<Result<WorkResponse, Status>> {
        while self.frames.is_empty() {
            let Some(mail) = self.session.outbox.take().await else {
                return self.session.fault().take().map(Err);
            };
            self.session.report_starts(&mail).await;
            self.frames = into_frames(mail);
        }
        Some(Ok(WorkResponse { frame: self.frames.pop_front() }))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.session.outbox.close();
    }
}

fn into_frames(mail: Mail) -> VecDeque<Frame> {
    let mut frames = VecDeque::new();
    if !mail.receipts.is_empty() {
        let receipts = mail.receipts.into_iter().map(convert::receipt).collect();
        frames.push_back(Frame::Receipts(Receipts { receipts }));
    }
    if !mail.tasks.is_empty() {
        // Tasks of the largest size must not add up to a message that is larger than the other side takes.
        let mut tasks = Vec::new();
        let mut bytes = 0;
        for delivery in mail.tasks {
            bytes += delivery.order.input.bytes_len();
            tasks.push(convert::task(delivery));
            if bytes > FRAME_BYTES {
                frames.push_back(Frame::Tasks(Tasks { tasks: std::mem::take(&mut tasks) }));
                bytes = 0;
            }
        }
        if !tasks.is_empty() {
            frames.push_back(Frame::Tasks(Tasks { tasks }));
        }
    }
    if !mail.cancellations.is_empty() {
        let tokens = mail.cancellations.into_iter().map(|token| token.to_bytes().to_vec().into()).collect();
        frames.push_back(Frame::Cancellations(Cancellations { tokens }));
    }
    if mail.shut_down {
        frames.push_back(Frame::Drain(Drain {}));
    }
    frames
}
