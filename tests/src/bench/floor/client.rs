//! The clients of the floor: a closed loop of sagas, by calls or all on one stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};
use stepwell_engine::bench::{self, Latencies, Load, Outcome as Outcomes, Pace};
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::work_response::Frame;
use stepwell_proto::v1::{self as wire, Outcome, WorkResponse};

use super::CLIENT;
use super::saga::Saga;
use super::worker::{open, say};
use crate::bench::contender::Length;

/// Runs sagas as `stepwell bench` does, with the same load generator, and reports in the same form.
///
/// # Errors
/// When the server can't be reached.
pub async fn by_calls(server: &str, saga: &Saga, in_flight: u32, length: Length) -> anyhow::Result<Value> {
    let load = Load {
        machine: saga.start.state_machine.clone(),
        pace: Pace::Concurrency(in_flight as usize),
        warmup: Duration::from_secs(length.warmup),
        duration: Duration::from_secs(length.seconds),
        failing: 0.0,
    };
    Ok(report(&bench::run(server, &load, Arc::default()).await?))
}

/// Runs sagas on one stream: whatever there is to say after a frame came in goes out in one frame.
///
/// # Errors
/// When the server can't be reached, or goes.
pub async fn on_a_stream(server: &str, saga: &Saga, in_flight: u32, length: Length) -> anyhow::Result<Value> {
    let (outbound, mut inbound) = open(server, CLIENT).await?;
    let count_from = Instant::now() + Duration::from_secs(length.warmup);
    let until = count_from + Duration::from_secs(length.seconds);
    let mut sagas = Sagas::new(saga);
    let first = (0..in_flight).map(|_| sagas.start()).collect();
    say(&outbound, wire::Outcomes { outcomes: first }).await?;
    let mut outcome = Outcomes::default();
    while !sagas.running.is_empty()
        && let Some(WorkResponse { frame }) = inbound.message().await?
    {
        let Some(Frame::Receipts(receipts)) = frame else { continue };
        let mut outcomes = Vec::with_capacity(receipts.receipts.len());
        for receipt in receipts.receipts {
            match receipt.token.get(8) {
                Some(&START) => outcomes.push(sagas.follow(&receipt.token)),
                Some(_) | None => {
                    outcome.finished += 1;
                    if let Some(began) = sagas.end(&receipt.token).filter(|began| *began >= count_from) {
                        outcome.latencies.add(began.elapsed());
                    }
                    if Instant::now() < until {
                        outcomes.push(sagas.start());
                    }
                }
            }
        }
        if !outcomes.is_empty() {
            say(&outbound, wire::Outcomes { outcomes }).await?;
        }
    }
    outcome.elapsed = count_from.elapsed();
    Ok(report(&outcome))
}

/// What the ninth byte of a request's token says.
const START: u8 = 0;
const FOLLOW: u8 = 1;
/// Bytes of such a token.
const TOKEN_BYTES: usize = 9;

/// Those under way.
struct Sagas {
    next: u64,
    running: HashMap<u64, Instant>,
    start: Answer,
    follow: Answer,
}

impl Sagas {
    fn new(saga: &Saga) -> Self {
        // A request is as long as what it stands for, its token included.
        let padding = |size: usize| Answer::Output(vec![b'x'; size.saturating_sub(TOKEN_BYTES)].into());
        Self {
            next: 0,
            running: HashMap::new(),
            start: padding(saga.start.encoded_len()),
            follow: padding(saga.follow.encoded_len()),
        }
    }

    fn start(&mut self) -> Outcome {
        let number = self.next;
        self.next += 1;
        self.running.insert(number, Instant::now());
        Outcome { token: token(number, START), result: Some(self.start.clone()) }
    }

    fn follow(&self, started: &[u8]) -> Outcome {
        Outcome { token: token(number(started), FOLLOW), result: Some(self.follow.clone()) }
    }

    /// When the saga began that has ended.
    fn end(&mut self, followed: &[u8]) -> Option<Instant> {
        self.running.remove(&number(followed))
    }
}

fn token(saga: u64, what: u8) -> prost::bytes::Bytes {
    let mut bytes = saga.to_be_bytes().to_vec();
    bytes.push(what);
    bytes.into()
}

fn number(token: &[u8]) -> u64 {
    token.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The members of `stepwell bench --output json` that the report reads.
fn report(outcome: &Outcomes) -> Value {
    let counted = Latencies::len(&outcome.latencies);
    let latency = outcome.latencies.clone().percentiles_ms([0.5, 0.9, 0.99, 1.0]);
    json!({
        "sagas": counted,
        "finished": outcome.finished,
        "errors": outcome.errors,
        "sagasPerSecond": counted as f64 / outcome.elapsed.as_secs_f64(),
        "latencyMs": latency.map(|[p50, p90, p99, max]| json!({ "p50": p50, "p90": p90, "p99": p99, "max": max })),
    })
}
