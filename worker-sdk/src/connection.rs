//! Stream after stream, until the worker has drained or is refused for good.

use std::future::Future;
use std::pin::pin;

use tokio::time::{Instant, sleep, sleep_until};

use crate::Error;
use crate::endpoint::Dialer;
use crate::session::Session;
use crate::stream::{End, Signals, Stream};

/// Runs a worker. Dropping the future drops its handlers.
pub(crate) async fn run(dialer: Dialer, mut session: Session, mut signals: Signals) -> Result<(), Error> {
    let backoff = session.settings().reconnect;
    let mut failures: u32 = 0;
    loop {
        let began = Instant::now();
        let reason = match run_stream(&dialer, &mut session, &mut signals).await {
            End::Drained => return Ok(()),
            End::Final(error) => return Err(error),
            End::Lost(reason) => reason,
        };
        // Only a stream that lasted ends a row of failures: an engine that welcomes everyone and then falls
        // over is not to be met with a storm of hellos.
        failures = if began.elapsed() > backoff.longest { 1 } else { failures.saturating_add(1) };
        let delay = backoff.delay(failures);
        tracing::warn!(
            engine = dialer.address(),
            reason,
            failures,
            retry_in_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            "no stream to the engine; connecting again"
        );
        if unless_drained(&mut session, &mut signals, sleep(delay)).await.is_none() {
            return Ok(());
        }
    }
}

/// Opens one stream and speaks on it until it ends.
async fn run_stream(dialer: &Dialer, session: &mut Session, signals: &mut Signals) -> End {
    let hello = session.hello();
    match unless_drained(session, signals, Stream::open(dialer, hello)).await {
        None => End::Drained,
        Some(Err(end)) => end,
        Some(Ok((stream, welcome))) => {
            tracing::info!(engine = dialer.address(), worker = session.settings().name, "connected");
            session.receive(welcome, Instant::now());
            stream.converse(session, signals).await
        }
    }
}

/// Waits for something while there is no stream. Handlers go on and a drain can begin meanwhile; `None` when
/// it has ended, well or by its deadline.
async fn unless_drained<T>(
    session: &mut Session,
    signals: &mut Signals,
    awaited: impl Future<Output = T>,
) -> Option<T> {
    let mut awaited = pin!(awaited);
    loop {
        session.finish_all();
        if session.is_drained() {
            return None;
        }
        let deadline = session.drain_deadline();
        tokio::select! {
            biased;
            _ = &mut signals.drain, if deadline.is_none() => session.begin_drain(Instant::now()),
            value = &mut awaited => return Some(value),
            Some(finished) = session.running.next(), if !session.running.is_empty() => session.finish(finished),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                session.report_leftovers();
                return None;
            }
        }
    }
}
