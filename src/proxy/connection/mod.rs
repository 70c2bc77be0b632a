//! One client's connection, from its first byte to its close: a TLS handshake where there is one, then, whenever the
//! client has something to say, hyper reads and writes HTTP/1.1. This watches its timeouts, answers for what hyper could not parse,
//! and ends it so that the client can read its last answer. What a request means is decided in the stack.

mod handshake;
pub(crate) mod idle;
pub(crate) mod io;
mod linger;
pub(crate) mod timeouts;

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use io::ClientIo;
use timeouts::Clock;

use crate::{
    net::{peer::Peer, stream::Stream},
    outcome::reject_reason::RejectReason,
    proxy::{
        access_log,
        admission::ConnectionPermit,
        context::RequestContext,
        layers::body_guard::{GuardedBody, skip_rest},
        response::{ResponseBody, Tracked},
        shared::Shared,
        stack::Stack,
        state::{ConnectionState, Phase},
    },
    runtime::yield_once::yield_once,
};

/// Bytes that hyper reads at most at a time, which bounds what a slice of its buffer keeps alive.
pub(crate) const READ_BUFFER: u64 = 64 * 1024;

/// Why a connection ended.
#[derive(Debug)]
enum Ended {
    /// hyper is done with it, in order or not.
    Done(Result<(), hyper::Error>),
    /// Nothing is said for now; it only ends for hyper.
    Paused,
    /// No request came, or the gate is closing.
    Idle,
    /// A head did not come in time.
    HeadTooSlow,
    /// The client does not read its answer.
    WriteStalled,
    /// Others needed the room.
    Evicted,
}

/// Serves a connection that has a place in the connections.
pub(crate) async fn serve<S: Stack>(
    stream: Stream,
    peer: Peer,
    member: ConnectionPermit,
    shared: Arc<Shared>,
    stack: S,
) {
    let state = Arc::clone(member.state());
    let Some(mut stream) = handshake::secure(stream, peer, &state, &shared).await else {
        return;
    };
    let mut clock = shared.with_config(|config| Clock::new(&state, &config.timeouts));
    let mut unread = Bytes::new();
    // The beginning of a request that was read behind the last one is no pause: its header timeout runs.
    while !unread.is_empty() || idle::wait(&stream, &mut clock, &state, &shared).await {
        let talk = talk(stream, unread, peer, &mut clock, &state, &shared, &stack);
        // Boxed, so that its memory is given back when it pauses.
        match Box::pin(talk).await {
            Some(paused) => (stream, unread) = paused,
            None => return,
        }
    }
    state.enter(Phase::Refusal);
    linger::close(stream).await;
}

/// Lets hyper speak with the client. Comes back with the stream, and what was read of it in vain, if they only pause.
async fn talk<S: Stack>(
    stream: Stream,
    unread: Bytes,
    peer: Peer,
    clock: &mut Clock,
    state: &Arc<ConnectionState>,
    shared: &Arc<Shared>,
    stack: &S,
) -> Option<(Stream, Bytes)> {
    let io = ClientIo::new(stream, unread, Arc::clone(state), Arc::clone(shared));
    let io = TokioIo::new(io);
    let service = hyper::service::service_fn(|request| {
        let (shared, state) = (Arc::clone(shared), Arc::clone(state));
        let context = RequestContext::begin(shared, peer, state, Instant::now());
        answer(request, context, stack.clone())
    });
    let limit = shared.with_config(|config| config.limits.header);
    let mut connection = http1::Builder::new()
        // A client that has said all it wants to say still waits for its answer.
        .half_close(true)
        // Answers are short, and one piece costs the kernel less than two.
        .writev(false)
        .max_buf_size((READ_BUFFER as usize).max(limit))
        .max_header_size(limit)
        .serve_connection(io, service);
    let ended = poll_fn(|cx| drive(cx, &mut connection, clock, state, shared)).await;
    let parts = connection.into_parts();
    let io = parts.io.into_inner();
    if matches!(ended, Ended::Paused) {
        // Nearly always nothing, and a slice even of that would keep the whole buffer.
        let unread = Bytes::copy_from_slice(without_empty_lines(&parts.read_buf));
        return Some((io.into_stream(), unread));
    }
    let refusal = refusal(&ended, &io, &parts.read_buf, limit, state);
    let in_order = is_in_order(&ended, state);
    state.enter(Phase::Refusal);
    if let Some(refusal) = refusal {
        let words = access_log::last_words(refusal, shared, peer, state);
        linger::linger(io.into_stream(), &words, state).await;
    } else if matches!(ended, Ended::Done(_)) && state.is_unread() && !io.has_ended() {
        linger::linger(io.into_stream(), &[], state).await;
    } else if in_order {
        linger::close(io.into_stream()).await;
    }
    None
}

/// The bytes without the line ends that some clients send behind a body (RFC 9112, section 2.2). They
/// begin no request.
fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte));
    begin.map_or(&[], |begin| &bytes[begin..])
}

/// Whether the last answer, if there was one, is whole. The end of one that broke off must not look
/// like its end.
fn is_in_order(ended: &Ended, state: &ConnectionState) -> bool {
    match ended {
        Ended::Done(result) => result.is_ok(),
        Ended::Paused | Ended::Idle => true,
        Ended::Evicted => state.phase() == Phase::Idle,
        Ended::HeadTooSlow | Ended::WriteStalled => false,
    }
}

/// Tells a client that the gate is full, and closes. Under TLS it closes without a word: handshakes that
/// lead nowhere are what an attacker would have it spend its time on.
pub(crate) async fn turn_away(stream: Stream, peer: Peer, shared: Arc<Shared>) {
    let state = Arc::new(ConnectionState::new());
    let words = access_log::last_words(RejectReason::Full, &shared, peer, &state);
    if !handshake::is_wanted(&stream, &shared) {
        linger::linger(stream, &words, &state).await;
    }
}

/// Answers one request. A connection that breaks off drops this future, wherever it is.
async fn answer<S: Stack>(
    request: Request<Incoming>,
    context: Arc<RequestContext>,
    stack: S,
) -> Result<Response<Tracked<ResponseBody>>, Infallible> {
    poll_fn(|_| context.connection.poll_clear()).await;
    context.connection.begin_request();
    let entry = access_log::Entry::open(&context, &request);
    let mut request = GuardedBody::new(request, &context);
    request.extensions_mut().insert(Arc::clone(&context));
    let Ok(response) = tower::ServiceExt::oneshot(stack, request).await;
    let phase = context.answer_phase();
    if phase == Phase::Refusal {
        // Forgeries come in floods.
        yield_once().await;
    }
    context.connection.enter(phase);
    skip_rest(&context).await;
    let response = entry.close(response);
    Ok(response.map(|body| Tracked::new(body, Arc::clone(&context.connection))))
}

/// Polls a connection, then its timeouts.
fn drive<S>(
    cx: &mut Context<'_>,
    connection: &mut http1::Connection<TokioIo<ClientIo>, S>,
    clock: &mut Clock,
    state: &ConnectionState,
    shared: &Shared,
) -> Poll<Ended>
where
    S: HttpService<Incoming, ResBody = Tracked<ResponseBody>> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    state.listen(cx.waker());
    state.begin_turn();
    if let Poll::Ready(result) = Pin::new(connection).poll(cx) {
        return Poll::Ready(Ended::Done(result));
    }
    clock.observe(state);
    if state.is_evicted() && may_go(state) {
        return Poll::Ready(Ended::Evicted);
    }
    clock.poll_talking(cx, state, shared)
}

/// Who sends a connection away judges what it was doing a moment ago. A body that must go is told so
/// by its guard, and gets an answer; one that was verified since is delivered all the same.
fn may_go(state: &ConnectionState) -> bool {
    match state.phase() {
        Phase::Body => false,
        Phase::Answer => state.stalled().is_some(),
        Phase::Handshake | Phase::Idle | Phase::Head | Phase::Refusal => true,
    }
}

/// What to answer to a request that never became one.
fn refusal(
    ended: &Ended,
    io: &ClientIo,
    unread: &[u8],
    limit: usize,
    state: &ConnectionState,
) -> Option<RejectReason> {
    let in_head = state.phase() == Phase::Head;
    match ended {
        Ended::Done(_) if io.withheld() == Some(414) => Some(RejectReason::TargetTooLong),
        Ended::Done(_) if io.withheld() == Some(431) => Some(too_large(unread, limit)),
        Ended::Done(_) if io.withheld().is_some() => Some(RejectReason::Framing(spoken(unread))),
        // hyper gives no answer to a client that speaks HTTP/2 from the start.
        Ended::Done(Err(error)) if error.is_parse() && in_head => {
            Some(RejectReason::Framing(spoken(unread)))
        }
        Ended::HeadTooSlow => Some(RejectReason::HeadTooSlow),
        Ended::Evicted if in_head => Some(RejectReason::Full),
        _ => None,
    }
}

/// Names the protocol of a client that does not speak HTTP/1.1: each is another mistake of configuration, before the gate
/// or at it.
fn spoken(unread: &[u8]) -> &'static str {
    // The signature of the second version begins with line ends, which hyper may have skipped.
    let trimmed = unread.trim_ascii_start();
    match unread {
        [0x16, 0x03, ..] => "tls",
        _ if trimmed.starts_with(b"PRI * HTTP/2.0") => "http2",
        _ if trimmed.starts_with(b"PROXY ") || trimmed.starts_with(b"\0\r\nQUIT\n") => {
            "proxy-protocol"
        }
        _ => "malformed",
    }
}

/// hyper calls three things too large: a request line, a head, and a `Content-Length` near 2^64. It
/// has taken the head out of its buffer only in the last case.
fn too_large(unread: &[u8], limit: usize) -> RejectReason {
    let line = unread.iter().position(|byte| *byte == b'\n');
    match line {
        _ if line.unwrap_or(unread.len()) >= limit => RejectReason::TargetTooLong,
        Some(_) => RejectReason::HeadTooLarge,
        None => RejectReason::Framing("content-length"),
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
        assert!(!may_go(&state), "its guard refuses it");
        state.enter(Phase::Answer);
        assert!(!may_go(&state), "its destination has it");
        state.stall();
        assert!(may_go(&state), "only the client holds things up");
        state.enter(Phase::Idle);
        assert!(may_go(&state));
    }
}
