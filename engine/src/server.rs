//! One engine node: a database, the owner of its executions, and the ports it is reached on.
//!
//! The order of things: open the database and take its ownership, recover, listen, say ready. Down again: say
//! not ready, tell workers to drain, let calls end, stop the owner, close the database.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use stepwell_asl::machine::Limits;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::{error, info, warn};

use crate::api::grpc;
use crate::api::http::{self, Readiness};
use crate::catalog::Catalog;
use crate::dispatch::Dispatcher;
use crate::names::Realm;
use crate::runtime::{Headers, Owner};
use crate::service::Service;
use crate::store::{self, Store};

/// How long workers are given to hand in what they have, once they were told to drain.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);
/// How long calls are given to end by themselves.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The longest wait between two tries to reach the database again.
const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(5);

/// What a node needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Where gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where HTTP listens.
    pub http_addr: SocketAddr,
    /// What ARNs say.
    pub realm: Realm,
    /// What executions may not exceed.
    pub limits: Limits,
}

/// Why a node can't run, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An address can't be listened on.
    #[error("can't listen on {address} for {what}: {error}; is another server running there?")]
    Listen {
        /// gRPC or HTTP.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// Serving failed.
    #[error("the {0} server failed: {1}")]
    Serve(&'static str, String),
}

/// A node that runs.
pub struct Node {
    /// Where gRPC listens, with the port that was free if 0 was asked for.
    pub grpc_addr: SocketAddr,
    /// Where HTTP listens.
    pub http_addr: SocketAddr,
    service: Service,
    store: Arc<dyn Store>,
    dispatcher: Arc<Dispatcher>,
    readiness: Readiness,
    health: HealthReporter,
    down: watch::Sender<Phase>,
    owner: JoinHandle<Result<(), store::Error>>,
    lease: JoinHandle<Result<(), store::Error>>,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
    http: JoinHandle<std::io::Result<()>>,
}

/// How far down a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Up,
    /// The ports take no new calls.
    Closing,
    /// The owner stops.
    Down,
}

impl Node {
    /// Brings a node up. When this answers, it is ready.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let store = store::open(&settings.database_url).await?;
        let catalog = Arc::new(Catalog::new(store.clone()));
        let dispatcher = Arc::new(Dispatcher::default());
        let headers = Headers { realm: settings.realm, limits: settings.limits, catalog };
        let (mut owner, handle) = Owner::new(store.clone(), dispatcher.clone(), headers.clone());
        owner.recover().await?;
        let service = Service::new(store.clone(), handle, dispatcher.clone(), headers);

        let (down, phase) = watch::channel(Phase::Up);
        let readiness = Readiness::default();
        let (grpc_listener, grpc_addr) = listen("gRPC", settings.grpc_addr).await?;
        let (http_listener, http_addr) = listen("HTTP", settings.http_addr).await?;
        let (health, health_service) = tonic_health::server::health_reporter();
        let closing = reached(phase.clone(), Phase::Closing).boxed().shared();
        let router = grpc::router(&service, health_service, closing)
            .map_err(|error| Error::Serve("gRPC", error.to_string()))?;
        let grpc = tokio::spawn(router.serve_with_incoming_shutdown(
            // Frames are small and somebody waits for each: none may sit in the kernel for company.
            TcpIncoming::from(grpc_listener).with_nodelay(Some(true)),
            reached(phase.clone(), Phase::Closing),
        ));
        let routes = http::router(readiness.clone());
        let closing = reached(phase.clone(), Phase::Closing);
        let http =
            tokio::spawn(async { axum::serve(http_listener, routes).with_graceful_shutdown(closing).await });
        let owner = tokio::spawn(own(owner, reached(phase.clone(), Phase::Down)));
        let lease = tokio::spawn(keep_lease(store.clone(), phase));
        readiness.set(true);
        health.set_service_status("", ServingStatus::Serving).await;
        Ok(Self {
            grpc_addr,
            http_addr,
            service,
            store,
            dispatcher,
            readiness,
            health,
            down,
            owner,
            lease,
            grpc,
            http,
        })
    }

    /// Everything a client can ask, without a wire between.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Runs until `shutdown` resolves, then goes down in order; or until something it can't do without fails.
    ///
    /// # Errors
    /// When the database, its ownership or a port is lost.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let failed = tokio::select! {
            () = shutdown => None,
            owner = &mut self.owner => Some(flatten(owner)),
            lease = &mut self.lease => Some(flatten(lease)),
        };
        match failed {
            None => {
                info!("shutting down");
                self.go_down().await;
                Ok(())
            }
            Some(result) => {
                // Nothing can be confirmed any more: whoever waits learns by the broken connection, and the
                // next start reads what is true.
                self.store.close().await;
                result?;
                Err(Error::Serve("engine", "it stopped for no reason given".to_owned()))
            }
        }
    }

    async fn go_down(self) {
        self.readiness.set(false);
        self.health.set_service_status("", ServingStatus::NotServing).await;
        self.dispatcher.shut_down();
        let drained = async {
            while self.dispatcher.workers() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_WITHIN, drained).await;
        self.dispatcher.send_away();
        self.down.send_replace(Phase::Closing);
        let ended = async {
            let _ = self.grpc.await;
            let _ = self.http.await;
        };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            warn!("some calls did not end by themselves and are cut off");
        }
        self.down.send_replace(Phase::Down);
        if let Err(error) = flatten(self.owner.await) {
            error!(%error, "the last commit failed");
        }
        self.store.close().await;
    }
}

fn flatten(joined: Result<Result<(), store::Error>, tokio::task::JoinError>) -> Result<(), Error> {
    match joined {
        Ok(result) => result.map_err(Error::from),
        Err(error) => Err(Error::Serve("engine", error.to_string())),
    }
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |error| Error::Listen { what, address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Resolves when a node is as far down as this.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // An error means that the node itself is gone, which is further down still.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// Runs the owner. A database that went away is waited for; then everything is read anew.
async fn own(mut owner: Owner, down: impl Future<Output = ()>) -> Result<(), store::Error> {
    tokio::pin!(down);
    loop {
        match owner.run(down.as_mut()).await {
            Err(store::Error::Unavailable(error)) => {
                warn!(%error, "the database went away; reading everything anew when it is back");
                recover(&mut owner).await?;
                info!("the database is back");
            }
            other => return other,
        }
    }
}

async fn recover(owner: &mut Owner) -> Result<(), store::Error> {
    let mut wait = Duration::from_millis(50);
    loop {
        match owner.recover().await {
            Err(store::Error::Unavailable(_)) => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RECONNECT_WAIT_MAX);
            }
            other => return other,
        }
    }
}

/// Keeps the ownership of the database. Ends with an error when it is lost for good.
async fn keep_lease(store: Arc<dyn Store>, phase: watch::Receiver<Phase>) -> Result<(), store::Error> {
    let down = reached(phase, Phase::Down);
    tokio::pin!(down);
    let Some(lease) = store.lease() else {
        down.await;
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            () = &mut down => return std::future::pending().await,
            () = tokio::time::sleep(lease / 3) => {}
        }
        match store.renew().await {
            Ok(()) => {}
            Err(error @ store::Error::Fenced(_)) => return Err(error),
            // The lease outlasts two failures; commits are fenced whatever happens here.
            Err(error) => warn!(%error, "the ownership of the database could not be renewed"),
        }
    }
}
