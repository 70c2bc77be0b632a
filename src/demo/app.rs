//! The sample app behind the demonstration's gate: it takes whatever comes and remembers it. It
//! verifies nothing, for that is what the gate is there for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;

/// What the app received in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) method: Method,
    /// What the gate says that it is.
    pub(super) event: Option<String>,
    pub(super) body: Bytes,
}

/// What an app has received, and whether it refuses what comes.
#[derive(Default)]
struct Memory {
    received: Mutex<Vec<Received>>,
    refuses: AtomicBool,
}

/// A running app.
pub(super) struct App {
    address: Option<SocketAddr>,
    memory: Arc<Memory>,
    task: AbortHandle,
}

impl App {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let memory = Arc::<Memory>::default();
        let task = tokio::spawn(listen(listener, Arc::clone(&memory))).abort_handle();
        Ok(Self {
            address: Some(address),
            memory,
            task,
        })
    }

    /// One on a Unix socket, where nobody listened before.
    pub(super) fn on_socket(path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let memory = Arc::<Memory>::default();
        let task = tokio::spawn(listen_on_socket(listener, Arc::clone(&memory))).abort_handle();
        Ok(Self {
            address: None,
            memory,
            task,
        })
    }

    /// Where it listens, by TCP.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.address
            .ok_or_else(|| io::Error::other("the app listens on a socket"))
    }

    /// Everything that it took so far, in its order.
    pub(super) fn received(&self) -> Vec<Received> {
        let received = self.memory.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has it answer 410 to whatever comes, and take none of it; or take it again.
    pub(super) fn refuse(&self, refuses: bool) {
        self.memory.refuses.store(refuses, Relaxed);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, memory: Arc<Memory>) {
    // Only a machine out of descriptors refuses; then the demonstration fails, visibly.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&memory)));
    }
}

async fn listen_on_socket(listener: UnixListener, memory: Arc<Memory>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&memory)));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, memory: Arc<Memory>) {
    let service = service_fn(|request| receive(request, Arc::clone(&memory)));
    // A connection that breaks off is seen by the gate, which answers for it.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn receive(
    request: Request<Incoming>,
    memory: Arc<Memory>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if memory.refuses.load(Relaxed) {
        let mut gone = Response::new(Full::default());
        *gone.status_mut() = StatusCode::GONE;
        return Ok(gone);
    }
    let event = head
        .headers
        .get("x-cartgate-event")
        .and_then(|value| value.to_str().ok());
    let received = Received {
        method: head.method,
        event: event.map(str::to_owned),
        body,
    };
    let mut all = memory
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    all.push(received);
    Ok(Response::new(Full::new(Bytes::from_static(b"received\n"))))
}
