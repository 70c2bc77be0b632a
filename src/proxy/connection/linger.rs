//! The end of a connection whose client may still be sending. Closing a socket with unread bytes
//! resets it, and the reset destroys the answer that the client has yet to read; so what it sends is
//! read and thrown away for a while.

use std::{future::poll_fn, io, pin::Pin, task::Poll, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

use crate::{net::stream::Stream, proxy::state::ConnectionState};

const BUFFER: usize = 4096;

/// How much a client that was answered early may still send.
const BYTES: u64 = 1024 * 1024;

/// How long it may take.
const TIME: Duration = Duration::from_secs(2);

/// Writes `last_words`, closes the gate's side and reads on until the client closes its own, or
/// others need the room.
pub(crate) async fn linger(mut stream: Stream, last_words: &[u8], state: &ConnectionState) {
    let words = async {
        stream.write_all(last_words).await?;
        stream.shutdown().await?;
        let evicted = poll_fn(|cx| state.poll_evicted(cx));
        tokio::select! {
            () = evicted => Ok(()),
            rest = throw_away(stream) => rest,
        }
    };
    // What goes wrong here only the client could have wanted to know.
    let _: Result<io::Result<()>, _> = timeout(TIME, words).await;
}

/// Says goodbye without waiting for anybody to hear it: under TLS a close without `close_notify` looks
/// like an answer that an attacker cut short.
pub(crate) async fn close(mut stream: Stream) {
    poll_fn(|cx| {
        // A client whose socket is full does not read its end either.
        let _ = Pin::new(&mut stream).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}

async fn throw_away(stream: Stream) -> io::Result<()> {
    let mut rest = BufReader::with_capacity(BUFFER, stream.take(BYTES));
    tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
