//! An engine node inside the process of a test, its clients, and a scripted end.
//!
//! Invariant: when a test shuts a node down, everything the node has written holds what the engine promises
//! (see `stepwell_engine::runtime::verify`).

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_asl::machine::Limits;
use stepwell_engine::catalog::Catalog;
use stepwell_engine::names::Realm;
use stepwell_engine::runtime::Headers;
use stepwell_engine::runtime::verify::verify;
use stepwell_engine::server::{self, Node, Settings};
use stepwell_engine::store;
use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::state_machine_service_client::StateMachineServiceClient;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{
    DescribeExecutionRequest, Execution, FollowExecutionRequest, FollowExecutionResponse,
    GetExecutionHistoryRequest, HistoryEvent, StartExecutionRequest, StartExecutionResponse, StateMachine,
    UpdateStateMachineRequest,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::postgres::Postgres;
use crate::raw_worker::RawWorker;

/// Long enough for anything that is going to happen at all.
const SOON: Duration = Duration::from_secs(30);

/// What should come to pass before long.
///
/// # Panics
/// When it does not.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it should not take that long")
}

/// A database for one test. Clones are the same database, which goes with the last of them.
#[derive(Clone)]
pub struct Database {
    /// Where it is.
    pub url: String,
    _folder: Option<Arc<TempDir>>,
}

impl Database {
    /// A new SQLite file.
    ///
    /// # Panics
    /// When there is no place for one.
    #[must_use]
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("stepwell.db").display());
        Self { url, _folder: Some(Arc::new(folder)) }
    }

    /// A new database on the Postgres of the tests.
    pub async fn postgres() -> Self {
        Self { url: Postgres::database().await, _folder: None }
    }
}

/// A node on free ports, and a connection to it.
pub struct TestNode {
    /// Definitions.
    pub machines: StateMachineServiceClient<Channel>,
    /// Executions.
    pub executions: ExecutionServiceClient<Channel>,
    /// Tasks.
    pub workers: WorkerServiceClient<Channel>,
    /// The connection all clients share.
    pub channel: Channel,
    database: Database,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), server::Error>>,
}

impl TestNode {
    /// Brings a node up on a database.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database, Limits::default()).await
    }

    /// The same with other limits.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with(database: &Database, limits: Limits) -> Self {
        let settings = Settings {
            database_url: database.url.clone(),
            grpc_addr: ([127, 0, 0, 1], 0).into(),
            http_addr: ([127, 0, 0, 1], 0).into(),
            realm: realm(),
            limits,
        };
        let node = soon(Node::start(settings)).await.expect("the node starts");
        let endpoint = Endpoint::from_shared(format!("http://{}", node.grpc_addr)).expect("an address");
        let channel = soon(endpoint.connect()).await.expect("a node that is up listens");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(node.run_until(async { drop(stopped.await) }));
        Self {
            machines: StateMachineServiceClient::new(channel.clone()),
            executions: ExecutionServiceClient::new(channel.clone()),
            workers: WorkerServiceClient::new(channel.clone()),
            channel,
            database: database.clone(),
            stop,
            ended,
        }
    }

    /// Tells the node to shut down; the end is to be awaited.
    pub fn begin_shut_down(self) -> ShuttingDown {
        drop(self.stop);
        ShuttingDown { ended: self.ended, database: self.database }
    }

    /// Shuts the node down and checks what it leaves behind.
    pub async fn shut_down(self) {
        self.begin_shut_down().ended().await;
    }

    /// Creates a state machine, or makes another revision of it.
    pub async fn deploy(&self, name: &str, definition: &Value) -> StateMachine {
        let request = UpdateStateMachineRequest {
            state_machine: name.to_owned(),
            definition: definition.to_string(),
            create_if_missing: true,
        };
        let response = soon(self.machines.clone().update_state_machine(request)).await;
        present(done(response).state_machine)
    }

    /// Starts an execution, as a request of this text.
    ///
    /// # Errors
    /// As the service has it.
    pub async fn try_start(
        &self,
        machine: &str,
        name: &str,
        input: &str,
    ) -> Result<StartExecutionResponse, Status> {
        let request = StartExecutionRequest {
            state_machine: machine.to_owned(),
            name: name.to_owned(),
            input: Some(input.to_owned()),
        };
        soon(self.executions.clone().start_execution(request)).await.map(tonic::Response::into_inner)
    }

    /// Starts an execution that was not there before, and gives its ARN.
    ///
    /// # Panics
    /// When it can't be started, or was.
    pub async fn run(&self, machine: &str, name: &str, input: &Value) -> String {
        let response = self.try_start(machine, name, &input.to_string()).await.expect("it starts");
        assert!(response.started, "{machine}/{name} was there already");
        present(response.execution).arn
    }

    /// An execution, as it is described.
    pub async fn describe(&self, execution: &str) -> Execution {
        let request = DescribeExecutionRequest { execution: execution.to_owned() };
        present(done(soon(self.executions.clone().describe_execution(request)).await).execution)
    }

    /// An execution as it ended, when it has ended.
    pub async fn end_of(&self, execution: &str) -> Execution {
        let mut stream = self.follow(execution, 0, true).await;
        let last = soon(stream.message()).await.expect("the stream holds").expect("an end is told");
        assert!(last.events.is_empty(), "only the end was asked for");
        present(last.execution)
    }

    /// Follows an execution.
    pub async fn follow(
        &self,
        execution: &str,
        from_event_id: u64,
        end_only: bool,
    ) -> Streaming<FollowExecutionResponse> {
        let request = FollowExecutionRequest { execution: execution.to_owned(), from_event_id, end_only };
        done(soon(self.executions.clone().follow_execution(request)).await)
    }

    /// The whole history of an execution, so far.
    pub async fn history(&self, execution: &str) -> Vec<HistoryEvent> {
        self.pages(execution, 1_000, false).await
    }

    /// The whole history of an execution, read in pages of a size.
    ///
    /// # Panics
    /// When a page that is not the last is not full.
    pub async fn pages(&self, execution: &str, page_size: u32, reverse_order: bool) -> Vec<HistoryEvent> {
        let mut request = GetExecutionHistoryRequest {
            execution: execution.to_owned(),
            page_size,
            reverse_order,
            ..Default::default()
        };
        let mut events = Vec::new();
        loop {
            let page = done(soon(self.executions.clone().get_execution_history(request.clone())).await);
            let full = page.events.len() == page_size as usize;
            events.extend(page.events);
            if page.next_page_token.is_empty() {
                return events;
            }
            assert!(full, "only the last page may be shorter than {page_size}");
            request.page_token = page.next_page_token;
        }
    }

    /// The types of an execution's events, in order.
    pub async fn event_types(&self, execution: &str) -> Vec<String> {
        self.history(execution).await.into_iter().map(|event| event.r#type).collect()
    }

    /// A worker that was welcomed.
    ///
    /// # Panics
    /// When it was not.
    pub async fn worker(&self, name: &str, queues: &[&str], credits: u32) -> RawWorker {
        RawWorker::connect(&self.workers, name, queues, credits).await.expect("the worker is welcome")
    }
}

/// A node on its way down.
pub struct ShuttingDown {
    ended: JoinHandle<Result<(), server::Error>>,
    database: Database,
}

impl ShuttingDown {
    /// Waits for the end, and checks what the node leaves behind.
    ///
    /// # Panics
    /// When it does not end well, or what it leaves does not hold what the engine promises.
    pub async fn ended(self) {
        soon(self.ended).await.expect("the node does not panic").expect("the node ends well");
        let store = store::open(&self.database.url).await.expect("the database opens again");
        let catalog = Arc::new(Catalog::new(store.clone()));
        let headers = Headers { realm: realm(), limits: Limits::default(), catalog };
        let report = verify(&*store, &headers).await.expect("the database answers");
        assert!(report.faults.is_empty(), "{:#?}", report.faults);
        store.close().await;
    }
}

fn realm() -> Realm {
    Realm { region: "local".to_owned(), account: "000000000000".to_owned() }
}

/// What an answer that must not be a refusal carries.
///
/// # Panics
/// When it is a refusal.
pub fn done<T, E: Debug>(response: Result<tonic::Response<T>, E>) -> T {
    response.expect("no refusal").into_inner()
}

/// A member that the wire can't promise, and the engine does.
///
/// # Panics
/// When it is absent.
pub fn present<T>(member: Option<T>) -> T {
    member.expect("the member is always there")
}
