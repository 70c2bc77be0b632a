//! A kept connection to a server. A byte after a response, or a response to another request, shows
//! that the server has read a request differently.

use std::{
    io::{self, Write as _},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use crate::{
    delivered::Delivered,
    reading::Reading,
    server::{ServerStream, WebServer},
    support::wire::{Wire, read_head, read_some},
};

/// The time in which a server would respond to a second request that it found in the last one.
const SECOND_RESPONSE: Duration = Duration::from_millis(200);

/// The result of a request to a server.
pub(crate) enum Response {
    /// The server handed the request to its app.
    Read(Reading),
    /// The server rejected the request itself.
    Rejected(u16),
    /// There was no complete response.
    Broken(String),
}

/// Bytes that a server sent after its response.
pub(crate) struct Unasked {
    pub(crate) bytes: Vec<u8>,
    /// The last request before them.
    pub(crate) request: Vec<u8>,
}

/// A connection to a server, opened again after the server has closed it.
pub(crate) struct ServerConnection {
    stream: Option<ServerStream>,
    /// Whether the last response leaves the connection open.
    is_kept: bool,
    buffer: Vec<u8>,
    /// The last request.
    request: Vec<u8>,
}

impl ServerConnection {
    pub(crate) fn new() -> Self {
        Self {
            stream: None,
            is_kept: false,
            buffer: Vec::new(),
            request: Vec::new(),
        }
    }

    /// Writes a request, in two pieces if it has a cut. Returns the bytes that the server sent
    /// unasked before.
    pub(crate) fn send(&mut self, server: &WebServer, delivered: &Delivered) -> Option<Unasked> {
        let unasked = self.unasked();
        let mut stream = match self.stream.take() {
            Some(stream) if self.is_kept && unasked.is_none() => stream,
            _ => server.connect(),
        };
        self.request.clone_from(&delivered.raw);
        let (first, second) = delivered.raw.split_at(delivered.cut);
        // A server that rejects a request may close before it has read all.
        let _ = stream.write_all(first);
        if !second.is_empty() {
            thread::yield_now();
            let _ = stream.write_all(second);
        }
        self.stream = Some(stream);
        unasked
    }

    /// Reads the response to the request that was sent.
    pub(crate) fn receive(&mut self) -> Response {
        let mut stream = self.stream.take().expect("a request was sent");
        let (status, body, is_kept) = match read_response(&mut stream, &mut self.buffer) {
            Ok(response) => response,
            Err(error) => {
                self.buffer.clear();
                return Response::Broken(error.to_string());
            }
        };
        self.stream = Some(stream);
        self.is_kept = is_kept;
        if status != 200 {
            return Response::Rejected(status);
        }
        Reading::parse(&body).map_or_else(
            || Response::Broken(format!("not a reading: {}", body.escape_ascii())),
            Response::Read,
        )
    }

    /// Waits for a second response, and returns it.
    pub(crate) fn finish(&mut self) -> Option<Unasked> {
        if self.stream.is_some() {
            thread::sleep(SECOND_RESPONSE);
        }
        self.unasked()
    }

    /// Returns the bytes that arrived after the last response, also after a rejection. Drops a
    /// connection that the server has closed.
    fn unasked(&mut self) -> Option<Unasked> {
        let stream = self.stream.as_mut()?;
        stream.set_waiting(false);
        while let Ok(true) = read_some(stream, &mut self.buffer) {}
        let is_open = read_some(stream, &mut self.buffer)
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        stream.set_waiting(true);
        if !is_open {
            self.stream = None;
        }
        let bytes = std::mem::take(&mut self.buffer);
        (!bytes.is_empty()).then(|| Unasked {
            bytes,
            request: self.request.clone(),
        })
    }
}

/// Returns the status, the body, and whether the connection stays open.
fn read_response(stream: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<(u16, Vec<u8>, bool)> {
    let missing = |what: &str| io::Error::new(io::ErrorKind::UnexpectedEof, what);
    let head = read_head(stream, buffer)?;
    let head = head.ok_or_else(|| missing("closed without a response"))?;
    let head: Vec<u8> = buffer.drain(..head).collect();
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| missing(&head))?;
    let value = |name: &str| {
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let is_kept = head.starts_with("http/1.1") && value("connection") != Some("close");
    if let Some(length) = value("content-length") {
        let length = length.parse().map_err(|_| missing("a length"))?;
        while buffer.len() < length {
            if !read_some(stream, buffer)? {
                return Err(missing("a short body"));
            }
        }
        return Ok((status, buffer.drain(..length).collect(), is_kept));
    }
    if value("transfer-encoding").is_some() {
        return Ok((status, chunks(stream, buffer)?, is_kept));
    }
    while read_some(stream, buffer)? {}
    Ok((status, std::mem::take(buffer), false))
}

fn chunks(stream: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = buffer.windows(2).position(|two| two == b"\r\n");
        let size = line.and_then(|end| {
            let size = std::str::from_utf8(&buffer[..end]).ok()?;
            Some((end + 2, usize::from_str_radix(size.trim(), 16).ok()?))
        });
        if let Some((start, size)) = size
            && buffer.len() >= start + size + 2
        {
            body.extend_from_slice(&buffer[start..start + size]);
            buffer.drain(..start + size + 2);
            if size == 0 {
                return Ok(body);
            }
        } else if !read_some(stream, buffer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[test]
fn a_second_response_is_found_after_each_kind_of_response() {
    let heads = [
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n",
    ];
    for head in heads {
        for count in [1, 2] {
            let (near, mut far) = UnixStream::pair().expect("two ends");
            let responses = format!("{head}Content-Length: 0\r\n\r\n").repeat(count);
            far.write_all(responses.as_bytes()).expect("written");
            let mut connection = ServerConnection::new();
            connection.stream = Some(ServerStream::Unix(near));
            let _ = connection.receive();
            assert_eq!(connection.unasked().is_some(), count == 2, "{responses}");
        }
    }
}
