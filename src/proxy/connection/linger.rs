//! The end of a connection whose client may still be sending.
//!
//! Closing a socket with unread bytes resets it, and the reset destroys the response that the
//! client has yet to read. The gate therefore reads and discards bytes for a while.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

use crate::{net::stream::Stream, proxy::state::ConnectionState};

const BUFFER: usize = 4096;

/// The bytes that a client may send after an early response.
const BYTES: u64 = 1024 * 1024;

/// The time that it may take for them.
const TIME: Duration = Duration::from_secs(2);

/// Writes `response`, closes the gate's side, and discards bytes until the client closes its side
/// or the connection is evicted.
pub(super) async fn linger(mut stream: Stream, response: &[u8], state: &ConnectionState) {
    let end = async {
        stream.write_all(response).await?;
        stream.shutdown().await?;
        let evicted = poll_fn(|cx| state.poll_evicted(cx));
        tokio::select! {
            () = evicted => Ok(()),
            rest = discard(stream) => rest,
        }
    };
    // An error here matters to the client alone.
    let _: Result<io::Result<()>, _> = timeout(TIME, end).await;
}

/// Announces the end of the stream without waiting until the client reads it. Under TLS, a close
/// without `close_notify` looks like a response that an attacker truncated.
pub(super) fn poll_close(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<()> {
    // A client whose socket is full does not read the end either.
    let _ = Pin::new(stream).poll_shutdown(cx);
    Poll::Ready(())
}

async fn discard(stream: Stream) -> io::Result<()> {
    let mut rest = BufReader::with_capacity(BUFFER, stream.take(BYTES));
    tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
