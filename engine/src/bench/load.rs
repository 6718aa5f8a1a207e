//! Starting sagas and waiting for them, at a pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::{ExecutionStatus, FollowExecutionRequest, StartExecutionRequest};
use tokio::task::JoinSet;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::latencies::Latencies;
use super::workers::FAILING_CUSTOMER;

/// When the next saga starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As soon as one of so many has ended: a closed loop.
    Concurrency(usize),
    /// So many per second, whatever becomes of them: an open loop.
    PerSecond(f64),
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Load {
    /// The state machine.
    pub machine: String,
    /// When sagas start.
    pub pace: Pace,
    /// Sagas that start in this time at the beginning are not counted.
    pub warmup: Duration,
    /// How long sagas are started after the warm-up.
    pub duration: Duration,
    /// The share of orders whose payment is refused, from 0 to 1.
    pub failing: f64,
}

/// Sagas that were counted.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Those that ended as they should.
    pub latencies: Latencies,
    /// Those that did not, or could not be started.
    pub errors: u64,
    /// What the first of those said.
    pub first_error: Option<String>,
    /// All sagas that ended as they should, those of the warm-up included.
    pub finished: u64,
    /// From the end of the warm-up to the last counted end.
    pub elapsed: Duration,
}

/// Connections to the server: one carries at most 256 streams, and a saga needs one at a time.
const CONNECTIONS: usize = 4;
/// Sagas in flight above which an open loop gives up on starting more: the server is hopelessly behind.
const IN_FLIGHT_MAX: usize = 20_000;

/// Runs a load. `counted` tells how many sagas were counted so far, for a progress bar.
///
/// # Errors
/// When the server can't be reached.
pub async fn run(
    server: &str,
    load: &Load,
    counted: Arc<AtomicU64>,
) -> Result<Outcome, tonic::transport::Error> {
    let endpoint = Endpoint::new(server.to_owned())?.tcp_nodelay(true);
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(ExecutionServiceClient::new(endpoint.connect().await?));
    }
    let started = Instant::now();
    let sagas = Arc::new(Sagas {
        clients,
        machine: load.machine.clone(),
        tag: format!("{:x}", crate::runtime::clock::now().as_micros()),
        next: AtomicU64::new(0),
        failing: load.failing,
        count_from: started + load.warmup,
        until: started + load.warmup + load.duration,
        counted,
    });
    let mut outcome = match load.pace {
        Pace::Concurrency(concurrency) => closed_loop(&sagas, concurrency).await,
        Pace::PerSecond(rate) => open_loop(&sagas, rate).await,
    };
    outcome.elapsed = sagas.count_from.elapsed();
    Ok(outcome)
}

async fn closed_loop(sagas: &Arc<Sagas>, concurrency: usize) -> Outcome {
    let mut loops = JoinSet::new();
    for _ in 0..concurrency {
        let sagas = sagas.clone();
        loops.spawn(async move {
            let mut outcome = Outcome::default();
            while Instant::now() < sagas.until {
                sagas.one(Instant::now(), &mut outcome).await;
            }
            outcome
        });
    }
    gather(loops).await
}

async fn open_loop(sagas: &Arc<Sagas>, rate: f64) -> Outcome {
    let mut running = JoinSet::new();
    let mut outcome = Outcome::default();
    let interval = Duration::from_secs_f64(1.0 / rate.max(0.001));
    let mut due = Instant::now();
    while due < sagas.until {
        tokio::time::sleep_until(due.into()).await;
        while let Some(Ok(done)) = running.try_join_next() {
            outcome.merge(done);
        }
        if running.len() < IN_FLIGHT_MAX {
            let sagas = sagas.clone();
            // Measured from when it was due, so that a stalled server can't hide its stall.
            running.spawn(async move {
                let mut outcome = Outcome::default();
                sagas.one(due, &mut outcome).await;
                outcome
            });
        } else {
            outcome.fail(format!("{IN_FLIGHT_MAX} sagas are in flight already"));
        }
        due += interval;
    }
    outcome.merge(gather(running).await);
    outcome
}

async fn gather(mut parts: JoinSet<Outcome>) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(part) = parts.join_next().await {
        match part {
            Ok(part) => outcome.merge(part),
            Err(error) => outcome.fail(error.to_string()),
        }
    }
    outcome
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.latencies.merge(other.latencies);
        self.finished += other.finished;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    fn fail(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }
}

/// What all sagas of a run share.
struct Sagas {
    clients: Vec<ExecutionServiceClient<Channel>>,
    machine: String,
    /// Makes names that no earlier run has used.
    tag: String,
    next: AtomicU64,
    failing: f64,
    count_from: Instant,
    until: Instant,
    counted: Arc<AtomicU64>,
}

impl Sagas {
    /// Runs one saga to the end that its client sees.
    async fn one(&self, due: Instant, outcome: &mut Outcome) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let result = self.start_and_follow(number).await;
        outcome.finished += u64::from(result.is_ok());
        if due < self.count_from {
            return;
        }
        match result {
            Ok(()) => {
                outcome.latencies.add(due.elapsed());
                self.counted.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => outcome.fail(error.to_string()),
        }
    }

    async fn start_and_follow(&self, number: u64) -> Result<(), Status> {
        let mut client = self.client(number);
        let name = format!("{}-{number}", self.tag);
        let customer = if self.fails(number) { FAILING_CUSTOMER } else { "cust_111" };
        let input = format!(
            r#"{{"orderId":"ord_{number:08}","customerId":"{customer}","items":[{{"productId":"prod_222","quantity":2,"price":29.99}}],"total":59.98}}"#
        );
        let execution = format!("{}/{name}", self.machine);
        let state_machine = self.machine.clone();
        client.start_execution(StartExecutionRequest { state_machine, name, input: Some(input) }).await?;
        let follow = FollowExecutionRequest { execution, from_event_id: 0, end_only: true };
        let mut news = client.follow_execution(follow).await?.into_inner();
        let mut end = None;
        // Read to its end: a stream that is dropped before is reset, and a server takes only so many of those.
        while let Some(news) = news.message().await? {
            end = news.execution.or(end);
        }
        match end {
            Some(end) if end.status() == ExecutionStatus::Succeeded => Ok(()),
            Some(end) => Err(Status::unknown(format!("ended as {:?}", end.status()))),
            None => Err(Status::unknown("the news ended before the saga")),
        }
    }

    fn client(&self, number: u64) -> ExecutionServiceClient<Channel> {
        let index = usize::try_from(number).unwrap_or_default() % self.clients.len();
        self.clients[index].clone()
    }

    /// Spreads the failing orders evenly.
    fn fails(&self, number: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "saga numbers are far below 2^53")]
        let before = number as f64 * self.failing;
        (before + self.failing).floor() > before.floor()
    }
}
