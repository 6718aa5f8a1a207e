//! The server is killed with SIGKILL again and again while sagas run with workers that answer twice, late, on
//! other streams or never. In the end every saga has ended as it should, the shop's books balance, and the
//! database holds what the engine promises.

#![expect(clippy::print_stdout, reason = "a failure is run again by the seed that was printed")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_asl::entropy::Entropy;
use stepwell_asl::machine::Limits;
use stepwell_engine::catalog::Catalog;
use stepwell_engine::demo::shop::{Books, Cents, OrderStatus, Shop};
use stepwell_engine::names::Realm;
use stepwell_engine::runtime::{Headers, verify};
use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::{ExecutionStatus, FollowExecutionRequest, StartExecutionRequest};
use stepwell_tests::postgres::Postgres;
use stepwell_tests::process::Server;
use stepwell_tests::rude_worker::{Counts, RudeWorker};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Sagas in one run, and those in flight together.
const SAGAS: u32 = 200;
const IN_FLIGHT: usize = 12;
const WORKERS: u64 = 3;

/// What a saga orders, by its number.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Happy,
    PaymentFails,
    OutOfStock,
}

impl Kind {
    fn of(number: u32) -> Self {
        match number % 4 {
            0 | 1 => Self::Happy,
            2 => Self::PaymentFails,
            _ => Self::OutOfStock,
        }
    }

    fn input(self, number: u32) -> String {
        let (customer, product) = match self {
            Self::Happy => ("cust_rich", "lamp"),
            Self::PaymentFails => ("cust_poor", "lamp"),
            Self::OutOfStock => ("cust_rich", "statue"),
        };
        format!(
            r#"{{"orderId":"ord_{number}","customerId":"{customer}","items":[{{"productId":"{product}","quantity":2,"price":10.00}}],"total":20.00}}"#
        )
    }

    /// The status of the order in the shop's book when all is over.
    fn order_status(self) -> OrderStatus {
        match self {
            Self::Happy => OrderStatus::Confirmed,
            Self::PaymentFails => OrderStatus::Cancelled,
            Self::OutOfStock => OrderStatus::OutOfStock,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_on_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("stepwell.db").display());
    torture(&url, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_on_postgres() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = Postgres::database().await;
    torture(&url, folder.path()).await;
}

async fn torture(url: &str, folder: &Path) {
    let seed = seed();
    println!("STEPWELL_SEED={seed}");
    let shop = Shop::open(folder.join("shop.db")).await.expect("a shop");
    shop.add_product("lamp", "lamp", 10_000).await.expect("a product");
    shop.add_product("statue", "statue", 1).await.expect("a product");
    shop.add_customer("cust_rich", Cents(i64::MAX / 2)).await.expect("a customer");
    shop.add_customer("cust_poor", Cents(1)).await.expect("a customer");

    let (address, addresses) = watch::channel(None);
    let counts = Arc::new(Counts::default());
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        workers.spawn(RudeWorker::new(shop.clone(), seed + number, counts.clone()).run(addresses.clone()));
    }
    let clients = tokio::spawn(run_sagas(addresses));
    let kills = kill_until_done(url, seed, &address, clients).await;
    drop(address);
    while workers.join_next().await.is_some() {}

    println!("killed {kills} times; answers {counts:?}");
    assert!(kills >= 5, "the server was killed {kills} times, too seldom to mean anything");
    assert!(counts.over.load(Ordering::Relaxed) > 0, "no answer came late or twice");
    assert!(counts.refused.load(Ordering::Relaxed) > 0, "no nonsense was sent");
    check_books(&shop.books().await.expect("books"));
    check_database(url).await;
}

/// The seed of this run: from the environment, to run a failure again, or from the clock.
fn seed() -> u64 {
    match std::env::var("STEPWELL_SEED") {
        Ok(seed) => seed.parse().expect("STEPWELL_SEED is a number"),
        Err(_) => stepwell_engine::runtime::clock::now().as_micros().unsigned_abs(),
    }
}

/// Starts the server, kills it after a while, and starts it again, until the clients are done. How often it
/// was killed.
async fn kill_until_done(
    url: &str,
    seed: u64,
    address: &watch::Sender<Option<String>>,
    mut clients: tokio::task::JoinHandle<()>,
) -> u32 {
    let mut entropy = Entropy::from_seed([seed, 7]);
    let mut kills = 0;
    let mut server = start(url).await;
    loop {
        address.send_replace(Some(server.grpc.clone()));
        let life = Duration::from_millis(entropy.next_in(20, 220).unsigned_abs());
        tokio::select! {
            () = tokio::time::sleep(life) => {
                kills += 1;
                server = tokio::task::spawn_blocking(move || {
                    server.kill();
                    server.restart();
                    server
                })
                .await
                .expect("the server starts again");
            }
            done = &mut clients => {
                done.expect("the clients end well");
                tokio::task::spawn_blocking(move || server.terminate().ok()).await.expect("the server ends");
                return kills;
            }
        }
    }
}

/// A server with the order saga, on a database that is there already.
async fn start(url: &str) -> Server {
    let url = url.to_owned();
    let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions").display().to_string();
    let start = move || Server::start_with(Some(url), &["--definitions", &definitions]);
    tokio::task::spawn_blocking(start).await.expect("the server starts")
}

/// Starts every saga and follows it to its end, whatever happens to the server meanwhile.
async fn run_sagas(addresses: watch::Receiver<Option<String>>) {
    let mut running = JoinSet::new();
    for number in 0..SAGAS {
        if running.len() >= IN_FLIGHT {
            running.join_next().await.expect("some run").expect("a saga ends well");
        }
        running.spawn(run_saga(number, addresses.clone()));
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a saga ends well");
    }
}

async fn run_saga(number: u32, addresses: watch::Receiver<Option<String>>) {
    /// Far more than a saga takes, kills included.
    const PATIENCE: Duration = Duration::from_secs(120);
    let tries = async {
        while try_saga(number, &addresses).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tries).await.unwrap_or_else(|_| panic!("saga {number} never ended"));
}

/// Starts a saga, or meets the one that was started before, and follows it. An error means: try again.
async fn try_saga(number: u32, addresses: &watch::Receiver<Option<String>>) -> Result<(), ()> {
    let address = addresses.borrow().clone().ok_or(())?;
    let mut client = ExecutionServiceClient::connect(address).await.map_err(drop)?;
    let name = format!("order-{number}");
    let request = StartExecutionRequest {
        state_machine: "order-saga".to_owned(),
        name: name.clone(),
        input: Some(Kind::of(number).input(number)),
    };
    match client.start_execution(request).await {
        Ok(_) => {}
        // Started and ended before, and the news of it was lost with the server.
        Err(status) if status.code() == tonic::Code::AlreadyExists => {}
        Err(status) => {
            let passing = matches!(
                status.code(),
                tonic::Code::Unavailable
                    | tonic::Code::Unknown
                    | tonic::Code::Cancelled
                    | tonic::Code::Internal
            );
            assert!(passing, "start of saga {number}: {status}");
            return Err(());
        }
    }
    let follow =
        FollowExecutionRequest { execution: format!("order-saga/{name}"), from_event_id: 0, end_only: true };
    let mut news = client.follow_execution(follow).await.map_err(drop)?.into_inner();
    while let Some(news) = news.message().await.map_err(drop)? {
        if let Some(ended) = news.execution {
            // Each path of this saga ends well: that is what compensation written by hand looks like.
            assert_eq!(ended.status(), ExecutionStatus::Succeeded, "saga {number}: {ended:?}");
            return Ok(());
        }
    }
    Err(())
}

fn check_books(books: &Books) {
    assert_eq!(books.check(), Vec::<String>::new());
    assert_eq!(books.orders.len(), SAGAS as usize);
    for number in 0..SAGAS {
        let order = &books.orders[&format!("order-{number}")];
        assert_eq!(order.status, Some(Kind::of(number).order_status()), "order {number}");
    }
    let sold = (0..SAGAS).filter(|number| Kind::of(*number) == Kind::Happy).count() as i64 * 2;
    let lamps = &books.products["lamp"];
    assert_eq!((lamps.available, lamps.reserved, lamps.sold), (10_000 - sold, 0, sold));
    let statues = &books.products["statue"];
    assert_eq!((statues.available, statues.reserved, statues.sold), (1, 0, 0));
    println!("the shop answered {} repeated tasks from memory", books.repeats);
}

/// Opens the database as the next server would, and checks everything in it.
async fn check_database(url: &str) {
    let store = stepwell_engine::store::open(url).await.expect("the database opens");
    let realm = Realm { region: "local".to_owned(), account: "000000000000".to_owned() };
    let headers =
        Headers { realm, limits: Limits::default(), catalog: Arc::new(Catalog::new(store.clone())) };
    let report = verify::verify(&*store, &headers).await.expect("the database answers");
    store.close().await;
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.executions, u64::from(SAGAS));
}
