//! One client's connection, from its first byte to its close: a TLS handshake where there is one, then, whenever the
//! client has something to say, hyper reads and writes HTTP/1.1. This watches its clocks, answers for what hyper could not parse,
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

use io::Watched;
use timeouts::Clock;

use crate::{
    net::{listener::Peer, stream::Stream},
    outcome::reject_reason::RejectReason,
    proxy::{
        access_log,
        admission::Member,
        context::Exchange,
        layers::body_guard::{GuardedBody, skip_rest},
        response::{AnswerBody, Tracked},
        shared::Gate,
        stack::Stack,
        state::{Activity, Phase},
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

/// Serves a connection that has a place in the roster.
pub(crate) async fn serve<S: Stack>(
    stream: Stream,
    peer: Peer,
    member: Member,
    gate: Arc<Gate>,
    stack: S,
) {
    let activity = Arc::clone(member.activity());
    let Some(mut stream) = handshake::secure(stream, peer, &activity, &gate).await else {
        return;
    };
    let mut clock = gate.with_config(|config| Clock::new(&activity, &config.clocks));
    let mut unread = Bytes::new();
    // The beginning of a request that was read behind the last one is no pause: its header timeout runs.
    while !unread.is_empty() || idle::wait(&stream, &mut clock, &activity, &gate).await {
        let talk = talk(stream, unread, peer, &mut clock, &activity, &gate, &stack);
        // Boxed, so that its memory is given back when it pauses.
        match Box::pin(talk).await {
            Some(paused) => (stream, unread) = paused,
            None => return,
        }
    }
    activity.enter(Phase::Refusal);
    linger::close(stream).await;
}

/// Lets hyper speak with the client. Comes back with the stream, and what was read of it in vain, if they only pause.
async fn talk<S: Stack>(
    stream: Stream,
    unread: Bytes,
    peer: Peer,
    clock: &mut Clock,
    activity: &Arc<Activity>,
    gate: &Arc<Gate>,
    stack: &S,
) -> Option<(Stream, Bytes)> {
    let io = Watched::new(stream, unread, Arc::clone(activity), Arc::clone(gate));
    let io = TokioIo::new(io);
    let service = hyper::service::service_fn(|request| {
        let (gate, activity) = (Arc::clone(gate), Arc::clone(activity));
        let exchange = Exchange::begin(gate, peer, activity, Instant::now());
        answer(request, exchange, stack.clone())
    });
    let limit = gate.with_config(|config| config.limits.header);
    let mut connection = http1::Builder::new()
        // A client that has said all it wants to say still waits for its answer.
        .half_close(true)
        // Answers are short, and one piece costs the kernel less than two.
        .writev(false)
        .max_buf_size((READ_BUFFER as usize).max(limit))
        .max_header_size(limit)
        .serve_connection(io, service);
    let ended = poll_fn(|cx| drive(cx, &mut connection, clock, activity, gate)).await;
    let parts = connection.into_parts();
    let io = parts.io.into_inner();
    if matches!(ended, Ended::Paused) {
        // Nearly always nothing, and a slice even of that would keep the whole buffer.
        let unread = Bytes::copy_from_slice(without_empty_lines(&parts.read_buf));
        return Some((io.into_stream(), unread));
    }
    let refusal = refusal(&ended, &io, &parts.read_buf, limit, activity);
    let in_order = is_in_order(&ended, activity);
    activity.enter(Phase::Refusal);
    if let Some(refusal) = refusal {
        let words = access_log::last_words(refusal, gate, peer, activity);
        linger::linger(io.into_stream(), &words, activity).await;
    } else if matches!(ended, Ended::Done(_)) && activity.is_unread() && !io.has_ended() {
        linger::linger(io.into_stream(), &[], activity).await;
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
fn is_in_order(ended: &Ended, activity: &Activity) -> bool {
    match ended {
        Ended::Done(result) => result.is_ok(),
        Ended::Paused | Ended::Idle => true,
        Ended::Evicted => activity.phase() == Phase::Idle,
        Ended::HeadTooSlow | Ended::WriteStalled => false,
    }
}

/// Tells a client that the gate is full, and closes. Under TLS it closes without a word: handshakes that
/// lead nowhere are what an attacker would have it spend its time on.
pub(crate) async fn turn_away(stream: Stream, peer: Peer, gate: Arc<Gate>) {
    let activity = Arc::new(Activity::new());
    let words = access_log::last_words(RejectReason::Full, &gate, peer, &activity);
    if !handshake::is_wanted(&stream, &gate) {
        linger::linger(stream, &words, &activity).await;
    }
}

/// Answers one request. A connection that breaks off drops this future, wherever it is.
async fn answer<S: Stack>(
    request: Request<Incoming>,
    exchange: Arc<Exchange>,
    stack: S,
) -> Result<Response<Tracked<AnswerBody>>, Infallible> {
    poll_fn(|_| exchange.activity.poll_clear()).await;
    exchange.activity.begin_request();
    let entry = access_log::Entry::open(&exchange, &request);
    let mut request = GuardedBody::new(request, &exchange);
    request.extensions_mut().insert(Arc::clone(&exchange));
    let Ok(response) = tower::ServiceExt::oneshot(stack, request).await;
    let phase = exchange.answer_phase();
    if phase == Phase::Refusal {
        // Forgeries come in floods.
        yield_once().await;
    }
    exchange.activity.enter(phase);
    skip_rest(&exchange).await;
    let response = entry.close(response);
    Ok(response.map(|body| Tracked::new(body, Arc::clone(&exchange.activity))))
}

/// Polls a connection, then its clocks.
fn drive<S>(
    cx: &mut Context<'_>,
    connection: &mut http1::Connection<TokioIo<Watched>, S>,
    clock: &mut Clock,
    activity: &Activity,
    gate: &Gate,
) -> Poll<Ended>
where
    S: HttpService<Incoming, ResBody = Tracked<AnswerBody>> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    activity.listen(cx.waker());
    activity.begin_turn();
    if let Poll::Ready(result) = Pin::new(connection).poll(cx) {
        return Poll::Ready(Ended::Done(result));
    }
    clock.observe(activity);
    if activity.is_evicted() && may_go(activity) {
        return Poll::Ready(Ended::Evicted);
    }
    clock.poll_talking(cx, activity, gate)
}

/// Who sends a connection away judges what it was doing a moment ago. A body that must go is told so
/// by its guard, and gets an answer; one that was verified since is delivered all the same.
fn may_go(activity: &Activity) -> bool {
    match activity.phase() {
        Phase::Body => false,
        Phase::Answer => activity.stalled().is_some(),
        Phase::Handshake | Phase::Idle | Phase::Head | Phase::Refusal => true,
    }
}

/// What to answer to a request that never became one.
fn refusal(
    ended: &Ended,
    io: &Watched,
    unread: &[u8],
    limit: usize,
    activity: &Activity,
) -> Option<RejectReason> {
    let in_head = activity.phase() == Phase::Head;
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
        let activity = Activity::new();
        activity.evict();
        activity.begin_request();
        assert!(!may_go(&activity), "its guard refuses it");
        activity.enter(Phase::Answer);
        assert!(!may_go(&activity), "its destination has it");
        activity.stall();
        assert!(may_go(&activity), "only the client holds things up");
        activity.enter(Phase::Idle);
        assert!(may_go(&activity));
    }
}
