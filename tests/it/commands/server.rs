//! A server for the sender: it records requests as they arrived.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use http::{HeaderMap, HeaderName, HeaderValue};
use tower_cartgate::{Keyring, Policy, Secret, verify};

use super::SECRET;

pub(super) const HEADER: &str = "x-cartfunnel-hmac-sha256";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A server that records requests, and responds with the status that a function returns.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Raw>>>,
}

impl Server {
    pub(super) fn tcp(answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!(
            "http://{}/hooks?shop=1",
            listener.local_addr().expect("an address")
        );
        let connections =
            std::iter::from_fn(move || Some(listener.accept().expect("a connection").0));
        Self::start(url, connections, answer)
    }

    pub(super) fn unix(
        path: &Path,
        answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        let url = format!("unix:{}:/hooks", path.display());
        let connections =
            std::iter::from_fn(move || Some(listener.accept().expect("a connection").0));
        Self::start(url, connections, answer)
    }

    fn start<S>(
        url: String,
        connections: impl Iterator<Item = S> + Send + 'static,
        answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static,
    ) -> Self
    where
        S: Read + Write + Send + 'static,
    {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for connection in connections {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || converse(connection, &kept, &*answer));
            }
        });
        Self { url, requests }
    }

    pub(super) fn requests(&self) -> Vec<Raw> {
        self.requests
            .lock()
            .expect("no test thread panicked")
            .clone()
    }

    pub(super) fn only(&self) -> Raw {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }
}

fn converse<S: Read + Write>(
    connection: S,
    kept: &Mutex<Vec<Raw>>,
    answer: &dyn Fn(&Raw) -> &'static str,
) {
    let mut reader = BufReader::new(connection);
    while let Some(raw) = read(&mut reader) {
        let status = answer(&raw);
        kept.lock().expect("no test thread panicked").push(raw);
        let mark = if status.starts_with("200") {
            "X-Cartgate-Delivery: test-id\r\n"
        } else {
            ""
        };
        let text = format!("HTTP/1.1 {status}\r\n{mark}Content-Length: 6\r\n\r\nline\n\x1b");
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read<S: Read>(reader: &mut BufReader<S>) -> Option<Raw> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut headers = HeaderMap::new();
    while let Some((name, value)) = line()?.split_once(':') {
        let name: HeaderName = name.parse().expect("a header's name");
        headers.append(
            name,
            HeaderValue::from_str(value.trim()).expect("a header's value"),
        );
    }
    let length = headers["content-length"]
        .to_str()
        .expect("digits")
        .parse()
        .expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Raw {
        method: words.next()?,
        target: words.next()?,
        headers,
        body,
    })
}

pub(super) fn is_true(raw: &Raw) -> bool {
    let secret = Secret::new(SECRET.as_bytes()).expect("a secret");
    verify(
        &Policy::new(Keyring::single(secret)),
        &raw.headers,
        raw.body.clone(),
    )
    .is_ok()
}

pub(super) fn verifying(raw: &Raw) -> &'static str {
    if is_true(raw) {
        "200 OK"
    } else {
        "401 Unauthorized\r\nProxy-Status: cartgate; error=http_request_denied"
    }
}
