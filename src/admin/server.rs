//! The admin listener's own small HTTP server. One connection is one request and has a few seconds;
//! where there are too many the oldest goes, so that nobody can keep Prometheus out by being slow; but
//! not before its due, so that nobody can by being fast.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::Mutex,
    task::{AbortHandle, JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{access, exposition, report};
use crate::{
    gate::Gate,
    listener::{Acceptor, Incoming, Peer},
    serve::ACCEPT_PAUSE,
};

/// Connections at once.
const CONNECTIONS: usize = 64;

/// How long one of them may last, from its first byte to its last.
const TIME: Duration = Duration::from_secs(10);

/// How long others wait for a place before one is taken from a connection: without it, whoever connects
/// in a loop would have each one go before it was answered. Those that wait, wait in the kernel's queue,
/// which even so is through before a scrape gives up.
const DUE: Duration = Duration::from_millis(50);

/// Bytes of a request's head.
const HEAD: usize = 8 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers until it is dropped, and then at once no more.
pub(crate) async fn serve(acceptor: Acceptor, gate: Arc<Gate>) {
    let mut connections = Connections::default();
    loop {
        match acceptor.accept().await {
            Ok(incoming) => connections.take(incoming, &gate).await,
            // The public listener says so.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The open connections, in the order in which they came.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    order: VecDeque<(Instant, AbortHandle)>,
    /// Held while a page is made.
    making: Arc<Mutex<()>>,
}

impl Connections {
    async fn take(&mut self, incoming: Incoming, gate: &Arc<Gate>) {
        self.make_room().await;
        let task = self.tasks.spawn(converse(
            incoming,
            Arc::clone(gate),
            Arc::clone(&self.making),
        ));
        self.order.push_back((Instant::now(), task));
    }

    /// Ready once one has ended, or has had its due.
    async fn make_room(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.order.retain(|(_, task)| !task.is_finished());
            if self.order.len() < CONNECTIONS {
                return;
            }
            let oldest = self.order.front().map(|(since, _)| *since + DUE);
            let due = oldest.unwrap_or_else(Instant::now);
            if timeout_at(due, self.tasks.join_next()).await.is_err()
                && let Some((_, oldest)) = self.order.pop_front()
            {
                oldest.abort();
            }
        }
    }
}

async fn converse(incoming: Incoming, gate: Arc<Gate>, making: Arc<Mutex<()>>) {
    let peer = incoming.peer;
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    let service = service_fn(|request: Request<Body>| {
        let (resource, gate, making) = (route(&request, peer, &gate), &gate, &making);
        async move {
            let answer = match resource {
                Ok(resource) => resource.show(gate, making).await,
                Err(status) => Err(status),
            };
            Ok::<_, Infallible>(finished(answer))
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .max_header_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong here only the one who asked could want to know.
    let _ = timeout(TIME, connection).await;
}

/// The answer to any request.
fn finished(answer: Result<Response<Full<Bytes>>, StatusCode>) -> Response<Full<Bytes>> {
    let mut response = answer.unwrap_or_else(refused);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn route<B>(request: &Request<B>, peer: Peer, gate: &Gate) -> Result<Resource, StatusCode> {
    let config = gate.config();
    // No browser speaks to a Unix socket, and its clients name any host.
    if peer != Peer::Unix && !access::names_us(request.headers(), &config.admin) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    let resource = Resource::at(request.uri().path()).ok_or(StatusCode::NOT_FOUND)?;
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if resource.is_a_page() && !access::has_token(request.headers(), &config.admin) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(resource)
}

/// What can be asked.
#[derive(Clone, Copy)]
enum Resource {
    Health,
    Ready,
    Metrics,
    Status,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            "/status" => Some(Self::Status),
            _ => None,
        }
    }

    /// It tells of the gate, and so is protected and long; the others say alive or not, and nothing else.
    fn is_a_page(self) -> bool {
        matches!(self, Self::Metrics | Self::Status)
    }

    async fn show(
        self,
        gate: &Arc<Gate>,
        making: &Mutex<()>,
    ) -> Result<Response<Full<Bytes>>, StatusCode> {
        match self {
            Self::Health => Ok(response(StatusCode::OK, TEXT, "ok\n")),
            Self::Ready if gate.is_ready() => Ok(response(StatusCode::OK, TEXT, "ready\n")),
            Self::Ready => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Ok(response(status, TEXT, "draining\n"))
            }
            Self::Metrics => {
                look(gate).await;
                let page = made(gate, making, |gate| exposition::text(gate).ok()).await?;
                Ok(response(StatusCode::OK, exposition::CONTENT_TYPE, page))
            }
            Self::Status => {
                look(gate).await;
                let page = made(gate, making, |gate| {
                    serde_json::to_vec(&report::of(gate)).ok()
                })
                .await?;
                Ok(response(StatusCode::OK, "application/json", page))
            }
        }
    }
}

/// Has the inbox say what it holds, which takes a query: before a page is made, and not while others wait for theirs.
async fn look(gate: &Gate) {
    if let Some(inbox) = &gate.inbox {
        inbox.look().await;
    }
}

/// A page, made on a thread of its own, since this one accepts connections: with a thousand endpoints it takes long. One at
/// a time, so that whoever asks in a loop has one core at most.
async fn made<T: Send + 'static>(
    gate: &Arc<Gate>,
    making: &Mutex<()>,
    make: fn(&Arc<Gate>) -> Option<T>,
) -> Result<T, StatusCode> {
    let _turn = making.lock().await;
    let gate = Arc::clone(gate);
    let page = spawn_blocking(move || make(&gate)).await;
    page.ok().flatten().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let value = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let title = status.canonical_reason().unwrap_or_default();
    let mut response = response(status, TEXT, format!("{title}\n"));
    let challenge: Option<(HeaderName, &'static str)> = match status {
        StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "GET, HEAD")),
        StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
        _ => None,
    };
    if let Some((name, value)) = challenge {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
