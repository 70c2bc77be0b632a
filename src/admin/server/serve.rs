//! Serves the connections of an admin listener. Each one carries one request.

use std::{convert::Infallible, sync::Arc};

use axum::{Extension, Router, body::Body};
use http::{Request, Response};
use hyper::{body::Incoming as RequestBody, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tower::ServiceExt as _;

use super::{body::TimedBody, connection::AdminConnection, connections::Connections};
use crate::{
    admin::{gate::Admin, router::router},
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming},
        stream::Stream,
    },
};

/// The limit of a request's head in bytes. A browser sends the cookies of all servers on the same
/// host name, whatever their port.
const MAX_HEAD: usize = 32 * 1024;

/// Serves until it is dropped; then open connections end at once.
pub(crate) async fn serve(acceptor: Acceptor, admin: Arc<Admin>) {
    let handler = Handler {
        router: router(admin.clone()).layer(Extension(admin.streams.clone())),
        connections: Connections::default(),
    };
    accept(&acceptor, handler).await;
}

/// Serves the connections of one listener.
struct Handler {
    router: Router,
    connections: Connections,
}

impl accept::Handler for Handler {
    const LISTENER: &'static str = "admin";

    async fn handle(&mut self, incoming: Incoming) {
        self.connections.make_room().await;
        let Ok(stream) = incoming.stream.into_stream() else {
            return;
        };
        let connection = AdminConnection::new(incoming.peer, stream.peer_uid());
        let connection = Arc::new(connection);
        let serving = serve_connection(stream, Arc::clone(&connection), self.router.clone());
        self.connections.spawn(connection, serving);
    }
}

async fn serve_connection(stream: Stream, connection: Arc<AdminConnection>, router: Router) {
    let service = service_fn(|request| respond(request, Arc::clone(&connection), router.clone()));
    let serving = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error here matters only to the client.
        _ = serving => {}
        () = connection.expired() => {}
    }
}

async fn respond(
    mut request: Request<RequestBody>,
    connection: Arc<AdminConnection>,
    router: Router,
) -> Result<Response<TimedBody>, Infallible> {
    request.extensions_mut().insert(Arc::clone(&connection));
    let response = router.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| TimedBody::new(body, connection)))
}
