//! A worker with the manners of production: it answers twice, late, on another stream than it was asked on, or
//! not at all; it does its work twice, vanishes after it, and sends tokens that are none.
//!
//! Speaks the wire directly, for the SDK would never do such things. What it does to the shop is real.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use stepwell_asl::entropy::Entropy;
use stepwell_engine::demo::shop::{Call, Outcome as Done, Shop, Step};
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::work_request::Frame as Say;
use stepwell_proto::v1::work_response::Frame as Hear;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{Hello, Outcome, Outcomes, Task, TaskFailure, Verdict, WorkRequest};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

/// The queues of the order saga.
pub const QUEUES: [&str; 8] = [
    "reserve-inventory",
    "process-payment",
    "confirm-order",
    "send-confirmation",
    "release-inventory",
    "cancel-order",
    "notify-failure",
    "notify-out-of-stock",
];
/// Tasks it takes at a time.
const CREDITS: u32 = 32;
/// How late a late answer is, at most.
const LATE_MS_MAX: i64 = 150;

/// What became of all its answers.
#[derive(Debug, Default)]
pub struct Counts {
    /// Accepted.
    pub accepted: AtomicU64,
    /// Too late: the attempt was over.
    pub over: AtomicU64,
    /// Refused: tokens that are none.
    pub refused: AtomicU64,
    /// Streams it broke off with tasks in hand.
    pub vanished: AtomicU64,
}

/// A worker that misbehaves, from a seed.
pub struct RudeWorker {
    shop: Shop,
    counts: Arc<Counts>,
    entropy: Entropy,
}

/// What it does with one answer.
enum Manner {
    Once,
    Twice,
    Late,
    WorksTwice,
    Vanishes,
    SendsNonsense,
}

impl RudeWorker {
    /// A worker for a shop.
    #[must_use]
    pub fn new(shop: Shop, seed: u64, counts: Arc<Counts>) -> Self {
        Self { shop, counts, entropy: Entropy::from_seed([seed, 0x9E37_79B9_7F4A_7C15]) }
    }

    /// Works for whichever engine is at the address now, until the address is withdrawn.
    pub async fn run(mut self, mut address: watch::Receiver<Option<String>>) {
        // Answers outlive the stream they were asked on.
        let (answers, mut ready) = mpsc::unbounded_channel::<Outcome>();
        loop {
            let Ok(at) = address.wait_for(Option::is_some).await.map(|at| at.clone().unwrap_or_default())
            else {
                return;
            };
            let stream = self.serve(&at, &answers, &mut ready);
            tokio::select! {
                () = stream => {}
                gone = address.changed() => if gone.is_err() { return },
            }
            // A server that is down refuses at once: do not spin.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// One stream, until it breaks or this worker vanishes from it.
    async fn serve(
        &mut self,
        address: &str,
        answers: &mpsc::UnboundedSender<Outcome>,
        ready: &mut mpsc::UnboundedReceiver<Outcome>,
    ) {
        let Ok(mut client) = WorkerServiceClient::connect(address.to_owned()).await else { return };
        let (say, said) = mpsc::unbounded_channel();
        let hello = Hello { worker_name: "rude".to_owned(), queues: QUEUES.map(str::to_owned).to_vec() };
        let _ = say.send(WorkRequest { frame: Some(Say::Hello(hello)), credits: CREDITS });
        let Ok(stream) = client.work(UnboundedReceiverStream::new(said)).await else { return };
        let mut stream = stream.into_inner();
        loop {
            tokio::select! {
                heard = stream.next() => match heard {
                    Some(Ok(response)) => match response.frame {
                        Some(Hear::Tasks(tasks)) => {
                            for task in tasks.tasks {
                                if self.take(task, answers) {
                                    self.counts.vanished.fetch_add(1, Ordering::Relaxed);
                                    return;
                                }
                            }
                        }
                        Some(Hear::Receipts(receipts)) => {
                            receipts.receipts.iter().for_each(|receipt| self.count(receipt.verdict()));
                        }
                        Some(Hear::Welcome(_) | Hear::Cancellations(_) | Hear::Drain(_)) | None => {}
                    },
                    Some(Err(_)) | None => return,
                },
                Some(outcome) = ready.recv() => {
                    let frame = Some(Say::Outcomes(Outcomes { outcomes: vec![outcome] }));
                    let _ = say.send(WorkRequest { frame, credits: 1 });
                }
            }
        }
    }

    fn count(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Accepted => &self.counts.accepted,
            Verdict::AlreadyOver => &self.counts.over,
            Verdict::Refused => &self.counts.refused,
            Verdict::TryAgain | Verdict::Unspecified => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a task. True when it vanishes over it.
    fn take(&mut self, task: Task, answers: &mpsc::UnboundedSender<Outcome>) -> bool {
        let manner = self.manner();
        let work = Duration::from_millis(self.entropy.next_in(1, 15).unsigned_abs());
        let late = Duration::from_millis(self.entropy.next_in(20, LATE_MS_MAX).unsigned_abs());
        let vanishes = matches!(manner, Manner::Vanishes);
        let (shop, answers) = (self.shop.clone(), answers.clone());
        tokio::spawn(async move {
            tokio::time::sleep(work).await;
            let outcome = perform(&shop, &task).await;
            match manner {
                Manner::Once => drop(answers.send(outcome)),
                Manner::Twice => {
                    drop(answers.send(outcome.clone()));
                    drop(answers.send(outcome));
                }
                Manner::Late => {
                    tokio::time::sleep(late).await;
                    drop(answers.send(outcome));
                }
                Manner::WorksTwice => {
                    let again = perform(&shop, &task).await;
                    drop(answers.send(again));
                    drop(answers.send(outcome));
                }
                // The work is done, and nobody will ever hear of it.
                Manner::Vanishes => {}
                Manner::SendsNonsense => {
                    let mut nonsense = task.token.to_vec();
                    nonsense.reverse();
                    drop(answers.send(Outcome { token: nonsense.into(), ..outcome.clone() }));
                    drop(answers.send(Outcome { token: b"none".to_vec().into(), ..outcome.clone() }));
                    drop(answers.send(outcome));
                }
            }
        });
        vanishes
    }

    fn manner(&mut self) -> Manner {
        match self.entropy.next_in(0, 100) {
            0..55 => Manner::Once,
            55..75 => Manner::Twice,
            75..87 => Manner::Late,
            87..93 => Manner::WorksTwice,
            93..94 => Manner::Vanishes,
            _ => Manner::SendsNonsense,
        }
    }
}

/// Does a task's work in the shop.
async fn perform(shop: &Shop, task: &Task) -> Outcome {
    let input = || serde_json::from_slice(&task.input);
    let step = match task.queue.as_str() {
        "reserve-inventory" => Step::ReserveInventory(input().expect("an order")),
        "process-payment" => Step::ProcessPayment(serde_json::from_slice(&task.input).expect("a charge")),
        "confirm-order" => Step::ConfirmOrder,
        "send-confirmation" => Step::SendConfirmation,
        "release-inventory" => Step::ReleaseInventory,
        "cancel-order" => Step::CancelOrder,
        "notify-failure" => Step::NotifyFailure,
        "notify-out-of-stock" => Step::NotifyOutOfStock,
        other => panic!("a task from queue {other}, which was not asked for"),
    };
    let call = Call {
        execution: &task.execution_name,
        task: &task.queue,
        key: &task.idempotency_key,
        attempt: task.attempt,
    };
    let result = match shop.perform(&call, &step).await.expect("the shop's file is there") {
        Done::Done(answer) => Answer::Output(answer.to_string().into_bytes().into()),
        Done::Refused(refusal) => {
            Answer::Failure(TaskFailure { error: Some(refusal.error), cause: Some(refusal.cause) })
        }
    };
    Outcome { token: task.token.clone(), result: Some(result) }
}
