//! The admin listener from the view of its clients: a gate in this process with both of its
//! sockets, and a client that writes bytes unchanged.

mod access;
pub(crate) mod browser;
mod conditions;
mod counting;
mod health;
mod openapi;
mod openmetrics;
mod own_token;
mod packaged;
mod reload;
mod room;
pub(crate) mod routes;
mod secrets;
mod sessions;
mod status;
mod streams;
mod test_delivery;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use cartgate::{
    alarm::AlarmReceiver,
    inbox::{self, settings::StoreAddress},
    net::{connect::Trust, listener::ListenAddress},
};

use crate::support::{
    App, BODY, Gate, PATIENCE, SECRET, Setup, genuine, request, signature_line, wait_until,
};
use openmetrics::Page;

/// Returns a gate in front of `app` with an admin listener.
fn setup(app: &App) -> Setup {
    Setup::before(app).with(|setup| {
        setup.path = "/hooks".parse().expect("a path");
        setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
    })
}

/// Starts a gate with a sample of every metric: it has accepted a delivery, stored one for two
/// destinations, and one of these is no longer configured.
fn with_everything(app: &App, dir: &Path) -> Gate {
    let kept_for = |names: &[&'static str]| {
        setup(app).with(|setup| {
            let store = StoreAddress::Sqlite(dir.join("inbox.db"));
            setup.config.inbox = Some(inbox::Settings::new(store));
            setup.kept_for = names.to_vec();
            let receiver = "http://127.0.0.1:9".parse().expect("an address");
            let receiver = AlarmReceiver::new(receiver, &Trust::Platform);
            setup.config.alarms = vec![Arc::new(receiver.expect("plain HTTP"))];
        })
    };
    let gate = kept_for(&["shop", "old-shop"]).start();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    let kept = request("POST /kept HTTP/1.1", &signature_line(BODY), BODY);
    assert_eq!(gate.client().ask(kept).status, 200);
    let without = kept_for(&["shop"]).config(&[("current", SECRET)]);
    gate.config.send_replace(without);
    wait_until("one is gone", || {
        !get(gate.admin(), "/metrics")
            .body
            .contains("cartgate_inbox_pending{destination=\"old-shop\"}")
    });
    gate.metrics.shows_certificates([(
        "cert.pem".to_owned(),
        SystemTime::UNIX_EPOCH..SystemTime::now(),
    )]);
    gate.metrics.reload_failed();
    gate
}

/// A response of the admin listener, or of the health path of the public port.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn has(&self, line: &str) -> bool {
        let same = |own: &str| own.eq_ignore_ascii_case(line);
        self.head.lines().any(same)
    }
}

/// Sends a request with these header lines, each ended by CRLF, with `Host` among them.
fn ask(address: &ListenAddress, first_line: &str, lines: &str) -> Reply {
    let request = format!("{first_line} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
    let mut bytes = Vec::new();
    match address {
        ListenAddress::Tcp(address) => {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time");
            stream.write_all(request.as_bytes()).expect("it takes it");
            // A request that was too long to be read may cause a reset after the response.
            let _ = stream.read_to_end(&mut bytes);
        }
        ListenAddress::Unix(path) => {
            let mut stream = UnixStream::connect(path).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time");
            stream.write_all(request.as_bytes()).expect("it takes it");
            // A request that was too long to be read may cause a reset after the response.
            let _ = stream.read_to_end(&mut bytes);
        }
        ListenAddress::Systemd(_) => panic!("nothing is inherited here"),
    }
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    Reply {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a request like Prometheus.
fn get(address: &ListenAddress, path: &str) -> Reply {
    let host = match address {
        ListenAddress::Tcp(address) => address.as_str(),
        ListenAddress::Unix(_) | ListenAddress::Systemd(_) => "localhost",
    };
    ask(
        address,
        &format!("GET {path}"),
        &format!("Host: {host}\r\n"),
    )
}

/// Sends a request with the token of the gate.
fn api(gate: &Gate, first_line: &str) -> Reply {
    api_with(gate, first_line, "")
}

/// Sends a request with the token of the gate and further header lines.
fn api_with(gate: &Gate, first_line: &str, lines: &str) -> Reply {
    let lines = format!(
        "Host: localhost\r\nAuthorization: Bearer {}\r\n{lines}",
        gate.token()
    );
    ask(gate.admin(), first_line, &lines)
}

/// Returns the metrics, and checks every rule of their format.
fn metrics(gate: &Gate) -> Page {
    let reply = get(gate.admin(), "/metrics");
    assert_eq!(reply.status, 200);
    assert!(
        reply.has("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{}",
        reply.head
    );
    Page::parse(&reply.body)
}
