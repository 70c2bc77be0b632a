//! A client that writes bytes as they are given, whole or in pieces, and reads answers.

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

    /// Over whatever carries bytes.
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
        }
    }

    /// Writes `bytes` as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the gate takes it");
        self
    }

    /// Writes `bytes`, unless the gate has gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) -> &mut Self {
        // A gate that has closed already is content, too.
        let _ = self.stream.end();
        self
    }

    /// The next answer, whole.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer()
            .expect("an answer")
            .expect("an answer, not an end")
    }

    /// The next answer; none if the gate closed in order, an error if it broke off.
    pub(crate) fn try_answer(&mut self) -> io::Result<Option<Answer>> {
        let Some((mut answer, framing)) = self.head(false)? else {
            return Ok(None);
        };
        answer.read_body(&mut *self.stream, &mut self.buffer, framing)?;
        Ok(Some(answer))
    }

    /// The answer to a HEAD request.
    #[track_caller]
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        self.head(true)
            .expect("an answer")
            .expect("an answer, not an end")
            .0
    }

    /// The next answer's head; its chunks are read by [`Self::chunk`].
    #[track_caller]
    pub(crate) fn answer_head(&mut self) -> Answer {
        self.head(false)
            .expect("an answer")
            .expect("an answer, not an end")
            .0
    }

    /// The next chunk of an answer, as soon as it is there.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        read_chunk(&mut *self.stream, &mut self.buffer)
    }

    fn head(&mut self, bodyless: bool) -> io::Result<Option<(Answer, Framing)>> {
        Answer::read_head(&mut *self.stream, &mut self.buffer, bodyless)
    }

    /// The gate closes in order, and says nothing more before.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        let next = self.try_answer();
        assert!(
            matches!(next, Ok(None)),
            "expected the end of the connection: {next:?}"
        );
    }

    /// The gate closes, in order or by a reset, and says nothing more before.
    #[track_caller]
    pub(crate) fn is_gone(&mut self) {
        let next = self.try_answer();
        let gone = match &next {
            Ok(answer) => answer.is_none(),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        assert!(gone, "expected the connection to end: {next:?}");
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).answer()
    }
}
