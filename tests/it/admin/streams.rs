//! Readers of the event stream: many, slow ones, and ones among many other clients.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::Duration,
};

use cartgate::net::listener::ListenAddress;

use super::{access::Crowd, get, setup};
use crate::support::{App, Gate, PATIENCE, wait_until};

/// The limit of open streams.
const MOST: usize = 32;

/// A reader of the event stream.
pub(super) struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(gate: &Gate) -> io::Result<Self> {
        let lines = format!("Authorization: Bearer {}\r\n", gate.token());
        Self::request(gate, "", &lines)
    }

    /// Requests the stream with this query and these header lines.
    pub(super) fn request(gate: &Gate, query: &str, lines: &str) -> io::Result<Self> {
        let ListenAddress::Tcp(address) = gate.admin() else {
            panic!("it listens on TCP");
        };
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request =
            format!("GET /api/v1/events{query} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n");
        stream.write_all(request.as_bytes())?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Returns the status of its response.
    pub(super) fn status(&mut self) -> io::Result<u16> {
        let line = self.line()?;
        let status = line.get(9..12).and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    /// Returns whether the next line comes before the reader loses its patience.
    fn lives(&mut self) -> bool {
        self.line().is_ok()
    }
}

#[test]
fn a_thousand_readers_keep_nobody_out() {
    let app = App::content();
    let gate = setup(&app).start();
    let (mut open, mut full) = (Vec::new(), 0);
    for _ in 0..1000 {
        let mut reader = Reader::open(&gate).expect("a connection");
        match reader.status().expect("a response") {
            200 => open.push(reader),
            503 => full += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((open.len(), full), (MOST, 1000 - MOST));
    assert_eq!(get(gate.admin(), "/metrics").status, 200);
    assert!(open.iter_mut().all(Reader::lives));
    open.pop();
    wait_until("its place is free", || {
        Reader::open(&gate)
            .and_then(|mut reader| reader.status())
            .is_ok_and(|status| status == 200)
    });
}

#[test]
fn a_stream_outlives_the_crowd_and_the_time_of_a_request() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut reader = Reader::open(&gate).expect("a connection");
    assert_eq!(reader.status().expect("a response"), 200);
    let ListenAddress::Tcp(address) = gate.admin() else {
        unreachable!("it listens on TCP");
    };
    let crowd = Crowd::at(address.parse().expect("an address"));
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert!(reader.lives(), "after {:?}", begun.elapsed());
    }
    drop(crowd);
    while begun.elapsed() < Duration::from_secs(16) {
        assert!(reader.lives(), "after {:?}", begun.elapsed());
    }
}
