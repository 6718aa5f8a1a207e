//! A worker that speaks the Work stream itself, frame by frame, so that it can do what the SDK never would: lie,
//! repeat itself, forge tokens, vanish.
//!
//! Frames come in as the engine sends them and are kept by kind until a test asks for that kind.

use std::collections::VecDeque;

use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::work_request::Frame as Say;
use stepwell_proto::v1::work_response::Frame;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{
    Drain, Heartbeats, Hello, Outcome, Outcomes, Receipt, Returned, Task, TaskFailure, Verdict, Welcome,
    WorkRequest, WorkResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::node::soon;

/// Frames under way to the engine.
const OUTBOUND_MAX: usize = 64;

/// A well-formed token of no execution.
const NOBODYS_TOKEN: [u8; 32] = [0xee; 32];

/// One connected worker. Dropping it breaks its stream.
pub struct RawWorker {
    /// What the engine welcomed it with.
    pub welcome: Welcome,
    outbound: mpsc::Sender<WorkRequest>,
    inbound: Streaming<WorkResponse>,
    tasks: VecDeque<Task>,
    receipts: VecDeque<Receipt>,
    cancelled: VecDeque<Vec<u8>>,
    drained: bool,
}

impl RawWorker {
    /// Connects and says hello.
    ///
    /// # Errors
    /// When the worker is not welcome.
    pub async fn connect(
        client: &WorkerServiceClient<Channel>,
        name: &str,
        queues: &[&str],
        credits: u32,
    ) -> Result<Self, Status> {
        let queues = queues.iter().map(|queue| (*queue).to_owned()).collect();
        let hello = Say::Hello(Hello { worker_name: name.to_owned(), queues });
        Self::open(client, WorkRequest { frame: Some(hello), credits }).await
    }

    /// Connects and says something, which should have been hello.
    ///
    /// # Errors
    /// When the worker is not welcome.
    ///
    /// # Panics
    /// When the engine neither welcomes nor refuses it.
    pub async fn open(client: &WorkerServiceClient<Channel>, first: WorkRequest) -> Result<Self, Status> {
        let (outbound, requests) = mpsc::channel(OUTBOUND_MAX);
        outbound.try_send(first).expect("there is room for the first frame");
        let mut client = client.clone();
        let mut inbound = soon(client.work(ReceiverStream::new(requests))).await?.into_inner();
        let Some(WorkResponse { frame: Some(Frame::Welcome(welcome)) }) = soon(inbound.message()).await?
        else {
            panic!("expected Welcome before anything else");
        };
        Ok(Self {
            welcome,
            outbound,
            inbound,
            tasks: VecDeque::new(),
            receipts: VecDeque::new(),
            cancelled: VecDeque::new(),
            drained: false,
        })
    }

    /// Says something. Nothing happens when the stream is broken: the other half tells.
    pub async fn say(&self, frame: Say) {
        self.request(WorkRequest { frame: Some(frame), credits: 0 }).await;
    }

    /// Asks for so many tasks more.
    pub async fn ask(&self, credits: u32) {
        self.request(WorkRequest { frame: None, credits }).await;
    }

    /// Sends a whole request.
    pub async fn request(&self, request: WorkRequest) {
        let _ = soon(self.outbound.send(request)).await;
    }

    /// Gives signs of life of a task.
    pub async fn beat(&self, token: &[u8]) {
        self.say(Say::Heartbeats(Heartbeats { tokens: vec![token.to_vec().into()] })).await;
    }

    /// Says that it takes no more tasks.
    pub async fn drain(&self) {
        self.say(Say::Drain(Drain {})).await;
    }

    /// Answers a task with an output of these bytes, and waits for the receipt.
    pub async fn succeed(&mut self, token: &[u8], output: impl Into<Vec<u8>>) -> Verdict {
        self.answer(token, Some(Answer::Output(output.into().into()))).await.verdict()
    }

    /// Answers a task with a failure, and waits for the receipt.
    pub async fn fail(&mut self, token: &[u8], error: &str, cause: &str) -> Verdict {
        let failure = TaskFailure { error: Some(error.to_owned()), cause: Some(cause.to_owned()) };
        self.answer(token, Some(Answer::Failure(failure))).await.verdict()
    }

    /// Hands a task back, and waits for the receipt.
    pub async fn hand_back(&mut self, token: &[u8]) -> Verdict {
        self.answer(token, Some(Answer::Returned(Returned {}))).await.verdict()
    }

    /// Answers a task, and waits for the receipt.
    pub async fn answer(&mut self, token: &[u8], result: Option<Answer>) -> Receipt {
        self.send_outcomes([(token.to_vec(), result)]).await;
        let receipt = self.receipt().await;
        assert_eq!(receipt.token, token, "the receipt is for what was answered");
        receipt
    }

    /// Sends outcomes in one frame, and waits for nothing.
    pub async fn send_outcomes(&self, outcomes: impl IntoIterator<Item = (Vec<u8>, Option<Answer>)>) {
        let outcomes =
            outcomes.into_iter().map(|(token, result)| Outcome { token: token.into(), result }).collect();
        self.say(Say::Outcomes(Outcomes { outcomes })).await;
    }

    /// The next task.
    pub async fn task(&mut self) -> Task {
        loop {
            if let Some(task) = self.tasks.pop_front() {
                return task;
            }
            self.read().await;
        }
    }

    /// The next so many tasks.
    pub async fn take(&mut self, count: usize) -> Vec<Task> {
        let mut tasks = Vec::with_capacity(count);
        while tasks.len() < count {
            tasks.push(self.task().await);
        }
        tasks
    }

    /// Whatever has come in, tasks and receipts; waits for some of either.
    pub async fn incoming(&mut self) -> (Vec<Task>, Vec<Receipt>) {
        while self.tasks.is_empty() && self.receipts.is_empty() {
            self.read().await;
        }
        (self.tasks.drain(..).collect(), self.receipts.drain(..).collect())
    }

    /// The next receipt.
    pub async fn receipt(&mut self) -> Receipt {
        loop {
            if let Some(receipt) = self.receipts.pop_front() {
                return receipt;
            }
            self.read().await;
        }
    }

    /// The token of the next task that is no longer wanted.
    pub async fn cancellation(&mut self) -> Vec<u8> {
        loop {
            if let Some(token) = self.cancelled.pop_front() {
                return token;
            }
            self.read().await;
        }
    }

    /// Waits until the engine says that it is shutting down.
    pub async fn drained(&mut self) {
        while !self.drained {
            self.read().await;
        }
    }

    /// Waits until everything that the engine had for this worker when it was called has come in, and gives the
    /// tasks and cancellations that nobody asked for so far.
    ///
    /// An outcome of nobody's task goes all the way to the owner of executions and back. Its receipt may travel
    /// ahead of tasks that left together with it, but not the receipt of a second one.
    ///
    /// # Panics
    /// When a receipt was left unread.
    pub async fn settle(&mut self) -> (Vec<Task>, Vec<Vec<u8>>) {
        assert!(self.receipts.is_empty(), "a receipt was left unread");
        for _ in 0..2 {
            let verdict = self.succeed(&NOBODYS_TOKEN, "{}").await;
            assert_eq!(verdict, Verdict::AlreadyOver);
        }
        (self.tasks.drain(..).collect(), self.cancelled.drain(..).collect())
    }

    /// Reads to the end of the stream, and gives the status it ended with if that was not OK.
    pub async fn end(&mut self) -> Result<(), Status> {
        while let Some(response) = soon(self.inbound.message()).await? {
            self.keep(response);
        }
        Ok(())
    }

    /// Ends the worker's half of the stream, and waits for the engine to end its own.
    ///
    /// # Errors
    /// When the stream ends badly.
    pub async fn leave(mut self) -> Result<(), Status> {
        let (closed, _) = mpsc::channel(1);
        self.outbound = closed;
        self.end().await
    }

    async fn read(&mut self) {
        let response = soon(self.inbound.message()).await.expect("the stream holds");
        self.keep(response.expect("the stream goes on"));
    }

    fn keep(&mut self, response: WorkResponse) {
        match response.frame.expect("every frame is of a kind that is known") {
            Frame::Welcome(_) => panic!("expected one Welcome, found a second"),
            Frame::Tasks(tasks) => self.tasks.extend(tasks.tasks),
            Frame::Receipts(receipts) => self.receipts.extend(receipts.receipts),
            Frame::Cancellations(gone) => self.cancelled.extend(gone.tokens.into_iter().map(Into::into)),
            Frame::Drain(Drain {}) => self.drained = true,
        }
    }
}
