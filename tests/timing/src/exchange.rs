//! One request and its response, on a connection that stays open.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::forgery::{Forgeries, Forgery};

/// The bytes of a request before its signature.
pub const HEAD: &str = "POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n\
                        X-Cartfunnel-Hmac-SHA256: ";

/// The length of a signature in the header.
pub const SIGNATURE: usize = 44;

/// A connection, and the buffers of its requests and responses. The same memory serves both
/// classes.
pub struct Exchange {
    address: SocketAddr,
    stream: TcpStream,
    request: Vec<u8>,
    response: Vec<u8>,
    /// The length of a response; 0 before the first.
    length: usize,
}

impl Exchange {
    pub fn connect(address: SocketAddr) -> Self {
        let forgeries = Forgeries::new();
        let forgery = forgeries.wrong_at(0, 0, 0, 1);
        let length = forgery.body.len();
        let rest = format!("\r\nContent-Length: {length}\r\n\r\n");
        let head = format!("{HEAD}{}{rest}", forgery.signature);
        Self {
            address,
            stream: stream(address),
            request: [head.as_bytes(), forgery.body].concat(),
            response: vec![0; 4096],
            length: 0,
        }
    }

    /// Writes a forgery into the request. All have the same length.
    pub fn prepare(&mut self, forgery: &Forgery<'_>) {
        let signature = HEAD.len()..HEAD.len() + SIGNATURE;
        self.request[signature].copy_from_slice(forgery.signature.as_bytes());
        let body = self.request.len() - forgery.body.len();
        self.request[body..].copy_from_slice(forgery.body);
    }

    /// Sends the request and reads the rejection.
    pub fn run(&mut self) {
        if !self.try_run() {
            // The gate closes a connection that is too old. The time is an outlier, and is cropped.
            self.stream = stream(self.address);
            assert!(self.try_run(), "the gate closes each connection");
        }
        assert!(
            self.response.starts_with(b"HTTP/1.1 401 "),
            "not rejected: {}",
            self.response[..self.length].escape_ascii()
        );
    }

    fn try_run(&mut self) -> bool {
        if self.stream.write_all(&self.request).is_err() {
            return false;
        }
        let mut read = 0;
        loop {
            match self.stream.read(&mut self.response[read..]) {
                Ok(0) | Err(_) => return false,
                Ok(length) => read += length,
            }
            if self.length == 0 {
                self.length = complete(&self.response[..read]).unwrap_or_default();
            }
            if self.length != 0 && read >= self.length {
                assert_eq!(read, self.length, "all rejections have the same length");
                return true;
            }
        }
    }
}

fn stream(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Returns the length of a response with a `Content-Length`, once its head is complete.
fn complete(response: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(response).expect("ASCII");
    let head = text.find("\r\n\r\n")? + 4;
    let lower = text[..head].to_ascii_lowercase();
    let (_, length) = lower.split_once("content-length: ")?;
    let length: usize = length.lines().next()?.trim().parse().ok()?;
    Some(head + length)
}
