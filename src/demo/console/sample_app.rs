//! The sample app of the console's demonstration. It can be stopped and started again. It accepts
//! most requests; a few it rejects at first, and a few for good, so that the inbox has attempts and
//! dead letters to show.

use std::{
    collections::HashSet,
    convert::Infallible,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{UnixListener, UnixStream},
    task::{AbortHandle, JoinSet},
};

/// The largest body that the app reads.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The pause after an error of the listener.
const PAUSE: Duration = Duration::from_millis(50);

/// One order in so many is rejected at its first attempt.
const BUSY_FOR: u64 = 16;

/// One order in so many is rejected for good.
const UNKNOWN_FOR: u64 = 80;

/// The number of rejected orders that the app remembers.
const REMEMBERED: usize = 1_000;

/// An app on a Unix socket, which runs or is stopped.
pub(super) struct SampleApp {
    path: PathBuf,
    running: Option<AbortHandle>,
    /// The orders that were rejected once. The next attempt succeeds.
    rejected: Arc<Mutex<HashSet<u64>>>,
}

impl SampleApp {
    /// Starts an app on a new socket.
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let mut app = Self {
            path,
            running: None,
            rejected: Arc::default(),
        };
        app.toggle()?;
        Ok(app)
    }

    pub(super) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Stops the app with its connections, or starts it again at the same place.
    pub(super) fn toggle(&mut self) -> io::Result<()> {
        if self.stop() {
            return Ok(());
        }
        let listener = UnixListener::bind(&self.path)?;
        let serving = serve_all(listener, Arc::clone(&self.rejected));
        self.running = Some(tokio::spawn(serving).abort_handle());
        Ok(())
    }

    /// Stops the app. Returns whether it ran.
    fn stop(&mut self) -> bool {
        let Some(running) = self.running.take() else {
            return false;
        };
        running.abort();
        // Connections fail without a listener, too; the file would only prevent a new start.
        let _ = fs::remove_file(&self.path);
        true
    }
}

impl Drop for SampleApp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves connections. All end with this future.
async fn serve_all(listener: UnixListener, rejected: Arc<Mutex<HashSet<u64>>>) {
    let mut connections = JoinSet::new();
    loop {
        // Accepting fails only without free file descriptors. The gate then reports the app.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, Arc::clone(&rejected)));
    }
}

async fn serve(stream: UnixStream, rejected: Arc<Mutex<HashSet<u64>>>) {
    let service = service_fn(|request| respond(request, Arc::clone(&rejected)));
    // The gate tries again if the connection breaks.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    rejected: Arc<Mutex<HashSet<u64>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let (status, text) = match body {
        Ok(body) => judge(&body.to_bytes(), &rejected),
        Err(error) if error.is::<LengthLimitError>() => {
            (StatusCode::PAYLOAD_TOO_LARGE, r#"{"error":"too large"}"#)
        }
        Err(_) => (StatusCode::BAD_REQUEST, r#"{"error":"incomplete"}"#),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}

/// Accepts a body, or rejects it at first or for good. Equal bodies share their fate.
fn judge(body: &Bytes, rejected: &Mutex<HashSet<u64>>) -> (StatusCode, &'static str) {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let digest = hasher.finish();
    if digest.is_multiple_of(UNKNOWN_FOR) {
        return (StatusCode::GONE, r#"{"error":"this product is gone"}"#);
    }
    let mut rejected = rejected.lock().unwrap_or_else(PoisonError::into_inner);
    if digest % BUSY_FOR == 1 && !rejected.remove(&digest) {
        if rejected.len() < REMEMBERED {
            rejected.insert(digest);
        }
        let busy = r#"{"error":"the warehouse is busy"}"#;
        return (StatusCode::INTERNAL_SERVER_ERROR, busy);
    }
    (StatusCode::OK, r#"{"status":"received"}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn most_bodies_are_accepted_and_each_in_the_end() {
        let rejected = Mutex::default();
        let (mut busy, mut gone) = (0, 0);
        for number in 0..1_600 {
            let body = Bytes::from(format!("order {number}"));
            let (first, _) = judge(&body, &rejected);
            let (second, _) = judge(&body, &rejected);
            match (first, second) {
                (StatusCode::OK, StatusCode::OK) => {}
                (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK) => busy += 1,
                (StatusCode::GONE, StatusCode::GONE) => gone += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!((60..=150).contains(&busy), "{busy}");
        assert!((5..=45).contains(&gone), "{gone}");
    }

    #[tokio::test]
    async fn a_stopped_app_closes_its_connections_and_starts_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("app.sock");
        let mut app = SampleApp::start(path.clone()).expect("started");
        let mut open = UnixStream::connect(&path).await.expect("connected");
        let request = b"POST / HTTP/1.1\r\nhost: app\r\ncontent-length: 2\r\n\r\nok";
        open.write_all(request).await.expect("written");
        let mut first = [0; 12];
        open.read_exact(&mut first).await.expect("a response");
        assert_eq!(&first, b"HTTP/1.1 200");
        app.toggle().expect("stopped");
        assert!(!app.runs());
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = open.read_to_end(&mut rest).await;
        assert!(UnixStream::connect(&path).await.is_err());
        app.toggle().expect("started again");
        assert!(app.runs() && UnixStream::connect(&path).await.is_ok());
        drop(app);
        assert!(!path.exists(), "it leaves no socket");
    }
}
