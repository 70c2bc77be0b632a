//! The HTTP server of the admin listener. Each connection carries one request and has a few
//! seconds.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CACHE_CONTROL};
use http_body_util::Full;
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{
    connections::Connections,
    pages::Pages,
    request::{self, Resource},
    response::{self, JSON, TEXT, error},
};
use crate::{
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming},
    },
    proxy::shared::Stage,
};

/// The limit of a connection's time. A reload takes at most 5 s, and may wait for the end of
/// another.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The limit of a request's head in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// Serves until it is dropped; then open connections end at once.
pub(crate) async fn serve(acceptor: Acceptor, pages: Arc<Pages>) {
    let handler = Handler {
        pages,
        connections: Connections::default(),
    };
    accept(&acceptor, handler).await;
}

/// Serves the connections of one listener.
struct Handler {
    pages: Arc<Pages>,
    connections: Connections,
}

impl accept::Handler for Handler {
    const LISTENER: &'static str = "admin";

    async fn handle(&mut self, incoming: Incoming) {
        self.connections.make_room().await;
        let pages = Arc::clone(&self.pages);
        self.connections.spawn(serve_connection(incoming, pages));
    }
}

async fn serve_connection(incoming: Incoming, pages: Arc<Pages>) {
    let peer = incoming.peer;
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    let service = service_fn(|request: Request<Body>| {
        let config = pages.gate().config();
        let (routed, pages) = (request::route(&request, peer, &config.admin), &pages);
        async move {
            let mut response = match routed {
                Ok(resource) => respond(resource, pages).await,
                Err(rejection) => *rejection,
            };
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // An error here matters only to the client.
    let _ = timeout(TIMEOUT, connection).await;
}

async fn respond(resource: Resource, pages: &Pages) -> Response<Full<Bytes>> {
    match resource {
        Resource::Health => response::ok(TEXT, "ok\n"),
        Resource::Ready => pages.ready(),
        Resource::Metrics => pages.metrics().await,
        Resource::Status => pages.status().await,
        Resource::Reload => reload(pages).await,
    }
}

/// Reloads the configuration, as SIGHUP does, and returns the result.
async fn reload(pages: &Pages) -> Response<Full<Bytes>> {
    let Some(reloads) = pages.reloads() else {
        return error(StatusCode::NOT_FOUND);
    };
    // A gate that drains keeps its configuration.
    let reloaded = if pages.gate().stage() > Stage::Serving {
        None
    } else {
        reloads.reload().await
    };
    let Some(reloaded) = reloaded else {
        return error(StatusCode::SERVICE_UNAVAILABLE);
    };
    let status = if reloaded.in_force {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    match serde_json::to_vec(&reloaded) {
        Ok(json) => response::new(status, JSON, json),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
