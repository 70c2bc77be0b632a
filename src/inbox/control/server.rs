//! The control server of a running gate: HTTP/1.1 over a Unix socket, with a command as the body of
//! a POST and its response as JSON.
//!
//! A client that can connect may do everything to the inbox. The socket therefore has mode 0600
//! before anybody can connect, and no network reaches it.

use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{command::Command, handler::Handler, response::CommandResponse, socket::socket_path};
use crate::{
    inbox::{handle::Inbox, routes::Routes},
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming, Listener},
    },
};

/// The limit of open connections. Others wait in the kernel's queue.
const CONNECTIONS: usize = 16;

/// The time within which a command must arrive.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// The time within which a connection must end: long enough for a backup of a full store on a slow
/// disk.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The limit of a command's bytes: as many ids as it may name, and room for the rest.
const COMMAND_BYTES: usize = 256 * 1024;

/// Binds the socket beside the file of a store.
///
/// # Errors
///
/// When the socket cannot be made, or another gate listens on it.
pub(crate) fn bind(file: &Path) -> io::Result<Listener> {
    let path = socket_path(file);
    Listener::bind_private(&path).map_err(|error| {
        let path = path.display();
        io::Error::new(
            error.kind(),
            format!("the socket {path} cannot be made: {error}"),
        )
    })
}

/// Serves commands until it is dropped.
pub(crate) async fn serve(
    acceptor: Acceptor,
    inbox: Arc<Inbox>,
    routes: watch::Receiver<Arc<Routes>>,
) {
    let connections = Connections {
        control: Control { inbox, routes },
        tasks: JoinSet::new(),
    };
    accept(&acceptor, connections).await;
}

/// The open connections.
struct Connections {
    control: Control,
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
        let control = self.control.clone();
        let task = async move { control.serve(incoming).await };
        self.tasks.spawn(task);
    }
}

/// The inbox, and the routes in force.
#[derive(Clone)]
struct Control {
    inbox: Arc<Inbox>,
    routes: watch::Receiver<Arc<Routes>>,
}

impl Control {
    async fn serve(&self, incoming: Incoming) {
        let Ok(stream) = incoming.stream.into_stream() else {
            return;
        };
        let service = service_fn(|request: Request<Body>| async move {
            Ok::<_, Infallible>(match read(request).await {
                Ok(command) => self.respond(command).await,
                Err(status) => text(status, status.canonical_reason().unwrap_or_default()),
            })
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(COMMAND_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // The client sees the error, too, and reports it.
        let _ = timeout(CONNECTION_TIMEOUT, connection).await;
    }

    async fn respond(&self, command: Command) -> Response<Full<Bytes>> {
        let routes = Arc::clone(&self.routes.borrow());
        let queues = || routes.queues().map(|routed| &routed.queue);
        let names = queues().map(|queue| Arc::clone(&queue.destination.name));
        let handler = Handler {
            inbox: &self.inbox,
            destinations: Some(names.collect()),
        };
        match handler.handle(command).await {
            Ok(response) => {
                if matches!(response, CommandResponse::Requeued(_)) {
                    queues().for_each(|queue| queue.work.notify_one());
                }
                let json = serde_json::to_vec(&response).expect("all keys of a response are text");
                Response::new(json.into())
            }
            Err(error) => text(StatusCode::CONFLICT, &error.to_string()),
        }
    }
}

async fn read(request: Request<Body>) -> Result<Command, StatusCode> {
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let body = Limited::new(request.into_body(), COMMAND_BYTES).collect();
    let body = timeout(COMMAND_TIMEOUT, body).await;
    let body = body.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| StatusCode::BAD_REQUEST)
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
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
