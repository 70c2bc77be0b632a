//! An app that hands each request to its test, which answers it whenever it likes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Longer than anything takes that is right.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct App {
    pub(super) url: String,
    requests: mpsc::UnboundedReceiver<Request>,
}

/// A request that waits for its answer; dropped, its connection breaks off.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    answer: oneshot::Sender<String>,
}

impl App {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, sender.clone()));
            }
        });
        Self { url, requests }
    }

    /// The next request.
    #[track_caller]
    pub(super) fn next(&mut self) -> impl Future<Output = Request> {
        let next = timeout(PATIENCE, self.requests.recv());
        async { next.await.expect("in time").expect("the app runs") }
    }

    /// Whether nothing came that its test has not seen.
    pub(super) fn is_idle(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl Request {
    pub(super) fn answer(self, status: &str) {
        self.answer_with(status, "", "");
    }

    pub(super) fn answer_with(self, status: &str, lines: &str, body: &str) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {length}\r\n\r\n{body}");
        // The gate may have gone.
        let _ = self.answer.send(head);
    }

    /// A head that promises a body which never comes.
    pub(super) fn answer_half(self, status: &str) {
        let _ = self
            .answer
            .send(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n"));
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }
}

async fn converse(mut stream: TcpStream, requests: mpsc::UnboundedSender<Request>) -> Option<()> {
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
        let (answer, answered) = oneshot::channel();
        requests.send(Request { head, body, answer }).ok()?;
        let answer = answered.await.ok()?;
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
