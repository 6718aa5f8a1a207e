//! The signals that ask a process to end.

/// Resolves when the process is asked to end: by Ctrl-C or, on Unix, by SIGTERM. Meant for
/// [`Worker::run_until`](crate::Worker::run_until).
///
/// When the signals can't be listened to, it says so through `tracing` and never resolves.
pub async fn shutdown_signal() {
    if let Err(error) = ended().await {
        tracing::warn!(%error, "can't listen to the signals that end the process");
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn ended() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn ended() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
