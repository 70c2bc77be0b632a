//! The built program under a service manager: its notifications, and the sockets that it gets.

use std::{
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener, UnixStream},
    },
    process::{Command, Stdio},
    time::Instant,
};

use tempfile::TempDir;

use crate::{
    program::{Program, inheriting},
    support::{App, BODY, Client, PATIENCE, SECRET, genuine, ms},
};

/// A service manager with its notification socket.
struct Manager {
    dir: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { dir, socket }
    }

    fn path(&self) -> String {
        self.dir.path().join("notify").display().to_string()
    }

    /// Returns the next message.
    fn next(&self) -> String {
        let mut buffer = [0; 512];
        let length = self.socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Returns the next message that is not a sign of life.
    fn news(&self) -> String {
        loop {
            let message = self.next();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }
}

#[test]
fn each_turn_of_its_life_is_told() {
    let (app, hold) = App::holding();
    let manager = Manager::new();
    let path = manager.path();
    let program = Program::serve_with(&app, &[], &[("NOTIFY_SOCKET", &path)]);
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving");
    let mut client = program.client();

    program.write_secret(b"another planted secret of the tests");
    program.signal("HUP");
    let reloading = manager.next();
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(manager.next(), "READY=1\nSTATUS=serving; reloaded");
    assert_eq!(
        client.ask(genuine(BODY)).status,
        401,
        "in force once it says so"
    );

    program.write_secret(b"");
    program.signal("HUP");
    assert!(manager.next().starts_with("RELOADING=1\n"));
    let failed = manager.next();
    assert!(
        failed.starts_with("READY=1\nSTATUS=") && failed.contains("failed"),
        "{failed}"
    );

    program.write_secret(SECRET);
    program.signal("HUP");
    assert!(manager.next().starts_with("RELOADING=1\n"));
    assert!(manager.next().starts_with("READY=1\n"));
    client.send(genuine(BODY));
    app.wait_for(1);
    program.signal("TERM");
    assert_eq!(manager.next(), "STOPPING=1\nSTATUS=draining");
    hold.open();
    assert_eq!(client.answer().status, 200);
    assert_eq!(program.end().0.code(), Some(0));
}

#[test]
fn a_watchdog_is_told_that_it_lives_also_while_it_drains() {
    let (app, hold) = App::holding();
    let manager = Manager::new();
    let path = manager.path();
    let variables = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", "200000")];
    let program = Program::serve_with(&app, &[], &variables);
    assert!(manager.news().starts_with("READY=1"));
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    let mut client = program.client();
    client.send(genuine(BODY));
    app.wait_for(1);
    program.signal("TERM");
    assert!(manager.news().starts_with("STOPPING=1"));
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    hold.open();
    assert_eq!(client.answer().status, 200);
    assert_eq!(program.end().0.code(), Some(0));
}

#[test]
fn a_watchdog_of_another_process_is_told_nothing() {
    let app = App::content();
    let manager = Manager::new();
    let path = manager.path();
    let variables = [
        ("NOTIFY_SOCKET", &*path),
        ("WATCHDOG_USEC", "1000"),
        ("WATCHDOG_PID", "1"),
    ];
    let program = Program::serve_with(&app, &[], &variables);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    program.signal("TERM");
    assert_eq!(program.end().0.code(), Some(0));
    assert!(manager.next().starts_with("READY=1"));
    assert!(manager.next().starts_with("STOPPING=1"));
}

#[test]
fn an_inherited_socket_goes_from_one_gate_to_the_next_with_its_queue() {
    let app = App::content();
    let socket = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = socket.local_addr().expect("an address");
    let start = || {
        let socket = socket.try_clone().expect("a second handle");
        Program::serve_inheriting(&app, socket.into(), "web", &["--listen", "systemd:web"])
    };
    let ask = || {
        let mut client = Client::tcp(address);
        client.send(genuine(BODY));
        client
    };
    let mut early = ask();
    let first = start();
    assert_eq!(early.answer().status, 200, "it waited in the queue");
    assert_eq!(
        first.client().ask(genuine(BODY)).status,
        200,
        "its own socket"
    );
    first.signal("TERM");
    assert_eq!(first.end().0.code(), Some(0));
    let mut between = ask();
    let second = start();
    assert_eq!(between.answer().status, 200);
    second.signal("TERM");
    assert_eq!(second.end().0.code(), Some(0));
}

#[test]
fn the_file_of_an_inherited_unix_socket_stays() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    let socket = UnixListener::bind(&path).expect("bound");
    let program = Program::serve_inheriting(&app, socket.into(), "", &["--listen", "systemd"]);
    program.line(&["protecting", &format!("unix:{}", path.display())]);
    assert_eq!(Client::unix(&path).ask(genuine(BODY)).status, 200);
    program.signal("TERM");
    assert_eq!(program.end().0.code(), Some(0));
    assert!(path.exists(), "the next gate is handed the same");
}

/// Starts a program that must not start, with `socket` from systemd; returns its message.
fn refused(socket: impl Into<Stdio>, listen: &[&str]) -> String {
    let mut command = inheriting("web");
    command.stdin(socket);
    said(command, listen)
}

fn said(mut command: Command, listen: &[&str]) -> String {
    let mut child = command
        .env_clear()
        .env("CARTGATE_SECRET", "planted-secret-of-the-proxy-tests")
        .args(["serve", "--upstream", "http://127.0.0.1:1"])
        .args(listen.iter().flat_map(|address| ["--listen", address]))
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().expect("it runs");
        }
        std::thread::sleep(ms(2));
    }
    let output = child.wait_with_output().expect("it has ended");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn what_was_not_inherited_or_is_no_listening_socket_is_an_error_of_usage() {
    let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").expect("bound"));
    let other = refused(tcp(), &["systemd:admin"]);
    assert!(
        other.contains("systemd:admin") && other.contains("only: web"),
        "{other}"
    );

    let (near, _far) = UnixStream::pair().expect("a pair");
    let connected = refused(OwnedFd::from(near), &["systemd"]);
    assert!(connected.contains("does not listen"), "{connected}");

    let datagrams = UnixDatagram::unbound().expect("a socket");
    for odd in [Stdio::from(OwnedFd::from(datagrams)), Stdio::null()] {
        let odd = refused(odd, &["systemd:web"]);
        assert!(
            odd.contains("(web)") && odd.contains("stream socket"),
            "{odd}"
        );
    }

    let bare = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    assert!(said(bare, &["systemd"]).contains("no socket was inherited"));
    let bare = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let named = said(bare, &["systemd:cartgate"]);
    let next = "systemctl enable --now cartgate.socket cartgate";
    assert!(named.contains(next), "{named}");

    let twice = refused(tcp(), &["systemd:web", "systemd:web"]);
    assert!(twice.contains("systemd:web is named twice"), "{twice}");
}
