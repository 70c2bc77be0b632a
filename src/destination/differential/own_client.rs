//! The view of this client, over a pair of Unix sockets.

use std::{
    future::poll_fn,
    io::Write as _,
    os::unix::net::UnixStream as Socket,
    pin::Pin,
    slice::Iter,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as _;
use tokio::{net::UnixStream, runtime::Runtime, task::yield_now, time::Instant};

use super::{
    input::Input,
    view::{BodyEnd, ClientView, SeenResponse},
};
use crate::{
    destination::{
        connection::Connection, pool::Pool, response_body::DestinationBody,
        response_future::ResponseFuture, response_head::ResponseHead, settings::Settings,
    },
    net::stream::Stream,
};

/// The idle time of the pool. No exchange takes that long.
const LONG: Duration = Duration::from_secs(600);

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
}

/// Reads the bytes of an input as the response to a request that was written before.
pub(super) fn read(input: &Input) -> ClientView {
    RUNTIME.with(|runtime| runtime.block_on(exchange(input)))
}

async fn exchange(input: &Input) -> ClientView {
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    let mut app = App::new(far, input);
    let mut connection = Box::new(Connection::new(Stream::Unix(near), &Settings::default()));
    let mut table = HeaderMap::new();
    let mut response = ResponseFuture::new(&mut table);
    let head = app.drive(|cx| response.poll(&mut connection, cx)).await;
    match head {
        None => ClientView::NoHead,
        Some(Err(error)) => ClientView::Failed(error.to_string()),
        Some(Ok(head)) => ClientView::Head(Box::new(finish(head, connection, app).await)),
    }
}

async fn finish(head: ResponseHead, connection: Box<Connection>, mut app: App<'_>) -> SeenResponse {
    let pool = Pool::new(LONG);
    let own_pool = head.keeps_alive.then(|| pool.clone());
    let mut body = DestinationBody::new(head.decoder, connection, own_pool);
    let mut bytes = Vec::new();
    let end = loop {
        match app.drive(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break BodyEnd::Waiting,
            Some(None) => break BodyEnd::Complete,
            Some(Some(Err(_))) => break BodyEnd::Broken,
            Some(Some(Ok(frame))) => bytes.extend(frame.into_data().expect("no trailers")),
        }
    };
    while app.write_next() {}
    yield_now().await;
    let fault = head.fault.as_deref();
    SeenResponse {
        status: head.response.status(),
        headers: head.response.headers().clone(),
        body: bytes,
        end,
        is_reusable: pool.take(Instant::now()).is_some(),
        fault: fault.map(|fault| fault.problem),
        drops_body: fault.is_some_and(|fault| fault.is_framing),
    }
}

/// The app's end of the connection.
struct App<'a> {
    socket: Option<Socket>,
    pieces: Iter<'a, Bytes>,
    closes: bool,
}

impl<'a> App<'a> {
    fn new(socket: UnixStream, input: &'a Input) -> Self {
        Self {
            socket: Some(socket.into_std().expect("a socket")),
            pieces: input.pieces.iter(),
            closes: input.closes,
        }
    }

    /// Polls until a result. Whenever the client waits, the next piece arrives. Returns none if it
    /// waits in vain.
    async fn drive<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        loop {
            if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(poll(cx))).await {
                return Some(result);
            }
            if !self.write_next() {
                return None;
            }
            // Lets the runtime notice that bytes arrived.
            yield_now().await;
        }
    }

    /// Writes the next piece, or closes the connection. Returns whether there was anything to do.
    fn write_next(&mut self) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        if let Some(piece) = self.pieces.next() {
            // The client may have closed the connection. A piece is smaller than a socket's buffer.
            let _ = socket.write_all(piece);
            return true;
        }
        if self.closes {
            self.socket = None;
        }
        self.closes
    }
}
