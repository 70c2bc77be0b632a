//! The receivers of the examples, each behind a gate.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    program::Program,
    servers::port::Port,
    support::{PATIENCE, request, signature_line, wait_until},
    tool::{Server, exchange, of_the_project, status_of, tool},
};

/// A running receiver.
struct Receiver {
    name: &'static str,
    server: Server,
    address: Address,
}

enum Address {
    Unix(PathBuf),
    Tcp(Port),
}

impl Receiver {
    /// Starts a receiver on a Unix socket.
    fn on_socket(name: &'static str, program: &str, example: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("app.sock");
        let mut command = tool(program);
        command.arg(of_the_project(example)).env("SOCKET", &socket);
        Self::start(name, command, dir, Address::Unix(socket))
    }

    /// Starts the receiver in PHP, whose server has no Unix sockets.
    fn in_php() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let port = Port::reserve();
        let mut command = tool("php");
        command
            .args(["-S", &port.address().to_string()])
            .arg(of_the_project("examples/php/receiver.php"))
            .env("STATE", dir.path().join("ids"));
        Self::start("php", command, dir, Address::Tcp(port))
    }

    fn start(name: &'static str, mut command: Command, dir: TempDir, address: Address) -> Self {
        let server = Server::start(&mut command, dir);
        let receiver = Self {
            name,
            server,
            address,
        };
        wait_until("the receiver listens", || receiver.listens());
        receiver
    }

    fn listens(&self) -> bool {
        match &self.address {
            Address::Unix(path) => UnixStream::connect(path).is_ok(),
            Address::Tcp(port) => TcpStream::connect(port.address()).is_ok(),
        }
    }

    /// Returns the address for `--upstream`.
    fn upstream(&self) -> String {
        match &self.address {
            Address::Unix(path) => format!("unix:{}", path.display()),
            Address::Tcp(port) => format!("http://{}", port.address()),
        }
    }

    /// Sends a request past the gate; returns the status of the response.
    fn ask(&self, request: &[u8]) -> Option<u16> {
        let response = match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).ok()?;
                stream.set_read_timeout(Some(PATIENCE)).ok()?;
                exchange(stream, request)
            }
            Address::Tcp(port) => over_tcp(port.address(), request),
        };
        status_of(&response)
    }
}

fn over_tcp(address: SocketAddr, request: &[u8]) -> String {
    let stream = TcpStream::connect(address).expect("it listens");
    let limited = stream.set_read_timeout(Some(PATIENCE));
    limited.expect("a time");
    exchange(stream, request)
}

#[test]
#[ignore = "needs Node, Ruby, Python and PHP; make test runs it"]
fn each_receiver_takes_what_the_gate_has_verified() {
    for receiver in [
        Receiver::on_socket("node", "node", "examples/node/receiver.mjs"),
        Receiver::on_socket("ruby", "ruby", "examples/ruby/receiver.rb"),
        Receiver::on_socket("python", "python3", "examples/python/receiver.py"),
        Receiver::in_php(),
    ] {
        let more = ["--path", "/hooks", "--event", "order"];
        let gate = Program::serve_at(&receiver.upstream(), &more);
        takes(&receiver, &gate);
        bypassed(&receiver);
        is_private(&receiver);
    }
}

/// Checks that a delivery is processed, and a copy of it only once.
fn takes(receiver: &Receiver, gate: &Program) {
    let name = receiver.name;
    let order = br#"{"id":"A-1","order":{"number":"4711"}}"#;
    let deliver = |method: &str, body: &[u8]| {
        let lines = signature_line(body);
        let sent = request(&format!("{method} /hooks HTTP/1.1"), &lines, body);
        let response = over_tcp(gate.address(), &sent);
        let (_, id) = response.split_once("x-cartgate-delivery: ").expect("an id");
        let id = id.lines().next().unwrap_or_default().to_owned();
        (status_of(&response), id)
    };
    let (status, id) = deliver("POST", order);
    assert_eq!(status, Some(200), "{name}");
    wait_until("its line", || receiver.server.said().contains(&id));
    let said = receiver.server.said();
    let line = said.lines().find(|line| line.contains(&id)).expect("said");
    assert!(line.contains("order"), "{name}: {line}");

    let (status, again) = deliver("PUT", order);
    assert_eq!(status, Some(200), "{name}");
    wait_until("a known one", || receiver.server.said().contains("known"));
    assert!(!receiver.server.said().contains(&again), "{name}");
    assert_eq!(deliver("POST", b"no JSON").0, Some(422), "{name}");
}

/// Checks that a request past the gate is noticed.
fn bypassed(receiver: &Receiver) {
    let body = br#"{"id":"A-2"}"#;
    let past = request("POST /hooks HTTP/1.1", "", body);
    assert_eq!(receiver.ask(&past), Some(403), "{}", receiver.name);
    wait_until("its warning", || {
        receiver.server.said().contains("did not come through")
    });
}

/// Checks that only its user can connect to its socket.
fn is_private(receiver: &Receiver) {
    if let Address::Unix(path) = &receiver.address {
        let mode = fs::metadata(path).expect("a socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", receiver.name);
    }
}
