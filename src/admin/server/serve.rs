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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::stream;
    use http_body::Body as _;
    use http_body_util::BodyExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        task::JoinHandle,
        time::{Instant, sleep},
    };

    use super::*;
    use crate::net::peer::Peer;

    /// Returns the client's end of a connection, and the task that serves it.
    async fn connect(request: &str) -> (UnixStream, JoinHandle<()>) {
        let endless = || {
            let part = || Ok::<_, Infallible>(Bytes::from_static(&[0; 4096]));
            Body::from_stream(stream::iter(std::iter::repeat_with(part)))
        };
        let patient = async |Extension(connection): Extension<Arc<AdminConnection>>| {
            connection.grant(Duration::from_secs(60));
            sleep(Duration::from_secs(59)).await;
        };
        let router = Router::new()
            .route("/endless", get(async move || endless()))
            .route("/late", get(async || sleep(Duration::from_secs(16)).await))
            .route("/patient", get(patient));
        let (mut near, far) = UnixStream::pair().expect("a pair");
        near.write_all(request.as_bytes()).await.expect("written");
        let connection = Arc::new(AdminConnection::new(Peer::Unix, None));
        let serving = serve_connection(Stream::Unix(far), connection, router);
        (near, tokio::spawn(serving))
    }

    fn request(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    /// Returns the seconds until the gate ends the connection, whose client reads nothing.
    async fn seconds(request: &str) -> u64 {
        let begun = Instant::now();
        let (_near, serving) = connect(request).await;
        serving.await.expect("no panic");
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_or_takes_nothing_is_dropped() {
        assert_eq!(seconds("").await, 15);
        assert_eq!(seconds("GET /endless HTTP/1.1\r\nHost:").await, 15);
        assert_eq!(seconds(&request("/endless")).await, 10);
        assert_eq!(seconds(&request("/late")).await, 15);
        assert_eq!(seconds(&request("/patient")).await, 59);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_a_body_of_any_length() {
        let (mut near, serving) = connect(&request("/endless")).await;
        let mut taken = vec![0; 256 * 1024];
        for _ in 0..20 {
            sleep(Duration::from_secs(9)).await;
            near.read_exact(&mut taken).await.expect("more of it");
        }
        assert!(!serving.is_finished());
        drop(near);
        serving.await.expect("no panic");
    }

    #[tokio::test]
    async fn a_large_body_arrives_whole_in_small_parts() {
        let body = Bytes::from(vec![7; 1_000_000]);
        let content = body.clone();
        let connection = Arc::new(AdminConnection::new(Peer::Unix, None));
        let mut timed = TimedBody::new(Body::from(body), connection);
        assert_eq!(timed.size_hint().exact(), Some(1_000_000));
        let mut read = Vec::new();
        while let Some(frame) = timed.frame().await {
            let part = frame.expect("no error").into_data().expect("data");
            assert!(part.len() <= 16 * 1024, "a slow client could not take it");
            read.extend_from_slice(&part);
            let rest = 1_000_000 - read.len() as u64;
            assert_eq!(timed.size_hint().exact(), Some(rest));
        }
        assert_eq!(read, content);
    }
}
