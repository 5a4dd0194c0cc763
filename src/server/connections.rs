//! What happens to a connection below TLS: the limit on open ones, so that a refused one costs no
//! handshake, and a close that the other side can hear.

use std::future::{self, Ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Accepts as many connections as the limit allows, without Nagle's delay.
///
/// Without `TCP_NODELAY` the answer's last segment waits for an acknowledgement that the client delays:
/// 40 ms for an answer that took 20 µs.
#[derive(Debug, Clone)]
pub struct LimitedAcceptor {
    connections: Arc<Semaphore>,
}

/// The kind of the error that a connection past the limit ends with.
pub const REFUSED: io::ErrorKind = io::ErrorKind::QuotaExceeded;

impl LimitedAcceptor {
    /// Allows `limit` connections at a time.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { connections: Arc::new(Semaphore::new(limit)) }
    }
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = LimitedStream;
    type Service = S;
    type Future = Ready<io::Result<(LimitedStream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(permit) = self.connections.clone().try_acquire_owned() else {
            return future::ready(Err(io::Error::new(REFUSED, "too many open connections")));
        };
        let accepted = stream
            .set_nodelay(true)
            .map(|()| (LimitedStream { stream, closing: None, _permit: permit }, service));
        future::ready(accepted)
    }
}

/// How long a connection that was closed on this side is still read from. A round trip is enough.
pub const LINGER: Duration = Duration::from_secs(2);

/// A connection that counts against the limit until it is dropped.
///
/// Its shutdown lingers: the write side is closed, and what still arrives is read and dropped until the
/// client has closed too, or [`LINGER`] is over. A client that was about to send another request
/// when the server said goodbye would otherwise get a reset, which takes the goodbye with it: the API server
/// sends again what it knows not to have been read (HTTP/2's GOAWAY names the last stream that was),
/// and fails the call on a reset.
#[derive(Debug)]
pub struct LimitedStream {
    stream: TcpStream,
    /// Runs once the write side is closed.
    closing: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, closing, .. } = self.get_mut();
        if closing.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let deadline = closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut scratch = [0; 4096];
        loop {
            let mut late = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut late) {
                Poll::Ready(Ok(())) if !late.filled().is_empty() => {}
                // The client has closed, in whatever way.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return deadline.as_mut().poll(cx).map(Ok),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
