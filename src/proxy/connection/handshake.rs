//! The TLS handshake of a client's connection. It runs on the worker that will serve the
//! connection, under a timeout of its own, and is evicted before most others.

use std::{
    future::{Future as _, poll_fn},
    io,
    sync::Arc,
    task::Poll,
};

use rustls::{ServerConnection, server::Acceptor};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::timeouts::ConnectionTimer;
use crate::{
    acme::is_challenge,
    net::{
        peer::Peer,
        stream::{HandshakeStream, Stream},
    },
    proxy::{
        config::tls::Tls,
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
    timer: &mut ConnectionTimer,
) -> Option<Stream> {
    let config = shared.config();
    let (tcp, tls) = match (stream, &config.tls) {
        (Stream::Tcp(tcp), Some(tls)) => (tcp, tls),
        (stream, _) => return Some(stream),
    };
    state.enter(Phase::Handshake);
    // Boxed, so that the memory of the handshake is freed before the requests.
    let mut accept = Box::pin(accept(
        HandshakeStream::new(tcp),
        tls.clone(),
        Arc::clone(shared),
    ));
    drop(config);
    let ended = poll_fn(|cx| {
        state.begin_poll(cx);
        if let Poll::Ready(result) = accept.as_mut().poll(cx) {
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
        // The stream of a challenge has ended.
        Ok(None) => None,
        Ok(Some(mut tls)) => {
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

/// Performs the handshake. Returns no stream after that of a challenge, which carries no request
/// and must never reach HTTP.
async fn accept(
    tcp: HandshakeStream,
    tls: Tls,
    shared: Arc<Shared>,
) -> io::Result<Option<TlsStream<HandshakeStream>>> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
    let server = match &tls {
        Tls::Files(certificate) => Some(certificate.server()),
        Tls::Acme { .. } if is_challenge(&start.client_hello()) => {
            let proof = shared.acme.challenge(&start.client_hello());
            let proof =
                proof.ok_or_else(|| io::Error::other("no challenge of this name is open"))?;
            start.into_stream(proof).await?.shutdown().await?;
            return Ok(None);
        }
        Tls::Acme { .. } => shared.acme.server(),
    };
    let server = server.ok_or_else(|| io::Error::other("no certificate was issued yet"))?;
    let limit = |session: &mut ServerConnection| session.set_buffer_limit(Some(UNSENT));
    start.into_stream_with(server, limit).await.map(Some)
}
