//! The byte streams of both ends, over any transport.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
};

use super::PATIENCE;

/// A connection.
pub(crate) trait Wire: Read + Write + Send {
    /// Ends this side; the other side reads the end.
    fn end(&mut self) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Wire for UnixStream {
    fn end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Wire for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

impl Wire for rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    /// TLS can also close one side alone, so the socket stays open for the response.
    fn end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

/// Returns a TCP connection with a timeout.
pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("no delay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Returns a Unix connection with a timeout.
pub(crate) fn patient_unix(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Reads until `buffer` contains an empty line; returns its end. Returns none if the stream ends
/// before.
pub(crate) fn read_head(stream: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        if !read_some(stream, buffer)? {
            return Ok(None);
        }
    }
}

/// Reads the available bytes; returns false at the end of the stream.
pub(crate) fn read_some(stream: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(read) => {
                buffer.extend(&piece[..read]);
                return Ok(read > 0);
            }
        }
    }
}

/// Parses the lines of a head strictly: `name: value`, each ended by CRLF, without folding or
/// unusual bytes.
pub(crate) fn header_lines(lines: &str) -> Result<Vec<(String, String)>, String> {
    lines
        .split_terminator("\r\n")
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("no colon: {line:?}"))?;
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) || value.contains(['\r', '\n', '\0']) {
                return Err(format!("malformed: {line:?}"));
            }
            Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        })
        .collect()
}
