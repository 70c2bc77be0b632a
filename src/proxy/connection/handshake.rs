//! The TLS handshake of a client's connection. It runs on the worker that will serve the
//! connection, under a timeout of its own, and is evicted before most others.

use std::{
    future::{Future as _, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use tokio_rustls::TlsAcceptor;

use super::timeouts::ConnectionTimer;
use crate::{
    net::{
        peer::Peer,
        stream::{HandshakeStream, Stream},
    },
    proxy::{
        shared::Shared,
        state::{ConnectionState, Phase},
    },
};

/// The encrypted bytes of a response that may wait for a slow client: one record. A client that
/// does not read would hold more as memory, and would hide its stall from the write timeout.
const UNSENT: usize = 16 * 1024;

/// Whether the connection begins with a handshake.
pub(super) fn is_wanted(stream: &Stream, shared: &Shared) -> bool {
    matches!(stream, Stream::Tcp(_)) && shared.with_config(|config| config.tls.is_some())
}

/// Returns the stream for requests: the same one without TLS, none if the handshake fails. The
/// connection keeps the certificate that is in force now.
pub(super) async fn secure(
    stream: Stream,
    peer: Peer,
    state: &Arc<ConnectionState>,
    shared: &Arc<Shared>,
) -> Option<Stream> {
    let config = shared.config();
    let (tcp, certificate) = match (stream, &config.tls) {
        (Stream::Tcp(tcp), Some(certificate)) => (tcp, certificate),
        (stream, _) => return Some(stream),
    };
    let mut timer = ConnectionTimer::new(state, shared);
    state.enter(Phase::Handshake);
    let mut accept =
        TlsAcceptor::from(certificate.server()).accept_with(HandshakeStream::new(tcp), |session| {
            session.set_buffer_limit(Some(UNSENT));
        });
    drop(config);
    let ended = poll_fn(|cx| {
        state.register(cx.waker());
        if let Poll::Ready(result) = Pin::new(&mut accept).poll(cx) {
            return Poll::Ready(result);
        }
        timer.observe();
        if state.is_evicted() {
            return Poll::Ready(Err(io::Error::other("the connection was evicted")));
        }
        let too_slow = timer.poll(cx);
        too_slow.map(|_| Err(io::ErrorKind::TimedOut.into()))
    });
    match ended.await {
        Ok(mut tls) => {
            tls.get_mut().0.finish();
            state.set_encrypted();
            state.enter(Phase::Idle);
            Some(Stream::ServerTls(Box::new(tls)))
        }
        Err(error) => {
            // Any client can cause as many of these lines as it likes.
            tracing::debug!(%peer, %error, "TLS handshake failed");
            None
        }
    }
}
