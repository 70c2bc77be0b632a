//! One client's connection, from its first byte to its close.
//!
//! A TLS handshake comes first, if there is one. Then hyper reads and writes HTTP/1.1 whenever the
//! client sends something. The connection applies its timeouts, responds to requests that hyper
//! cannot parse, and ends so that the client can read the last response. The stack handles the
//! requests.

mod early_reason;
mod early_response;
mod empty_lines;
mod end;
mod handshake;
mod io;
mod linger;
mod timeouts;

use std::{
    error::Error,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::TokioIo;

use early_reason::early_reason;
use early_response::early_response;
use empty_lines::without_empty_lines;
use end::End;
use io::ClientIo;
use timeouts::ConnectionTimer;

use crate::{
    net::{peer::Peer, stream::Stream},
    outcome::reject_reason::RejectReason,
    proxy::{
        admission::ConnectionPermit,
        context::RequestContext,
        load::Load,
        response_body::TrackedBody,
        shared::Shared,
        stack::Stack,
        state::{ConnectionState, Phase, READ_BUFFER},
    },
    runtime::turn::{self, Turn},
};

/// An HTTP/1.1 connection of hyper.
type Http1<S> = http1::Connection<TokioIo<ClientIo>, S>;

/// A client's connection that has its place.
pub(crate) struct Connection {
    peer: Peer,
    shared: Arc<Shared>,
    stack: Stack,
    timer: ConnectionTimer,
    permit: ConnectionPermit,
    _load: Load,
}

impl Connection {
    pub(crate) fn new(
        peer: Peer,
        permit: ConnectionPermit,
        shared: Arc<Shared>,
        stack: Stack,
        load: Load,
    ) -> Self {
        Self {
            timer: ConnectionTimer::new(permit.state(), &shared),
            peer,
            shared,
            stack,
            permit,
            _load: load,
        }
    }

    /// Performs the TLS handshake, if one is wanted, and serves the client until the connection
    /// ends.
    ///
    /// The future is the memory of an idle connection: it holds each value once, because a block
    /// uses the values that it captures in place, and it has a box for all that ends before the
    /// connection is idle.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold its arguments twice"
    )]
    pub(crate) fn serve(mut self, mut stream: Stream) -> impl Future<Output = ()> {
        async move {
            if handshake::is_wanted(&stream, &self.shared) {
                match Box::pin(self.secure(stream)).await {
                    Some(secured) => stream = secured,
                    None => return,
                }
            }
            let mut unread = Bytes::new();
            // Unread bytes are the beginning of a request that came with the last one: its header
            // timeout runs already.
            while !unread.is_empty() || poll_fn(|cx| self.poll_client(&stream, cx)).await {
                match Box::pin(self.exchange(stream, unread)).await {
                    Some(paused) => (stream, unread) = paused,
                    None => return,
                }
            }
            self.state().enter(Phase::Rejection);
            poll_fn(|cx| linger::poll_close(&mut stream, cx)).await;
        }
    }

    fn state(&self) -> &Arc<ConnectionState> {
        self.permit.state()
    }

    async fn secure(&mut self, stream: Stream) -> Option<Stream> {
        let state = self.permit.state();
        handshake::secure(stream, self.peer, state, &self.shared, &mut self.timer).await
    }

    /// Polls until the client sends bytes or closes its side. Returns false if a timeout or an
    /// eviction ends the connection.
    ///
    /// hyper's buffers and state are twenty times as large as the rest of a connection, so an idle
    /// connection has none.
    fn poll_client(&mut self, stream: &Stream, cx: &mut Context<'_>) -> Poll<bool> {
        let _turn = Turn::begin();
        self.state().begin_poll(cx);
        if stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.timer.observe();
        if self.state().is_evicted() {
            return Poll::Ready(false);
        }
        self.timer.poll(cx).map(|_| false)
    }

    /// Lets hyper exchange requests and responses with the client. If the connection pauses, it
    /// returns the stream and the bytes that hyper has read in vain.
    async fn exchange(&mut self, stream: Stream, unread: Bytes) -> Option<(Stream, Bytes)> {
        let Self {
            peer,
            shared,
            stack,
            timer,
            permit,
            ..
        } = self;
        let state = permit.state();
        let io = TokioIo::new(ClientIo::new(stream, unread, state, shared));
        let service = hyper::service::service_fn(|request| {
            let context = RequestContext::new(shared, *peer, state, turn::now());
            stack.respond(request, context)
        });
        let limit = shared.with_config(|config| config.limits.header);
        let mut http = http1::Builder::new()
            // A client that has sent all of its requests still waits for the response.
            .half_close(true)
            // Responses are short, and one piece costs the kernel less than two.
            .writev(false)
            .max_buf_size((READ_BUFFER as usize).max(limit))
            .max_header_size(limit)
            .serve_connection(io, service);
        let end = poll_fn(|cx| poll_exchange(cx, &mut http, state, timer)).await;
        let parts = http.into_parts();
        let io = parts.io.into_inner();
        if matches!(end, End::Paused) {
            // Usually empty, and even a short slice would keep the whole buffer alive.
            let unread = Bytes::copy_from_slice(without_empty_lines(&parts.read_buf));
            return Some((io.into_stream(), unread));
        }
        let reason = early_reason(&end, &io, &parts.read_buf, limit, state);
        Box::pin(self.finish(io, &end, reason)).await;
        None
    }

    /// Closes the connection so that the client can read the last response.
    async fn finish(&self, io: ClientIo, end: &End, reason: Option<RejectReason>) {
        let state = self.state();
        let in_order = is_in_order(end, state);
        state.enter(Phase::Rejection);
        if let Some(reason) = reason {
            let response = early_response(reason, &self.shared, self.peer, state);
            linger::linger(io.into_stream(), &response, state).await;
        } else if matches!(end, End::Done(_)) && state.has_unread() && !io.has_ended() {
            linger::linger(io.into_stream(), &[], state).await;
        } else if in_order {
            let mut stream = io.into_stream();
            poll_fn(|cx| linger::poll_close(&mut stream, cx)).await;
        }
    }
}

/// Tells a client that the gate is full, and closes. Under TLS it closes without a response: an
/// attacker would have the gate spend its time on handshakes.
pub(crate) async fn turn_away(stream: Stream, peer: Peer, shared: Arc<Shared>) {
    let state = Arc::new(ConnectionState::new());
    let response = early_response(RejectReason::Full, &shared, peer, &state);
    if !handshake::is_wanted(&stream, &shared) {
        linger::linger(stream, &response, &state).await;
    }
}

/// Polls hyper, then the timeouts.
fn poll_exchange<S>(
    cx: &mut Context<'_>,
    http: &mut Http1<S>,
    state: &ConnectionState,
    timer: &mut ConnectionTimer,
) -> Poll<End>
where
    S: HttpService<Incoming, ResBody = TrackedBody> + Unpin,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let _turn = Turn::begin();
    state.begin_poll(cx);
    if let Poll::Ready(result) = Pin::new(http).poll(cx) {
        return Poll::Ready(End::Done(result));
    }
    timer.observe();
    if state.is_evicted() && may_close(state) {
        return Poll::Ready(End::Evicted);
    }
    timer.poll_or_pause(cx)
}

/// Whether an evicted connection may close at once. Its phase may have changed since it was chosen.
/// The guard of a body rejects the request with a response; a delivery that was verified since then
/// is delivered.
fn may_close(state: &ConnectionState) -> bool {
    match state.phase() {
        Phase::Body => false,
        Phase::Response => state.stalled().is_some(),
        Phase::Handshake | Phase::Idle | Phase::Head | Phase::Rejection => true,
    }
}

/// Whether the last response, if there was one, is complete. A truncated response must not look
/// complete.
fn is_in_order(end: &End, state: &ConnectionState) -> bool {
    match end {
        End::Done(result) => result.is_ok(),
        End::Paused | End::Idle => true,
        End::Evicted => state.phase() == Phase::Idle,
        End::HeadTooSlow | End::WriteStalled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_verified_after_it_was_sent_away_is_delivered_all_the_same() {
        let state = ConnectionState::new();
        state.evict();
        state.begin_request();
        assert!(!may_close(&state), "its guard rejects it");
        state.enter(Phase::Response);
        assert!(!may_close(&state), "its destination has it");
        state.stall();
        assert!(may_close(&state), "only the client delays the end");
        state.enter(Phase::Idle);
        assert!(may_close(&state));
    }
}
