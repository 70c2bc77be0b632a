//! An app that hands each request to its test, which decides when and how to respond.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// The timeout of every wait, longer than a correct dispatcher takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct App {
    pub(super) url: String,
    requests: mpsc::UnboundedReceiver<Request>,
}

/// A request that waits for its response. If it is dropped, its connection breaks off.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    response: oneshot::Sender<String>,
}

impl App {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { url, requests }
    }

    /// Returns the next request.
    #[track_caller]
    pub(super) fn next(&mut self) -> impl Future<Output = Request> {
        let next = timeout(TIMEOUT, self.requests.recv());
        async { next.await.expect("in time").expect("the app runs") }
    }

    /// Returns whether no further request has arrived.
    pub(super) fn is_idle(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl Request {
    pub(super) fn respond(self, status: &str) {
        self.respond_with(status, "", "");
    }

    pub(super) fn respond_with(self, status: &str, lines: &str, body: &str) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {length}\r\n\r\n{body}");
        // The gate may have closed the connection.
        let _ = self.response.send(head);
    }

    /// Sends a head that announces a body, and no body.
    pub(super) fn respond_half(self, status: &str) {
        let _ = self
            .response
            .send(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n"));
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }
}

async fn serve(mut stream: TcpStream, requests: mpsc::UnboundedSender<Request>) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            (stream.read_buf(&mut read).await.ok()? > 0).then_some(())?;
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end);
        let length = head.to_lowercase();
        let length = length.split_once("content-length: ")?.1;
        let length: usize = length.lines().next()?.parse().ok()?;
        while read.len() < length {
            (stream.read_buf(&mut read).await.ok()? > 0).then_some(())?;
        }
        let body = read.drain(..length).collect();
        let (response, responded) = oneshot::channel();
        requests
            .send(Request {
                head,
                body,
                response,
            })
            .ok()?;
        let response = responded.await.ok()?;
        stream.write_all(response.as_bytes()).await.ok()?;
    }
}
