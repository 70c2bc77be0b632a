//! The admin listener's own small HTTP server. One connection is one request and has a few seconds;
//! where there are too many the oldest goes, so that nobody can keep Prometheus out by being slow; but
//! not before its due, so that nobody can by being fast.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::Mutex,
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout, timeout_at},
};

use super::{ReloadHandle, access, exposition, report};
use crate::{
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming},
        peer::Peer,
    },
    proxy::shared::{Shared as Gate, Stage},
    runtime::background::{ThreadError, run_on_thread},
};

/// Connections at once.
const CONNECTIONS: usize = 64;

/// How long one of them may last, from its first byte to its last. A reload takes 5 s at most, and may wait for the end of
/// another.
const TIME: Duration = Duration::from_secs(15);

/// How long others wait for a place before one is taken from a connection: without it, whoever connects
/// in a loop would have each one go before it was answered. Those that wait, wait in the kernel's queue,
/// which even so is through before a scrape gives up.
const DUE: Duration = Duration::from_millis(50);

/// Bytes of a request's head.
const HEAD: usize = 8 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";

const JSON: &str = "application/json";

/// Answers until it is dropped, and then at once no more.
pub(crate) async fn serve(acceptor: Acceptor, shared: Arc<Shared>) {
    accept(&acceptor, Connections::new(shared)).await;
}

/// The state that all connections share, at whichever address they come in.
pub(crate) struct Shared {
    gate: Arc<Gate>,
    /// Held while a page is made.
    making: Mutex<()>,
    reloads: Option<ReloadHandle>,
}

impl Shared {
    /// Without `reloads` there is no `/reload`.
    pub(crate) fn new(gate: Arc<Gate>, reloads: Option<ReloadHandle>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            making: Mutex::default(),
            reloads,
        })
    }
}

/// The open connections, in the order in which they came.
struct Connections {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    order: VecDeque<(Instant, AbortHandle)>,
}

impl accept::Handler for Connections {
    const LISTENER: &'static str = "admin";

    async fn handle(&mut self, incoming: Incoming) {
        self.make_room().await;
        let shared = Arc::clone(&self.shared);
        let task = self.tasks.spawn(converse(incoming, shared));
        self.order.push_back((Instant::now(), task));
    }
}

impl Connections {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            tasks: JoinSet::new(),
            order: VecDeque::new(),
        }
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

async fn converse(incoming: Incoming, shared: Arc<Shared>) {
    let peer = incoming.peer;
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    let service = service_fn(|request: Request<Body>| {
        let (resource, shared) = (route(&request, peer, &shared.gate), &shared);
        async move {
            let answer = match resource {
                Ok(resource) => resource.answer(shared).await,
                Err(refusal) => *refusal,
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
fn finished(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn route<B>(
    request: &Request<B>,
    peer: Peer,
    gate: &Gate,
) -> Result<Resource, Box<Response<Full<Bytes>>>> {
    let (config, headers) = (gate.config(), request.headers());
    // No browser speaks to a Unix socket, and its clients name any host.
    if peer != Peer::Unix && !access::names_us(headers, &config.admin) {
        return Err(Box::new(refused(StatusCode::MISDIRECTED_REQUEST)));
    }
    let Some(resource) = Resource::at(request.uri().path()) else {
        return Err(Box::new(refused(StatusCode::NOT_FOUND)));
    };
    if !resource.methods().contains(request.method()) {
        return Err(Box::new(resource.not_by_this_method()));
    }
    if resource.is_a_change() && access::may_be_a_page(headers) {
        let response = response(StatusCode::FORBIDDEN, TEXT, FROM_A_PAGE);
        return Err(Box::new(response));
    }
    if resource.is_protected() && !access::has_token(headers, &config.admin) {
        return Err(Box::new(refused(StatusCode::UNAUTHORIZED)));
    }
    Ok(resource)
}

const FROM_A_PAGE: &str =
    "Forbidden: send the header X-Cartgate-Admin: 1, and not from a web page\n";

/// What can be asked.
#[derive(Clone, Copy)]
enum Resource {
    Health,
    Ready,
    Metrics,
    Status,
    Reload,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            "/status" => Some(Self::Status),
            "/reload" => Some(Self::Reload),
            _ => None,
        }
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::Reload => &[Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// It changes the gate. All others only tell of it.
    fn is_a_change(self) -> bool {
        matches!(self, Self::Reload)
    }

    /// Only the token gives it; the others say alive or not, and nothing else.
    fn is_protected(self) -> bool {
        matches!(self, Self::Metrics | Self::Status | Self::Reload)
    }

    fn not_by_this_method(self) -> Response<Full<Bytes>> {
        let allowed = if self.is_a_change() {
            "POST"
        } else {
            "GET, HEAD"
        };
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED);
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }

    async fn answer(self, shared: &Shared) -> Response<Full<Bytes>> {
        let gate = &shared.gate;
        match self {
            Self::Health => response(StatusCode::OK, TEXT, "ok\n"),
            Self::Ready if gate.is_ready() => response(StatusCode::OK, TEXT, "ready\n"),
            Self::Ready => {
                let why = match gate.stage() {
                    Stage::Serving => "inbox failed\n",
                    Stage::Leaving | Stage::Closing => "draining\n",
                };
                response(StatusCode::SERVICE_UNAVAILABLE, TEXT, why)
            }
            Self::Metrics => {
                look(gate).await;
                let page = made(shared, |gate| exposition::text(gate).ok()).await;
                shown(page, exposition::CONTENT_TYPE)
            }
            Self::Status => {
                look(gate).await;
                let page = made(shared, |gate| serde_json::to_vec(&report::of(gate)).ok()).await;
                shown(page, JSON)
            }
            Self::Reload => reload(shared).await,
        }
    }
}

/// Has the configuration read again, as SIGHUP does, and returns the result.
async fn reload(shared: &Shared) -> Response<Full<Bytes>> {
    let Some(reloads) = &shared.reloads else {
        return refused(StatusCode::NOT_FOUND);
    };
    // A gate on its way out keeps what it has.
    let is_leaving = shared.gate.stage() > Stage::Serving;
    let Some(reloaded) = (if is_leaving {
        None
    } else {
        reloads.reload().await
    }) else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    let status = if reloaded.in_force {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    match serde_json::to_vec(&reloaded) {
        Ok(json) => response(status, JSON, json),
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Has the inbox say what it holds, which takes a query: before a page is made, and not while others wait for theirs.
async fn look(gate: &Gate) {
    if let Some(inbox) = &gate.inbox {
        inbox.look().await;
    }
}

/// Makes a page on a thread of its own, since this one accepts connections: with a thousand endpoints it takes long. Without
/// a free thread it is made here. One at a time, so that whoever asks in a loop has one core at most.
async fn made<T: Send + 'static>(shared: &Shared, make: fn(&Arc<Gate>) -> Option<T>) -> Option<T> {
    let _turn = shared.making.lock().await;
    let gate = Arc::clone(&shared.gate);
    match run_on_thread(move || make(&gate)).await {
        Ok(page) => page,
        Err(ThreadError::NoThread { work, .. }) => work(),
        Err(ThreadError::Panicked) => None,
    }
}

fn shown(page: Option<impl Into<Bytes>>, content_type: &'static str) -> Response<Full<Bytes>> {
    match page {
        Some(page) => response(StatusCode::OK, content_type, page),
        None => refused(StatusCode::INTERNAL_SERVER_ERROR),
    }
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
    if status == StatusCode::UNAUTHORIZED {
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
