//! The TLS handshake of a client's connection, on the worker that will serve it: watched by its own
//! clock, and the first to go when others need the room. Which certificate is shown is `tls`'s.

use std::{
    future::{Future as _, poll_fn},
    io,
    pin::Pin,
    task::Poll,
};

use tokio_rustls::TlsAcceptor;

use crate::{
    net::{
        peer::Peer,
        stream::{HandshakeStream, Stream},
    },
    proxy::{
        connection::timeouts::Clock,
        shared::Shared,
        state::{ConnectionState, Phase},
    },
};

/// Bytes of an answer that wait encrypted for a slow client: one record. More would be memory that a
/// client holds by not reading, and it would hide from the writing clock that it does not.
const UNSENT: usize = 16 * 1024;

/// Whether this connection begins with a handshake.
pub(crate) fn is_wanted(stream: &Stream, shared: &Shared) -> bool {
    matches!(stream, Stream::Tcp(_)) && shared.with_config(|config| config.tls.is_some())
}

/// The stream that requests come over: the same one where no TLS is spoken, none if the handshake failed.
/// The certificate is the one in force now, to the connection's end.
pub(crate) async fn secure(
    stream: Stream,
    peer: Peer,
    state: &ConnectionState,
    shared: &Shared,
) -> Option<Stream> {
    let config = shared.config();
    let (tcp, certificate) = match (stream, &config.tls) {
        (Stream::Tcp(tcp), Some(certificate)) => (tcp, certificate),
        (stream, _) => return Some(stream),
    };
    let mut clock = Clock::new(state, &config.timeouts);
    state.enter(Phase::Handshake);
    let mut accept =
        TlsAcceptor::from(certificate.server()).accept_with(HandshakeStream::new(tcp), |session| {
            session.set_buffer_limit(Some(UNSENT));
        });
    drop(config);
    let ended = poll_fn(|cx| {
        state.listen(cx.waker());
        if let Poll::Ready(result) = Pin::new(&mut accept).poll(cx) {
            return Poll::Ready(result);
        }
        clock.observe(state);
        if state.is_evicted() {
            return Poll::Ready(Err(io::Error::other("others needed the room")));
        }
        let too_slow = clock.poll(cx, state, shared);
        too_slow.map(|_| Err(io::ErrorKind::TimedOut.into()))
    });
    match ended.await {
        Ok(mut tls) => {
            tls.get_mut().0.finish();
            state.encrypt();
            state.enter(Phase::Idle);
            Some(Stream::ServerTls(Box::new(tls)))
        }
        Err(error) => {
            // Anybody can cause as many of these as they like.
            tracing::debug!(%peer, %error, "no TLS handshake");
            None
        }
    }
}
