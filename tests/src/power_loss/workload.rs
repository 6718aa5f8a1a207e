//! Order sagas in flight together, and what the server acknowledged of them, and when.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{FollowExecutionRequest, StartExecutionRequest, Task, TaskFailure, Verdict};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::recorder::Recorder;
use crate::node::soon;
use crate::raw_worker::RawWorker;
use crate::rude_worker::QUEUES;

/// The state machine of all executions.
const MACHINE: &str = "order-saga";
/// Executions that run at one time.
const IN_FLIGHT: usize = 12;
/// Tasks the worker takes at a time.
const CREDITS: u32 = 64;
/// What was acknowledged of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Its start was answered; with this input.
    Started(String),
    /// A worker got the receipt for an answer: the output, or the error, of a task.
    Answered(String),
    /// Somebody who follows it was told that it has succeeded.
    Succeeded,
}

/// Something that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// How much was recorded when it was heard: a cut behind that must not undo it.
    pub position: u64,
    /// The name of the execution.
    pub execution: String,
    /// What was acknowledged.
    pub news: News,
}

/// The input of an execution, by its number.
fn input(number: usize) -> String {
    // Some rows fill pages of their own.
    let note = "n".repeat(number % 7 * 2_000);
    format!(
        r#"{{"orderId":"ord_{number}","customerId":"cust_111","items":[{{"productId":"lamp","quantity":2,"price":10.00}}],"total":20.00,"note":"{note}"}}"#
    )
}

/// Everybody who talks to the server, and what they have heard.
#[derive(Clone)]
struct Listeners {
    recorder: Arc<Recorder>,
    heard: Arc<Mutex<Vec<Acknowledgement>>>,
}

impl Listeners {
    fn hear(&self, execution: &str, news: News) {
        self.hear_at(self.recorder.position(), execution, news);
    }

    fn hear_at(&self, position: u64, execution: &str, news: News) {
        let acknowledgement = Acknowledgement { position, execution: execution.to_owned(), news };
        self.heard.lock().expect("nobody panics with it").push(acknowledgement);
    }
}

/// Runs sagas, which are numbered, to their ends, and gives what was acknowledged, in the order in which it was
/// heard.
///
/// # Panics
/// When one does not end well.
pub async fn run(recorder: &Arc<Recorder>, grpc: &str, sagas: Range<usize>) -> Vec<Acknowledgement> {
    let channel = Channel::from_shared(grpc.to_owned()).expect("an address");
    let channel = soon(channel.connect()).await.expect("a server that is ready listens");
    let listeners = Listeners { recorder: recorder.clone(), heard: Arc::default() };
    let workers = WorkerServiceClient::new(channel.clone());
    let worker = RawWorker::connect(&workers, "quick", &QUEUES, CREDITS).await.expect("welcome");
    let worker = tokio::spawn(work(worker, listeners.clone()));
    let mut running = JoinSet::new();
    for number in sagas {
        if running.len() >= IN_FLIGHT {
            running.join_next().await.expect("some run").expect("a saga ends well");
        }
        running.spawn(order(ExecutionServiceClient::new(channel.clone()), number, listeners.clone()));
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a saga ends well");
    }
    worker.abort();
    let mut heard = listeners.heard.lock().expect("nobody panics with it");
    std::mem::take(&mut heard)
}

/// Starts one saga and waits for its end.
async fn order(mut client: ExecutionServiceClient<Channel>, number: usize, listeners: Listeners) {
    let name = format!("order-{number}");
    let request = StartExecutionRequest {
        state_machine: MACHINE.to_owned(),
        name: name.clone(),
        input: Some(input(number)),
    };
    soon(client.start_execution(request)).await.expect("it starts");
    listeners.hear(&name, News::Started(input(number)));
    let follow =
        FollowExecutionRequest { execution: format!("{MACHINE}/{name}"), from_event_id: 0, end_only: true };
    let mut news = soon(client.follow_execution(follow)).await.expect("it is there").into_inner();
    let ended = soon(news.message()).await.expect("the stream holds").expect("an end is told");
    assert!(ended.execution.is_some_and(|execution| execution.error.is_none()), "{name} failed");
    listeners.hear(&name, News::Succeeded);
}

/// Answers every task at once, and hears the receipts.
async fn work(mut worker: RawWorker, listeners: Listeners) {
    let mut sent = BTreeMap::<Vec<u8>, (String, String)>::new();
    loop {
        let (tasks, receipts) = worker.incoming().await;
        let position = listeners.recorder.position();
        for receipt in receipts {
            assert_eq!(receipt.verdict(), Verdict::Accepted, "{}", receipt.message);
            let (execution, answer) = sent.remove(receipt.token.as_ref()).expect("a receipt of an answer");
            listeners.hear_at(position, &execution, News::Answered(answer));
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        for task in tasks {
            let (said, result) = answer(&task);
            sent.insert(task.token.to_vec(), (task.execution_name, said));
            outcomes.push((task.token.to_vec(), Some(result)));
        }
        if !outcomes.is_empty() {
            worker.ask(u32::try_from(outcomes.len()).expect("no more than there were credits")).await;
            worker.send_outcomes(outcomes).await;
        }
    }
}

/// The answer to a task, and what its history will say: no two answers are alike, but for payments that fail.
fn answer(task: &Task) -> (String, Answer) {
    if task.queue == "process-payment" && is_poor(&task.execution_name) {
        let error = "PaymentFailed".to_owned();
        let failure = TaskFailure { error: Some(error.clone()), cause: Some("no funds".to_owned()) };
        return (error, Answer::Failure(failure));
    }
    let output = format!(r#"{{"done":"{}","of":"{}"}}"#, task.queue, task.execution_name);
    (output.clone(), Answer::Output(output.into_bytes().into()))
}

/// A third of the orders can't be paid, and are compensated.
fn is_poor(execution: &str) -> bool {
    let number = execution.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
    number.is_some_and(|number| number % 3 == 2)
}
