//! The view of hyper's client, over a transport in memory.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::Request;
use http_body::Body as _;
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1, rt};

use super::{
    input::Input,
    view::{BodyEnd, ClientView, SeenResponse},
};

/// The number of polls without progress after which the client waits for more bytes.
const IDLE_POLLS: usize = 4;

/// The limit of headers. hyper's own is the number that this client passes on.
pub(super) const MAX_HEADERS: usize = 512;

/// Reads the bytes of an input as the response to a request. hyper tolerates the faults that
/// RFC 9112 has a proxy repair, as this client does.
pub(super) fn read(input: &Input) -> ClientView {
    let transport = Transport::new(input);
    let handshake = http1::Builder::new()
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(MAX_HEADERS)
        .handshake(transport.clone())
        .now_or_never();
    let (mut sender, connection) = handshake.expect("no wait").expect("a handshake");
    let request = Request::builder().method(&input.method).uri("/hooks");
    let request = request.header("host", "app").body(Full::from("hello"));
    let response = sender.send_request(request.expect("a request"));
    let mut exchange = HyperExchange {
        connection: Some(Box::pin(connection)),
        transport,
        is_closed: false,
    };
    let mut response = Box::pin(response);
    let head = exchange.drive(|cx| response.as_mut().poll(cx));
    match head {
        None => ClientView::NoHead,
        Some(Err(error)) => ClientView::Failed(format!("{error:?}")),
        Some(Ok(response)) => {
            let (head, mut body) = response.into_parts();
            let (body, end) = exchange.body(&mut body);
            let is_ready = exchange.drive(|cx| sender.poll_ready(cx));
            let is_reusable = is_ready.is_some_and(|ready| ready.is_ok()) && !exchange.is_closed;
            ClientView::Head(Box::new(SeenResponse {
                status: head.status,
                headers: head.headers,
                body,
                end,
                is_reusable: is_reusable && end == BodyEnd::Complete,
                fault: None,
                drops_body: false,
            }))
        }
    }
}

type Driver = http1::Connection<Transport, Full<Bytes>>;

/// A connection and its transport.
struct HyperExchange {
    connection: Option<Pin<Box<Driver>>>,
    transport: Transport,
    /// Whether the connection has ended.
    is_closed: bool,
}

impl HyperExchange {
    /// Polls the connection and `poll` until a result, and then the connection until it waits.
    /// Returns none if both wait.
    fn drive<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut result, mut idle) = (None, 0);
        while idle < IDLE_POLLS {
            let before = self.transport.lock().progress;
            if let Some(connection) = &mut self.connection
                && connection.as_mut().poll(&mut cx).is_ready()
            {
                self.is_closed = true;
                self.connection = None;
            }
            if result.is_none() {
                match poll(&mut cx) {
                    Poll::Ready(ready) => result = Some(ready),
                    Poll::Pending => {}
                }
            }
            idle += 1;
            if self.transport.lock().progress != before {
                idle = 0;
            }
        }
        result
    }

    fn body(&mut self, body: &mut Incoming) -> (Vec<u8>, BodyEnd) {
        let mut bytes = Vec::new();
        loop {
            match self.drive(|cx| Pin::new(&mut *body).poll_frame(cx)) {
                None => return (bytes, BodyEnd::Waiting),
                Some(None) => return (bytes, BodyEnd::Complete),
                Some(Some(Err(_))) => return (bytes, BodyEnd::Broken),
                Some(Some(Ok(frame))) => bytes.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }
}

/// Delivers the pieces of an input, one per read, once the request was written.
#[derive(Clone)]
struct Transport(Arc<Mutex<TransportState>>);

struct TransportState {
    pieces: VecDeque<Bytes>,
    closes: bool,
    /// The end of the bytes that were written.
    written: Vec<u8>,
    /// The number of reads and writes.
    progress: usize,
}

impl Transport {
    fn new(input: &Input) -> Self {
        Self(Arc::new(Mutex::new(TransportState {
            pieces: input.pieces.iter().cloned().collect(),
            closes: input.closes,
            written: Vec::new(),
            progress: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, TransportState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl rt::Read for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if !state.written.ends_with(b"hello") {
            return Poll::Pending;
        }
        let Some(piece) = state.pieces.front_mut() else {
            return if state.closes {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        };
        let part = piece.split_to(piece.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        if piece.is_empty() {
            state.pieces.pop_front();
        }
        state.progress += 1;
        Poll::Ready(Ok(()))
    }
}

impl rt::Write for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        state.written.extend_from_slice(bytes);
        state.progress += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
