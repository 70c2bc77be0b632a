//! The sample app behind the demonstration's gate: it takes whatever comes and remembers it. It
//! verifies nothing, for that is what the gate is there for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What the app received in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) method: Method,
    /// What the gate says that it is.
    pub(super) event: Option<String>,
    pub(super) body: Bytes,
}

type Memory = Arc<Mutex<Vec<Received>>>;

/// A running app.
pub(super) struct App {
    address: SocketAddr,
    memory: Memory,
    task: AbortHandle,
}

impl App {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let memory = Memory::default();
        let task = tokio::spawn(listen(listener, Arc::clone(&memory))).abort_handle();
        Ok(Self {
            address,
            memory,
            task,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything so far, in its order.
    pub(super) fn received(&self) -> Vec<Received> {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, memory: Memory) {
    // Only a machine out of descriptors refuses; then the demonstration fails, visibly.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&memory)));
    }
}

async fn serve(stream: TcpStream, memory: Memory) {
    let service = service_fn(|request| receive(request, Arc::clone(&memory)));
    // A connection that breaks off is seen by the gate, which answers for it.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn receive(
    request: Request<Incoming>,
    memory: Memory,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let event = head
        .headers
        .get("x-cartgate-event")
        .and_then(|value| value.to_str().ok());
    let received = Received {
        method: head.method,
        event: event.map(str::to_owned),
        body,
    };
    memory
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(received);
    Ok(Response::new(Full::new(Bytes::from_static(b"received\n"))))
}
