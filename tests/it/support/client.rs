//! A client that writes bytes unchanged, whole or in pieces, and reads responses.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
};

use super::{
    answer::{Answer, Framing, read_chunk},
    wire::{Wire, patient, patient_unix},
};

/// One connection to a gate.
pub(crate) struct Client {
    stream: Box<dyn Wire>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        Self::over(patient(stream))
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("a connection");
        Self::over(patient_unix(stream))
    }

    /// Returns a client over any byte stream.
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
        }
    }

    /// Writes `bytes` unchanged.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the gate takes it");
        self
    }

    /// Writes `bytes`, unless the gate has closed the connection.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends the writing side.
    pub(crate) fn end(&mut self) -> &mut Self {
        // The gate may have closed the connection already.
        let _ = self.stream.end();
        self
    }

    /// Returns the next response.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer()
            .expect("an answer")
            .expect("an answer, not an end")
    }

    /// Returns the next response; none if the gate closed in order, an error if it broke off.
    pub(crate) fn try_answer(&mut self) -> io::Result<Option<Answer>> {
        let Some((mut answer, framing)) = self.head(false)? else {
            return Ok(None);
        };
        answer.read_body(&mut *self.stream, &mut self.buffer, framing)?;
        Ok(Some(answer))
    }

    /// Returns the response to a HEAD request.
    #[track_caller]
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        self.head(true)
            .expect("an answer")
            .expect("an answer, not an end")
            .0
    }

    /// Returns the head of the next response, whose chunks [`Self::chunk`] reads.
    #[track_caller]
    pub(crate) fn answer_head(&mut self) -> Answer {
        self.head(false)
            .expect("an answer")
            .expect("an answer, not an end")
            .0
    }

    /// Returns the next chunk of a response as soon as it arrives.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        read_chunk(&mut *self.stream, &mut self.buffer)
    }

    fn head(&mut self, bodyless: bool) -> io::Result<Option<(Answer, Framing)>> {
        Answer::read_head(&mut *self.stream, &mut self.buffer, bodyless)
    }

    /// Checks that the gate closes in order, and sends nothing before.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        let next = self.try_answer();
        assert!(
            matches!(next, Ok(None)),
            "expected the end of the connection: {next:?}"
        );
    }

    /// Checks that the gate closes, in order or with a reset, and sends nothing before.
    #[track_caller]
    pub(crate) fn is_gone(&mut self) {
        let next = self.try_answer();
        let gone = match &next {
            Ok(answer) => answer.is_none(),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        assert!(gone, "expected the connection to end: {next:?}");
    }

    /// Sends a request; returns its response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).answer()
    }
}
