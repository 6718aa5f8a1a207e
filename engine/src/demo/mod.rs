//! The demo: a server, a shop and its workers in one process, and the order saga three times.
//!
//! Nothing here is make-believe: the server has a database and ports, the workers reach it over gRPC, and the
//! shop behind them really reserves, charges and cancels. Only the files are temporary.
//!
//! Absent: anything that prints; that is the command line's.

pub mod shop;

mod report;
mod scenario;
mod trace;
mod workers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures::future::try_join_all;
use stepwell_asl::machine::Limits;
use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::{FollowExecutionRequest, StartExecutionRequest};
use stepwell_worker::Worker;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

pub use self::report::{Report, Saga};
pub use self::scenario::{STATE_MACHINE, Scenario, undoes};
pub use self::trace::{News, Trace, Visit};

use self::shop::Shop;
use crate::catalog::{Put, PutError};
use crate::names::Realm;
use crate::runtime::clock;
use crate::server::{self, Node, Settings};

/// Longer than three sagas take on the slowest machine; beyond it something hangs.
const PLAY_WITHIN: Duration = Duration::from_secs(30);

/// Why the demo can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for the temporary files.
    #[error("can't make a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The server can't run.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// The saga can't be deployed.
    #[error(transparent)]
    Deploy(#[from] PutError),
    /// The workers can't run.
    #[error("the workers: {0}")]
    Worker(#[from] stepwell_worker::Error),
    /// The shop's file fails.
    #[error(transparent)]
    Shop(#[from] shop::Error),
    /// The server can't be reached.
    #[error("can't reach the server: {0}")]
    Unreachable(#[from] tonic::transport::Error),
    /// The server refused.
    #[error("the server answered: {}", .0.message())]
    Refused(#[from] Box<tonic::Status>),
    /// Something stopped, or never came to an end.
    #[error("expected {expected}, but {found}")]
    Stuck {
        /// What should have happened.
        expected: &'static str,
        /// What did.
        found: String,
    },
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// A server, a shop and its workers, all running.
pub struct Demo {
    /// Where the server's gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where its HTTP listens.
    pub http_addr: SocketAddr,
    shop: Shop,
    client: ExecutionServiceClient<Channel>,
    stop_worker: watch::Sender<bool>,
    stop_node: watch::Sender<bool>,
    worker: JoinHandle<Result<(), stepwell_worker::Error>>,
    node: JoinHandle<Result<(), server::Error>>,
    /// Removed with everything in it at the end.
    _folder: TempDir,
}

impl Demo {
    /// Brings everything up, with a shop that takes this long over each step.
    ///
    /// # Errors
    /// When a part can't be brought up.
    pub async fn start(latency: Duration) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("stepwell-demo-").tempdir()?;
        let shop = Shop::open(folder.path().join("shop.db")).await?.with_latency(latency);
        scenario::furnish(&shop).await?;

        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let node = Node::start(Settings {
            database_url: format!("sqlite://{}", folder.path().join("stepwell.db").display()),
            grpc_addr: any_port,
            http_addr: any_port,
            realm: Realm { region: "local".to_owned(), account: "000000000000".to_owned() },
            limits: Limits::default(),
        })
        .await?;
        let catalog = node.service().catalog();
        catalog.put(STATE_MACHINE, scenario::DEFINITION, Put::CreateOrUpdate, clock::now()).await?;

        let (grpc_addr, http_addr) = (node.grpc_addr, node.http_addr);
        let (stop_node, stopped) = watch::channel(false);
        let node = tokio::spawn(node.run_until(told(stopped)));
        let server = format!("http://{grpc_addr}");
        let worker = shop.workers(Worker::builder(server.as_str()).name("shop")).build()?;
        let (stop_worker, stopped) = watch::channel(false);
        let worker = tokio::spawn(worker.run_until(told(stopped)));
        let client = ExecutionServiceClient::connect(server).await?;
        Ok(Self { grpc_addr, http_addr, shop, client, stop_worker, stop_node, worker, node, _folder: folder })
    }

    /// Runs the three sagas at the same time, tells `tell` what they do, and says what they came to.
    ///
    /// # Errors
    /// When a part fails, or the sagas don't end. A saga that ends in another way than it should is no error
    /// but stands in the report.
    pub async fn play(&mut self, tell: impl Fn(Scenario, &Trace, News)) -> Result<Report, Error> {
        let before = self.shop.books().await?;
        let sagas = try_join_all(Scenario::ALL.map(|scenario| run(self.client.clone(), scenario, &tell)));
        let sagas = tokio::select! {
            sagas = tokio::time::timeout(PLAY_WITHIN, sagas) => sagas.map_err(|_| Error::Stuck {
                expected: "three sagas to end",
                found: format!("they still run after {} seconds", PLAY_WITHIN.as_secs()),
            })??,
            error = ended(&mut self.node, &mut self.worker) => return Err(error),
        };
        let after = self.shop.books().await?;
        Ok(Report::new(sagas, before, after))
    }

    /// Stays up until a part fails.
    pub async fn stay(&mut self) -> Error {
        ended(&mut self.node, &mut self.worker).await
    }

    /// Takes everything down, and removes the files.
    ///
    /// # Errors
    /// When a part could not end in order.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop_worker.send_replace(true);
        joined(self.worker.await, "the workers")?;
        self.stop_node.send_replace(true);
        joined(self.node.await, "the server")?;
        self.shop.close().await;
        Ok(())
    }
}

/// Starts a saga and follows it to its end.
async fn run(
    mut client: ExecutionServiceClient<Channel>,
    scenario: Scenario,
    tell: impl Fn(Scenario, &Trace, News),
) -> Result<Saga, Error> {
    let input = serde_json::json!(scenario.order()).to_string();
    let start = StartExecutionRequest {
        state_machine: STATE_MACHINE.to_owned(),
        name: scenario.name().to_owned(),
        input: Some(input),
    };
    client.start_execution(start).await?;
    let follow = FollowExecutionRequest {
        execution: format!("{STATE_MACHINE}/{}", scenario.name()),
        from_event_id: 0,
        end_only: false,
    };
    let mut stream = client.follow_execution(follow).await?.into_inner();
    let mut trace = Trace::default();
    while let Some(piece) = stream.message().await? {
        for event in &piece.events {
            if let Some(news) = trace.take(event) {
                tell(scenario, &trace, news);
            }
        }
        if let Some(execution) = piece.execution {
            tell(scenario, &trace, News::Ended(execution.status()));
            return Ok(Saga { scenario, execution, trace });
        }
    }
    Err(Error::Stuck {
        expected: "to follow every saga to its end",
        found: format!("the server fell silent about '{}'", scenario.name()),
    })
}

async fn told(mut stop: watch::Receiver<bool>) {
    // An error means that the demo itself is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Why a part ended that should run.
async fn ended(
    node: &mut JoinHandle<Result<(), server::Error>>,
    worker: &mut JoinHandle<Result<(), stepwell_worker::Error>>,
) -> Error {
    let (part, result) = tokio::select! {
        result = node => ("the server", joined(result, "the server")),
        result = worker => ("the workers", joined(result, "the workers")),
    };
    let stopped = || Error::Stuck { expected: "to be told to stop", found: format!("{part} stopped") };
    result.err().unwrap_or_else(stopped)
}

fn joined<E: Into<Error>>(
    result: Result<Result<(), E>, tokio::task::JoinError>,
    part: &'static str,
) -> Result<(), Error> {
    match result {
        Ok(result) => result.map_err(Into::into),
        Err(error) => {
            Err(Error::Stuck { expected: "to end in order", found: format!("{part} failed: {error}") })
        }
    }
}
