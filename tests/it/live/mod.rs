//! Recent deliveries and the event stream, from the view of a client of the API.

mod access;
mod curl;
mod deliveries;
mod hostile;
mod load;
mod readers;
mod resume;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use cartgate::net::listener::ListenAddress;
use serde_json::Value;

use crate::support::{
    App, Gate, PATIENCE, Setup,
    wire::{Wire, patient, patient_unix, read_head, read_some},
};

/// Returns a gate in front of `app` with an admin listener.
fn setup(app: &App) -> Setup {
    Setup::before(app).with(|setup| {
        setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
    })
}

/// A response of the API.
#[derive(Debug)]
struct Reply {
    status: u16,
    body: String,
}

impl Reply {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).expect("JSON")
    }
}

fn connect(gate: &Gate) -> Box<dyn Wire> {
    match gate.admin() {
        ListenAddress::Tcp(address) => {
            Box::new(patient(TcpStream::connect(address).expect("connected")))
        }
        ListenAddress::Unix(path) => {
            Box::new(patient_unix(UnixStream::connect(path).expect("connected")))
        }
        ListenAddress::Systemd(_) => panic!("nothing is inherited here"),
    }
}

/// Sends a request to the API with these header lines beside `Host`.
fn ask(gate: &Gate, path: &str, lines: &str) -> Box<dyn Wire> {
    let mut wire = connect(gate);
    // A session belongs to the port that it was opened at.
    let host = match gate.admin() {
        ListenAddress::Tcp(address) => address,
        _ => "localhost",
    };
    let request = format!("GET /api/v1{path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
    wire.write_all(request.as_bytes()).expect("it takes it");
    wire
}

fn authorization(gate: &Gate) -> String {
    format!("Authorization: Bearer {}\r\n", gate.token())
}

fn get(gate: &Gate, path: &str) -> Reply {
    get_with(gate, path, &authorization(gate))
}

fn get_with(gate: &Gate, path: &str, lines: &str) -> Reply {
    let mut wire = ask(gate, path, lines);
    let mut bytes = Vec::new();
    wire.read_to_end(&mut bytes).expect("a response");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    Reply {
        status: status(head),
        body: body.to_owned(),
    }
}

fn status(head: &str) -> u16 {
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    status.expect("a status")
}

/// A client of the event stream.
struct Events {
    wire: Box<dyn Wire>,
    head: String,
    /// Bytes in chunks.
    raw: Vec<u8>,
    /// The stream without the chunks.
    text: Vec<u8>,
}

/// An event of the stream.
#[derive(Debug, Clone)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    /// Opens the stream, and checks that it is one.
    fn open(gate: &Gate) -> Self {
        Self::after(gate, "")
    }

    /// Opens the stream as a client that comes again with this id, unless it is empty.
    fn after(gate: &Gate, last: &str) -> Self {
        let last = match last {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let lines = format!("{}{last}", authorization(gate));
        let events = Self::request(gate, &lines);
        assert_eq!(events.status(), 200, "{}", events.head);
        let kind = "content-type: text/event-stream";
        assert!(events.head.to_ascii_lowercase().contains(kind));
        events
    }

    /// Requests the stream with these header lines.
    fn request(gate: &Gate, lines: &str) -> Self {
        let mut wire = ask(gate, "/events", lines);
        let mut raw = Vec::new();
        let end = read_head(&mut *wire, &mut raw).expect("a response");
        let head: Vec<u8> = raw.drain(..end.expect("a head")).collect();
        Self {
            wire,
            head: String::from_utf8(head).expect("text"),
            raw,
            text: Vec::new(),
        }
    }

    fn status(&self) -> u16 {
        status(&self.head)
    }

    /// Returns the next event; none at the end of the stream.
    fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("text");
                if let Some(event) = Event::read(&block) {
                    return Some(event);
                }
            }
            if !self.read_chunk() {
                return None;
            }
        }
    }

    /// Reads one chunk; returns false at the end.
    fn read_chunk(&mut self) -> bool {
        let chunk = crate::support::answer::read_chunk(&mut *self.wire, &mut self.raw);
        match chunk {
            Ok(Some(chunk)) => {
                self.text.extend(chunk);
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Returns the next event with this name.
    #[track_caller]
    fn named(&mut self, name: &str) -> Event {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no {name}");
            let event = self.next().expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// Returns the next rows, until there are this many, with the id of the last event.
    #[track_caller]
    fn rows(&mut self, count: usize) -> (Vec<Value>, String) {
        let mut rows = Vec::new();
        loop {
            let event = self.named("deliveries");
            rows.extend(event.rows());
            if rows.len() >= count {
                return (rows, event.id.expect("an id"));
            }
        }
    }
}

impl Event {
    /// Reads a block of the stream; none if it is no event.
    fn read(block: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let data = field("data")?;
        Some(Self {
            name: field("event").expect("each event has a name").to_owned(),
            id: field("id").map(str::to_owned),
            data: serde_json::from_str(data).expect("JSON"),
        })
    }

    fn rows(&self) -> Vec<Value> {
        self.data["items"].as_array().expect("rows").clone()
    }
}

/// Returns the ids of rows.
fn ids(rows: &[Value]) -> Vec<String> {
    let ids = rows.iter().map(|row| row["id"].as_str().expect("an id"));
    ids.map(str::to_owned).collect()
}

/// Waits a little, so that a tick of the gate passes.
fn pass_a_tick() {
    std::thread::sleep(Duration::from_millis(300));
}

/// Returns whether the other side has closed the connection. Reads what is left.
fn ends(wire: &mut dyn Wire) -> bool {
    let mut buffer = Vec::new();
    loop {
        match read_some(wire, &mut buffer) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
