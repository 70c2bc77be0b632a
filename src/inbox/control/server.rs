//! The socket over which a running gate takes orders: HTTP/1.1, an order as the body of a POST, its answer as JSON. Whoever
//! reaches it may do everything to the inbox, so its mode is 0600 before anybody can connect, and no network leads there.

use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{Answer, Desk, Order, socket};
use crate::{
    inbox::{handle::Inbox, routes::Routes},
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming, Listener},
    },
};

/// Connections at once; others wait in the kernel's queue.
const CONNECTIONS: usize = 16;

/// How long an order may take to come.
const ORDER_TIME: Duration = Duration::from_secs(10);

/// How long one may take from its first byte to the last of its answer: a backup of a full store on a slow disk, and no more.
const TIME: Duration = Duration::from_secs(60 * 60);

/// Bytes of an order: as many ids as it may name, and room.
const ORDER: usize = 256 * 1024;

/// The socket beside the file of a store.
///
/// # Errors
///
/// When it cannot be made there, or a gate that lives answers on it.
pub(crate) fn bind(file: &Path) -> io::Result<Listener> {
    let path = socket(file);
    Listener::bind_private(&path).map_err(|error| {
        let place = path.display();
        io::Error::new(
            error.kind(),
            format!("the socket {place} cannot be made: {error}"),
        )
    })
}

/// Carries out orders until it is dropped.
pub(crate) async fn serve(
    acceptor: Acceptor,
    inbox: Arc<Inbox>,
    routes: watch::Receiver<Arc<Routes>>,
) {
    let connections = Connections {
        inbox,
        routes,
        tasks: JoinSet::new(),
    };
    accept(&acceptor, connections).await;
}

/// The open connections.
struct Connections {
    inbox: Arc<Inbox>,
    routes: watch::Receiver<Arc<Routes>>,
    tasks: JoinSet<()>,
}

impl accept::Handler for Connections {
    const LISTENER: &'static str = "inbox";

    /// Starts a task for the connection. At the limit, it first waits for another one to end.
    async fn handle(&mut self, incoming: Incoming) {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= CONNECTIONS {
            self.tasks.join_next().await;
        }
        let (inbox, routes) = (Arc::clone(&self.inbox), self.routes.clone());
        let task = async move { converse(incoming, &inbox, &routes).await };
        self.tasks.spawn(task);
    }
}

async fn converse(incoming: Incoming, inbox: &Inbox, routes: &watch::Receiver<Arc<Routes>>) {
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    let service = service_fn(|request: Request<Body>| async move {
        Ok::<_, Infallible>(match read(request).await {
            Ok(order) => answer(order, inbox, &latest(routes)).await,
            Err(status) => said(status, status.canonical_reason().unwrap_or_default()),
        })
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(ORDER_TIME)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong here only the one who asked could want to know.
    let _ = timeout(TIME, connection).await;
}

async fn read(request: Request<Body>) -> Result<Order, StatusCode> {
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let body = Limited::new(request.into_body(), ORDER).collect();
    let body = timeout(ORDER_TIME, body).await;
    let body = body.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| StatusCode::BAD_REQUEST)
}

async fn answer(order: Order, inbox: &Inbox, routes: &Routes) -> Response<Full<Bytes>> {
    let queues = || routes.queues().map(|routed| &routed.queue);
    let names = queues().map(|queue| Arc::clone(&queue.destination.name));
    let desk = Desk {
        inbox,
        destinations: Some(names.collect()),
    };
    match desk.carry_out(order).await {
        Ok(answer) => {
            if matches!(answer, Answer::Again(_)) {
                queues().for_each(|queue| queue.work.notify_one());
            }
            serde_json::to_vec(&answer).map_or_else(
                |_| said(StatusCode::INTERNAL_SERVER_ERROR, "no answer can be made"),
                |json| Response::new(json.into()),
            )
        }
        Err(refused) => said(StatusCode::CONFLICT, &refused.to_string()),
    }
}

fn latest(routes: &watch::Receiver<Arc<Routes>>) -> Arc<Routes> {
    Arc::clone(&routes.borrow())
}

fn said(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(text.to_owned().into());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{
            fs::PermissionsExt as _,
            net::{UnixListener, UnixStream},
        },
    };

    use super::*;

    #[test]
    fn the_socket_is_its_owners_alone_and_goes_with_the_gate() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, at) = (
            dir.path().join("inbox.db"),
            dir.path().join("inbox.db.sock"),
        );
        let listener = bind(&file).expect("bound");
        let mode = fs::metadata(&at).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(UnixStream::connect(&at).is_ok());
        let other = bind(&file).expect_err("a gate lives there");
        assert_eq!(other.kind(), io::ErrorKind::AddrInUse);
        assert!(other.to_string().contains("inbox.db.sock"));
        assert!(UnixStream::connect(&at).is_ok(), "the other one left it");
        drop(listener);
        assert!(!at.exists());
    }

    #[test]
    fn a_killed_gates_socket_is_replaced_and_another_file_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, at) = (
            dir.path().join("inbox.db"),
            dir.path().join("inbox.db.sock"),
        );
        drop(UnixListener::bind(&at).expect("bound"));
        assert!(UnixStream::connect(&at).is_err() && at.exists());
        drop(bind(&file).expect("bound"));
        fs::write(&at, "somebody's").expect("written");
        assert!(bind(&file).is_err());
        assert_eq!(fs::read(&at).expect("still there"), b"somebody's");
    }
}
