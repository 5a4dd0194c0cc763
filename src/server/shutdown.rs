//! Shutdown in two phases: the first signal drains, the second aborts.

use std::net::SocketAddr;
use std::time::Duration;

use axum_server::Handle;
use tokio::sync::mpsc;

use super::readiness::Readiness;

/// How long requests in flight and open connections may take to end. With the grace before it, it stays
/// within the 30 s that Kubernetes gives a pod.
pub const DRAIN: Duration = Duration::from_secs(20);

/// What a stop signal is waited for on.
pub type Signals = mpsc::UnboundedReceiver<()>;

/// Listens for SIGTERM and SIGINT.
pub fn signals() -> std::io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Waits for the first signal, then turns readiness off, serves on for `grace` so that clients who have
/// not heard of it yet are still answered, and drains. A second signal ends all of it at once.
pub async fn drain_on_signal(
    mut signals: Signals,
    readiness: Readiness,
    handle: Handle<SocketAddr>,
    grace: Duration,
) {
    if signals.recv().await.is_none() {
        // Nobody can send one: wait with the server for something else to end it.
        std::future::pending::<()>().await;
    }
    readiness.stop();
    tracing::info!(
        grace_seconds = grace.as_secs(),
        "shutting down: no longer ready, still serving"
    );
    let drained = async {
        tokio::time::sleep(grace).await;
        handle.graceful_shutdown(Some(DRAIN));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = drained => {}
        _ = signals.recv() => {
            tracing::warn!("second signal: aborting with requests in flight");
            handle.shutdown();
        }
    }
}
