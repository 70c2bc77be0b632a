//! The end of a connection whose client may still be sending. Closing a socket with unread bytes
//! resets it, and the reset destroys the answer that the client has yet to read; so what it sends is
//! read and thrown away for a while.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::stream::Stream;

/// How much a client that was answered early may still send.
const BYTES: u64 = 1024 * 1024;

/// How long it may take.
const TIME: Duration = Duration::from_secs(2);

/// Writes `last_words`, closes the gate's side and reads on until the client closes its own.
pub(super) async fn linger(mut stream: Stream, last_words: &[u8]) {
    let _ = timeout(TIME, async {
        stream.write_all(last_words).await?;
        stream.shutdown().await?;
        let mut rest = stream.take(BYTES);
        tokio::io::copy_buf(
            &mut tokio::io::BufReader::with_capacity(4096, &mut rest),
            &mut tokio::io::sink(),
        )
        .await
    })
    .await;
}

/// Writes `last_words` as far as the client takes them at once: for one whose room others need.
pub(super) async fn part(mut stream: Stream, last_words: &[u8]) {
    let _ = timeout(Duration::from_millis(100), async {
        stream.write_all(last_words).await?;
        stream.shutdown().await
    })
    .await;
}
