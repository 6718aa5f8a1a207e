//! What one order saga sends and writes, recorded from a real one.
//!
//! So the floor moves with the wire and the stored form: when those get leaner, it gets lower.

use std::path::Path;

use anyhow::Context;
use prost::Message;
use serde_json::{Value, json};
use stepwell_engine::store::{self, ExecutionFilter};
use stepwell_proto::v1::execution_service_client::ExecutionServiceClient;
use stepwell_proto::v1::outcome::Result as Answer;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{
    FollowExecutionRequest, FollowExecutionResponse, Outcome, Outcomes, Receipt, Receipts,
    StartExecutionRequest, StartExecutionResponse, Task, Tasks,
};

use crate::process::Server;
use crate::raw_worker::RawWorker;

/// The definition that everybody runs.
const ORDER_SAGA: &str = include_str!("../../../../definitions/order-saga.asl.json");
/// The names are as long as those that `stepwell bench` gives.
const STATE_MACHINE: &str = "stepwell-bench";
const NAME: &str = "6440e0f3a9c12-100000";
/// What an order looks like, as `stepwell bench` places it.
const ORDER: &str = r#"{"orderId":"ord_00100000","customerId":"cust_111","items":[{"productId":"prod_222","quantity":2,"price":29.99}],"total":59.98}"#;
/// A list of executions has about as many bytes of numbers for each.
const NUMBERS_BYTES: usize = 40;

/// Every message and row of one saga that goes well.
#[derive(Debug, Clone, Default)]
pub struct Saga {
    /// What starts it.
    pub start: StartExecutionRequest,
    /// The answer.
    pub started: StartExecutionResponse,
    /// What asks for its end.
    pub follow: FollowExecutionRequest,
    /// The news of its end.
    pub ended: FollowExecutionResponse,
    /// The tasks, in order.
    pub tasks: Vec<Task>,
    /// Their outcomes.
    pub outcomes: Vec<Outcome>,
    /// What the outcomes are answered with.
    pub receipts: Vec<Receipt>,
    /// Bytes written with the start, and with each outcome.
    pub rows: Vec<usize>,
}

impl Saga {
    /// Runs one saga on a server of its own and keeps what it sees.
    ///
    /// # Errors
    /// When the saga does not go well.
    pub async fn record() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("stepwell.db").display());
        let server = Server::start_with(Some(url.clone()), &[]);
        server.deploy(STATE_MACHINE, &serde_json::from_str(ORDER_SAGA)?);
        let mut saga = Self::default();
        saga.play(&server.grpc).await?;
        let _ = server.terminate().ok();
        saga.rows = rows(&url).await?;
        anyhow::ensure!(saga.rows.len() == saga.tasks.len() + 1, "expected one row per transition");
        Ok(saga)
    }

    async fn play(&mut self, server: &str) -> anyhow::Result<()> {
        let queues = ["reserve-inventory", "process-payment", "confirm-order", "send-confirmation"];
        let worker = WorkerServiceClient::connect(server.to_owned()).await?;
        let mut worker = RawWorker::connect(&worker, "bench", &queues, 1_024).await?;
        let mut client = ExecutionServiceClient::connect(server.to_owned()).await?;
        self.start = StartExecutionRequest {
            state_machine: STATE_MACHINE.to_owned(),
            name: NAME.to_owned(),
            input: Some(ORDER.to_owned()),
        };
        self.started = client.start_execution(self.start.clone()).await?.into_inner();
        self.follow = FollowExecutionRequest {
            execution: format!("{STATE_MACHINE}/{NAME}"),
            from_event_id: 0,
            end_only: true,
        };
        let mut news = client.follow_execution(self.follow.clone()).await?.into_inner();
        for _ in queues {
            let task = worker.task().await;
            let answer = Answer::Output(answer(&task.queue).to_string().into_bytes().into());
            self.receipts.push(worker.answer(&task.token, Some(answer.clone())).await);
            self.outcomes.push(Outcome { token: task.token.clone(), result: Some(answer) });
            self.tasks.push(task);
        }
        self.ended = news.message().await?.context("expected the news of the saga's end")?;
        Ok(())
    }

    /// Bytes that one saga sends, over all connections.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        let calls = [
            self.start.encoded_len(),
            self.started.encoded_len(),
            self.follow.encoded_len(),
            self.ended.encoded_len(),
        ];
        calls.iter().sum::<usize>()
            + self.tasks.iter().map(Message::encoded_len).sum::<usize>()
            + self.outcomes.iter().map(Message::encoded_len).sum::<usize>()
            + self.receipts.iter().map(Message::encoded_len).sum::<usize>()
    }

    /// Bytes that one saga writes.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.rows.iter().sum()
    }

    /// Writes it to a file, for the processes of the floor.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        let mut bytes = self.start.encode_length_delimited_to_vec();
        bytes.extend(self.started.encode_length_delimited_to_vec());
        bytes.extend(self.follow.encode_length_delimited_to_vec());
        bytes.extend(self.ended.encode_length_delimited_to_vec());
        bytes.extend(Tasks { tasks: self.tasks.clone() }.encode_length_delimited_to_vec());
        bytes.extend(Outcomes { outcomes: self.outcomes.clone() }.encode_length_delimited_to_vec());
        bytes.extend(Receipts { receipts: self.receipts.clone() }.encode_length_delimited_to_vec());
        for row in &self.rows {
            bytes.extend((*row as u64).encode_length_delimited_to_vec());
        }
        std::fs::write(file, bytes).with_context(|| format!("can't write {}", file.display()))
    }

    /// Reads it back.
    ///
    /// # Errors
    /// When the file can't be read, or holds something else.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        let mut rest = bytes.as_slice();
        let mut saga = Self {
            start: Message::decode_length_delimited(&mut rest)?,
            started: Message::decode_length_delimited(&mut rest)?,
            follow: Message::decode_length_delimited(&mut rest)?,
            ended: Message::decode_length_delimited(&mut rest)?,
            tasks: Tasks::decode_length_delimited(&mut rest)?.tasks,
            outcomes: Outcomes::decode_length_delimited(&mut rest)?.outcomes,
            receipts: Receipts::decode_length_delimited(&mut rest)?.receipts,
            rows: Vec::new(),
        };
        while !rest.is_empty() {
            saga.rows.push(usize::try_from(u64::decode_length_delimited(&mut rest)?)?);
        }
        Ok(saga)
    }
}

/// What the workers of `stepwell bench` answer.
fn answer(queue: &str) -> Value {
    match queue {
        "process-payment" => json!({ "paymentId": format!("pay_{NAME}") }),
        "confirm-order" => json!({ "status": "CONFIRMED" }),
        "send-confirmation" => json!({ "sent": true }),
        _ => serde_json::from_str(ORDER).unwrap_or_default(),
    }
}

/// Bytes of each of the only saga's rows. The first one carries its place in the list of executions.
async fn rows(url: &str) -> anyhow::Result<Vec<usize>> {
    let store = store::open(url).await?;
    let list = store.executions(&ExecutionFilter::default(), 1).await?;
    let execution = list.first().context("expected the saga in the list of executions")?;
    let history = store.history(execution.execution, 1, 1_000).await?;
    store.close().await;
    let mut rows: Vec<usize> = history.iter().map(|row| row.events.len()).collect();
    if let Some(first) = rows.first_mut() {
        *first += size_of_val(&execution.id) + execution.name.len() + NUMBERS_BYTES;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saga_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("saga");
        let task = Task { queue: "q".to_owned(), ..Task::default() };
        let saga = Saga { tasks: vec![task; 4], rows: vec![700, 0, 300], ..Saga::default() };
        saga.save(&file).unwrap();
        let loaded = Saga::load(&file).unwrap();
        assert_eq!((loaded.tasks, loaded.rows), (saga.tasks, saga.rows));
    }
}
