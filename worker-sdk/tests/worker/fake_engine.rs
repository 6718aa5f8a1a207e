//! An engine played by the test: it accepts streams and hands them over, one [`Link`] each.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use stepwell_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use stepwell_proto::v1::{self, WorkRequest, WorkResponse, outcome, work_request, work_response};
use stepwell_worker::{Error, Worker, WorkerBuilder};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// Ends a test that waits for something that never comes.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub(crate) struct FakeEngine {
    port: u16,
    links: mpsc::Receiver<Link>,
    calls: mpsc::Receiver<Call>,
}

/// A unary call, to be answered by the test.
pub(crate) struct Call {
    /// The token and what was said about it, as text.
    pub(crate) said: String,
    pub(crate) authorization: Option<String>,
    pub(crate) answer: oneshot::Sender<Result<(), Status>>,
}

impl FakeEngine {
    pub(crate) async fn start() -> Self {
        Self::serve(Server::builder()).await
    }

    pub(crate) async fn start_tls(tls: ServerTlsConfig) -> Self {
        Self::serve(Server::builder().tls_config(tls).expect("TLS options that can be used")).await
    }

    async fn serve(mut server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (links_in, links) = mpsc::channel(8);
        let (calls_in, calls) = mpsc::channel(8);
        let service = WorkerServiceServer::new(Service { links: links_in, calls: calls_in });
        tokio::spawn(server.add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
        Self { port, links, calls }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A worker for this engine that loses no time when it connects again.
    pub(crate) fn worker(&self) -> WorkerBuilder {
        let millisecond = Duration::from_millis(1);
        Worker::builder(self.address()).name("test").reconnect_backoff(millisecond, 5 * millisecond)
    }

    /// The next stream, not welcomed yet.
    pub(crate) async fn link(&mut self) -> Link {
        soon("a stream", self.links.recv()).await.expect("the server runs")
    }

    /// The next stream, welcomed, and its hello.
    pub(crate) async fn welcome(&mut self) -> (Link, Hello) {
        let mut link = self.link().await;
        let hello = link.hello().await;
        link.send(work_response::Frame::Welcome(v1::Welcome { payload_bytes_max: 262_144 })).await;
        (link, hello)
    }

    pub(crate) async fn call(&mut self) -> Call {
        soon("a call", self.calls.recv()).await.expect("the server runs")
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) queues: Vec<String>,
    pub(crate) credits: u32,
}

/// The engine's end of one stream. Dropping it ends the stream.
pub(crate) struct Link {
    pub(crate) authorization: Option<String>,
    inbound: Streaming<WorkRequest>,
    outbound: mpsc::Sender<Result<WorkResponse, Status>>,
}

impl Link {
    pub(crate) async fn hello(&mut self) -> Hello {
        let request = self.next().await;
        let Some(work_request::Frame::Hello(hello)) = request.frame else {
            panic!("expected a hello, found {request:?}");
        };
        Hello { name: hello.worker_name, queues: hello.queues, credits: request.credits }
    }

    pub(crate) async fn next(&mut self) -> WorkRequest {
        let message = soon("a frame", self.inbound.message()).await;
        message.expect("a stream that goes on").expect("a frame, not the end of the stream")
    }

    /// The next frame, which holds outcomes: one word per outcome (see [`word`]), sorted, and the credits.
    pub(crate) async fn outcomes(&mut self) -> (String, u32) {
        let request = self.next().await;
        let Some(work_request::Frame::Outcomes(outcomes)) = request.frame else {
            panic!("expected outcomes, found {request:?}");
        };
        let mut words: Vec<String> = outcomes.outcomes.into_iter().map(word).collect();
        words.sort();
        (words.join(" "), request.credits)
    }

    /// Reads frames of outcomes until there are so many; one word per outcome, sorted, and all the credits.
    pub(crate) async fn outcomes_until(&mut self, count: usize) -> (Vec<String>, u32) {
        let (mut words, mut credits) = (Vec::new(), 0);
        while words.len() < count {
            let (more, more_credits) = self.outcomes().await;
            words.extend(more.split(' ').map(str::to_owned));
            credits += more_credits;
        }
        words.sort();
        (words, credits)
    }

    /// Waits until the worker has ended its half of the stream.
    pub(crate) async fn ended(&mut self) {
        let message = soon("the end of the stream", self.inbound.message()).await;
        assert!(matches!(message, Ok(None)), "expected the end of the stream, found {message:?}");
    }

    pub(crate) async fn send(&self, frame: work_response::Frame) {
        self.outbound.send(Ok(WorkResponse { frame: Some(frame) })).await.expect("a stream that goes on");
    }

    pub(crate) async fn tasks(&self, tasks: impl IntoIterator<Item = v1::Task>) {
        let tasks = tasks.into_iter().collect();
        self.send(work_response::Frame::Tasks(v1::Tasks { tasks })).await;
    }

    /// Sends these tasks and waits until the worker has taken them: behind them goes one that comes back.
    pub(crate) async fn tasks_taken(&mut self, tasks: impl IntoIterator<Item = v1::Task>) {
        self.tasks(tasks.into_iter().chain([task("served by nobody", "probe", "null")])).await;
        assert_eq!(self.outcomes().await.0, "probe<");
    }

    pub(crate) async fn receipts(&self, verdict: v1::Verdict, tokens: &[&str]) {
        let receipt = |token: &&str| v1::Receipt {
            token: Bytes::copy_from_slice(token.as_bytes()),
            verdict: verdict.into(),
            message: "said the engine".to_owned(),
        };
        let receipts = tokens.iter().map(receipt).collect();
        self.send(work_response::Frame::Receipts(v1::Receipts { receipts })).await;
    }

    pub(crate) async fn cancel(&self, token: &str) {
        let tokens = vec![Bytes::copy_from_slice(token.as_bytes())];
        self.send(work_response::Frame::Cancellations(v1::Cancellations { tokens })).await;
    }

    pub(crate) async fn drain(&self) {
        self.send(work_response::Frame::Drain(v1::Drain {})).await;
    }

    /// Ends the stream with an error.
    pub(crate) async fn fail(self, status: Status) {
        self.outbound.send(Err(status)).await.expect("a stream that goes on");
    }
}

/// A task of this queue whose token is its name.
pub(crate) fn task(queue: &str, token: &str, input: &str) -> v1::Task {
    v1::Task {
        token: Bytes::copy_from_slice(token.as_bytes()),
        queue: queue.to_owned(),
        input: Bytes::copy_from_slice(input.as_bytes()),
        idempotency_key: format!("key-{token}"),
        attempt: 1,
        delivery: 1,
        ..v1::Task::default()
    }
}

/// An outcome as text: `token=output`, `token!error:cause` or `token<` when it was returned.
pub(crate) fn word(outcome: v1::Outcome) -> String {
    let token = String::from_utf8_lossy(&outcome.token).into_owned();
    match outcome.result.expect("an outcome with a result") {
        outcome::Result::Output(output) => format!("{token}={}", String::from_utf8_lossy(&output)),
        outcome::Result::Failure(v1::TaskFailure { error, cause }) => {
            format!("{token}!{}:{}", error.unwrap_or_default(), cause.unwrap_or_default())
        }
        outcome::Result::Returned(_) => format!("{token}<"),
    }
}

/// A worker that runs beside the test.
pub(crate) struct Running {
    shutdown: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Error>>,
}

pub(crate) fn run(worker: WorkerBuilder) -> Running {
    let worker = worker.build().expect("settings that can be used");
    let (shutdown, asked) = oneshot::channel::<()>();
    let ended = tokio::spawn(worker.run_until(async {
        let _ = asked.await;
    }));
    Running { shutdown, ended }
}

impl Running {
    /// Asks the worker to end; gives back how it ended.
    pub(crate) fn shut_down(self) -> JoinHandle<Result<(), Error>> {
        let _ = self.shutdown.send(());
        self.ended
    }

    /// Waits for a worker that ends by itself.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        soon("the end of the worker", self.ended).await.expect("a worker that does not panic")
    }
}

struct Service {
    links: mpsc::Sender<Link>,
    calls: mpsc::Sender<Call>,
}

impl Service {
    async fn take<T: Debug>(&self, request: Request<T>) -> Result<(), Status> {
        let (answer, answered) = oneshot::channel();
        let authorization = authorization(&request);
        let said = format!("{:?}", request.into_inner());
        let call = Call { said, authorization, answer };
        self.calls.send(call).await.map_err(|_| Status::unavailable("the test is over"))?;
        answered.await.map_err(|_| Status::unavailable("the test is over"))?
    }
}

fn authorization<T>(request: &Request<T>) -> Option<String> {
    request.metadata().get("authorization").map(|value| value.to_str().expect("text").to_owned())
}

#[tonic::async_trait]
impl WorkerService for Service {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<WorkResponse, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<WorkRequest>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let (outbound, responses) = mpsc::channel(16);
        let authorization = authorization(&request);
        let link = Link { authorization, inbound: request.into_inner(), outbound };
        self.links.send(link).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn complete_task(
        &self,
        request: Request<v1::CompleteTaskRequest>,
    ) -> Result<Response<v1::CompleteTaskResponse>, Status> {
        self.take(request).await.map(|()| Response::new(v1::CompleteTaskResponse {}))
    }

    async fn fail_task(
        &self,
        request: Request<v1::FailTaskRequest>,
    ) -> Result<Response<v1::FailTaskResponse>, Status> {
        self.take(request).await.map(|()| Response::new(v1::FailTaskResponse {}))
    }

    async fn record_task_heartbeat(
        &self,
        request: Request<v1::RecordTaskHeartbeatRequest>,
    ) -> Result<Response<v1::RecordTaskHeartbeatResponse>, Status> {
        self.take(request).await.map(|()| Response::new(v1::RecordTaskHeartbeatResponse {}))
    }
}
