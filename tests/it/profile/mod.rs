//! The profile through a real gate: learned from verified deliveries, shown by the API, kept over a
//! restart, with its alarm in status, metrics and log. No output contains a value.

mod alarm;
mod command;
mod restart;
mod shown;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use cartgate::net::listener::ListenAddress;
use serde_json::{Value, json};

use crate::{
    program::Program,
    support::{
        App, Client, Gate, PATIENCE, Setup, genuine, ms, request, signature_line, wait_until,
    },
};

/// Parts of the values in the payloads of these tests. None may be shown or stored.
const PLANTED: [&str; 6] = [
    "planted-id",
    "planted@",
    "order.planted",
    "Planted Street",
    "planted-header",
    "planted-key",
];

/// Returns the payload of an order with planted values.
fn order(index: usize) -> Value {
    let events = ["order.planted", "cart.planted"];
    json!({
        "event": events[index % 2],
        "sent_at": humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        "order": {
            "id": format!("planted-id-{index}"),
            "items": [{"sku": "planted-key"}],
            "customer": {"email": format!("planted@{index}.example"), "street": "Planted Street"},
            "by_mail": {format!("planted@{index}.example"): 1, "planted-key-123456": 2},
        },
    })
}

/// Returns a payload without the id and the customer.
fn broken(index: usize) -> Value {
    let mut payload = order(index);
    let order = payload["order"].as_object_mut().expect("an object");
    order.remove("id");
    order.remove("customer");
    payload["index"] = json!(index);
    payload
}

/// Returns a gate in front of `app` with an admin listener.
fn setup(app: &App) -> Setup {
    Setup::before(app).with(|setup| {
        setup.path = "/hooks".parse().expect("a path");
        setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
    })
}

/// Returns a genuine delivery of a payload.
fn delivery(payload: &Value) -> Vec<u8> {
    let body = payload.to_string();
    let lines = format!(
        "Content-Type: application/json; planted=1\r\nX-Shop: planted-header\r\n{}",
        signature_line(body.as_bytes())
    );
    request("POST /hooks HTTP/1.1", &lines, body.as_bytes())
}

/// A gate whose profile is watched through its API.
struct Watched {
    /// The address for deliveries.
    address: SocketAddr,
    admin: SocketAddr,
    token: String,
}

impl Watched {
    /// Watches a gate in this process.
    fn gate(gate: &Gate) -> Self {
        let ListenAddress::Tcp(admin) = gate.admin() else {
            panic!("it listens on TCP");
        };
        Self::new(
            gate.address(),
            admin.parse().expect("an address"),
            gate.token(),
        )
    }

    /// Watches a program.
    fn program(gate: &Program) -> Self {
        Self::new(gate.address(), gate.admin(), gate.token())
    }

    /// Waits until the gate permits samples, which it does after it has read the stored profiles.
    fn new(address: SocketAddr, admin: SocketAddr, token: String) -> Self {
        let watched = Self {
            address,
            admin,
            token,
        };
        wait_until("it permits samples", || {
            let before = watched.deliveries();
            let body = format!("{before} before");
            assert_eq!(watched.client().ask(genuine(body.as_bytes())).status, 200);
            let deadline = Instant::now() + ms(200);
            while Instant::now() < deadline {
                if watched.deliveries() > before {
                    return true;
                }
            }
            false
        });
        watched
    }

    fn client(&self) -> Client {
        Client::tcp(self.address)
    }

    /// Sends deliveries until the gate has learned all of them.
    fn learn(&self, payloads: impl IntoIterator<Item = Value>) {
        let before = self.deliveries();
        let mut client = self.client();
        let mut sent = 0;
        for payload in payloads {
            assert_eq!(client.ask(delivery(&payload)).status, 200);
            sent += 1;
        }
        wait_until("it has learned all", || self.deliveries() == before + sent);
    }

    fn deliveries(&self) -> u64 {
        self.profile()["deliveries"].as_u64().expect("a number")
    }

    /// Returns the profile of the one endpoint.
    fn profile(&self) -> Value {
        let (status, body) = self.api("GET /api/v1/profile");
        assert_eq!(status, 200, "{body}");
        let view: Value = serde_json::from_str(&body).expect("JSON");
        view["endpoints"][0].clone()
    }

    /// Sends a request to the API with the token. Returns the status and the body.
    fn api(&self, first_line: &str) -> (u16, String) {
        let token = &self.token;
        api(
            self.admin,
            first_line,
            &format!("Authorization: Bearer {token}\r\n"),
        )
    }
}

/// Sends a request to an API. Returns the status and the body.
fn api(admin: SocketAddr, first_line: &str, lines: &str) -> (u16, String) {
    let request = format!(
        "{first_line} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(admin).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// Returns the pointers of a profile.
fn pointers(profile: &Value) -> Vec<&str> {
    let all = profile["pointers"].as_array().expect("a list");
    let pointers = all.iter().map(|one| one["pointer"].as_str());
    pointers.map(|pointer| pointer.expect("text")).collect()
}

#[track_caller]
fn has_no_value(text: &str) {
    for planted in PLANTED {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
}
