//! The sample app behind the gate of the demonstration. It accepts and remembers every request. It
//! does not verify signatures, because that is the gate's task.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    task::AbortHandle,
};

/// One request that the app received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) method: Method,
    /// The event kind in the gate's header.
    pub(super) event: Option<String>,
    pub(super) body: Bytes,
}

/// The received requests, and whether the app rejects further ones.
#[derive(Default)]
struct State {
    received: Mutex<Vec<Received>>,
    rejects: AtomicBool,
}

/// A running app.
pub(super) struct App {
    address: Option<SocketAddr>,
    state: Arc<State>,
    task: AbortHandle,
}

impl App {
    /// Starts an app on a free port.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::<State>::default();
        let task = tokio::spawn(listen(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            address: Some(address),
            state,
            task,
        })
    }

    /// Starts an app on a new Unix socket.
    pub(super) fn on_socket(path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let state = Arc::<State>::default();
        let task = tokio::spawn(listen_on_socket(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            address: None,
            state,
            task,
        })
    }

    /// Returns the TCP address of the app.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.address
            .ok_or_else(|| io::Error::other("the app listens on a socket"))
    }

    /// Returns the received requests in their order.
    pub(super) fn received(&self) -> Vec<Received> {
        let received = self.state.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the app respond with 410 to every request, or accept requests again.
    pub(super) fn reject(&self, rejects: bool) {
        self.state.rejects.store(rejects, Relaxed);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    // Accepting fails only without free file descriptors; then the demonstration reports a failure.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn listen_on_socket(listener: UnixListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(|request| receive(request, Arc::clone(&state)));
    // The gate responds to the client if the connection breaks.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn receive(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if state.rejects.load(Relaxed) {
        let mut gone = Response::new(Full::default());
        *gone.status_mut() = StatusCode::GONE;
        return Ok(gone);
    }
    let event = head.headers.get("x-cartgate-event");
    let event = event.and_then(|value| value.to_str().ok());
    let received = Received {
        method: head.method,
        event: event.map(str::to_owned),
        body,
    };
    let all = state.received.lock();
    all.unwrap_or_else(PoisonError::into_inner).push(received);
    Ok(Response::new(Full::new(Bytes::from_static(b"received\n"))))
}
