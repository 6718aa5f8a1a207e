//! One stream: opened, welcomed, and then both sides speak until one ends it.
//!
//! Everything that is ready goes out together, without waiting for company: the way out holds one frame, and
//! while it is taken, outcomes, heartbeats and credits gather for the next.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use stepwell_proto::v1::{WorkRequest, WorkResponse, work_response};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::Error;
use crate::endpoint::{Dialer, root};
use crate::error::describe;
use crate::session::Session;

/// How long the engine may take to welcome a worker, once it is reached.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the engine may take to end a stream that the worker has ended.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest frame of the engine: a good deal more than the 4 MiB it should keep to.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What reaches the session from inside the process.
pub(crate) struct Signals {
    /// Tokens of tasks whose handlers ask for a heartbeat.
    pub(crate) beats: mpsc::Receiver<Bytes>,
    /// Resolves, or is dropped at its other end, when the worker is to drain.
    pub(crate) drain: oneshot::Receiver<()>,
}

/// A stream on which the worker was welcomed.
pub(crate) struct Stream {
    outbound: mpsc::Sender<WorkRequest>,
    inbound: Streaming<WorkResponse>,
}

/// Why a stream could not be opened, or ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The worker has drained.
    Drained,
    /// To be tried again.
    Lost(String),
    /// Trying again is of no use.
    Final(Error),
}

impl Stream {
    /// Connects, says hello and waits for the welcome, which is returned for the session.
    pub(crate) async fn open(dialer: &Dialer, hello: WorkRequest) -> Result<(Self, WorkResponse), End> {
        let channel = dialer.connect().await.map_err(|error| End::Lost(root(&error)))?;
        let mut client = WorkerServiceClient::new(channel).max_decoding_message_size(FRAME_BYTES_MAX);
        let (outbound, requests) = mpsc::channel(1);
        let welcomed = async {
            let _ = outbound.send(hello).await;
            let request = dialer.request(ReceiverStream::new(requests));
            let mut inbound = client.work(request).await?.into_inner();
            let welcome = inbound.message().await?;
            Ok::<_, Status>((inbound, welcome))
        };
        let silence = || End::Lost(format!("no welcome within {} s", WELCOME_TIMEOUT.as_secs()));
        let (inbound, welcome) =
            timeout(WELCOME_TIMEOUT, welcomed).await.map_err(|_| silence())?.map_err(refused)?;
        match welcome {
            Some(frame) if matches!(frame.frame, Some(work_response::Frame::Welcome(_))) => {
                Ok((Self { outbound, inbound }, frame))
            }
            Some(_) => Err(End::Lost("expected a welcome, found another frame".to_owned())),
            None => Err(End::Lost("expected a welcome, found the end of the stream".to_owned())),
        }
    }

    /// Speaks until the stream ends or the session has drained.
    pub(crate) async fn converse(mut self, session: &mut Session, signals: &mut Signals) -> End {
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut armed = None;
        loop {
            session.finish_all();
            let waiting = self.send_ready(session);
            if session.is_drained() && !session.has_frame() {
                self.end().await;
                return End::Drained;
            }
            let next = session.next_alarm();
            if let Some(at) = next.filter(|at| armed != Some(*at)) {
                alarm.as_mut().reset(at);
            }
            armed = next;
            tokio::select! {
                biased;
                _ = &mut signals.drain, if !session.is_draining() => session.begin_drain(Instant::now()),
                message = self.inbound.message() => match message {
                    Ok(Some(frame)) => session.receive(frame, Instant::now()),
                    Ok(None) => return End::Lost("the engine ended the stream".to_owned()),
                    Err(status) => return lost(status),
                },
                Some(finished) = session.running.next(), if !session.running.is_empty() => session.finish(finished),
                Some(token) = signals.beats.recv() => session.running.ask_heartbeat(&token, Instant::now()),
                // The permit is given back at once: `send_ready` takes it again, after all that is ready was
                // gathered.
                Ok(_) = self.outbound.reserve(), if waiting => {}
                () = &mut alarm, if armed.is_some() => {
                    armed = None;
                    let now = Instant::now();
                    if session.drain_deadline().is_some_and(|deadline| deadline <= now) {
                        session.report_leftovers();
                        return End::Drained;
                    }
                    session.wake(now);
                }
            }
        }
    }

    /// Sends what is ready; `true` when something is left for which there is no place just now.
    fn send_ready(&self, session: &mut Session) -> bool {
        while session.has_frame() {
            match self.outbound.try_reserve() {
                Ok(place) => {
                    if let Some(frame) = session.next_frame() {
                        place.send(frame);
                    }
                }
                Err(TrySendError::Full(())) => return true,
                // The other half of the stream knows why, and is about to say so.
                Err(TrySendError::Closed(())) => return false,
            }
        }
        false
    }

    /// Ends the worker's half of the stream and gives the engine a moment to end its own.
    async fn end(mut self) {
        drop(self.outbound);
        let goodbye = async { while let Ok(Some(_)) = self.inbound.message().await {} };
        if timeout(GOODBYE_TIMEOUT, goodbye).await.is_err() {
            tracing::debug!("the engine did not end the stream");
        }
    }
}

/// What a refusal before the welcome means.
fn refused(status: Status) -> End {
    if status.code() == Code::InvalidArgument { End::Final(Error::Refused(status)) } else { lost(status) }
}

/// What the end of a stream with an error means.
fn lost(status: Status) -> End {
    if status.code() == Code::Unauthenticated {
        End::Final(Error::Unauthenticated(status))
    } else {
        End::Lost(describe(&status))
    }
}
