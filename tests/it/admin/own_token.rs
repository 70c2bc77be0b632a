//! The token that a gate leaves for commands of its user: they send it to that gate alone.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
};

use crate::{
    program::Program,
    support::{App, PATIENCE},
};

/// Runs a command that finds the token of this gate; returns whether it succeeds, and its output.
fn run(gate: &Program, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().env("RUNTIME_DIRECTORY", gate.file(""));
    let output = command.args(args).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.success(),
        text(output.stdout) + &text(output.stderr),
    )
}

/// Takes one request at an address, and returns its head.
fn thief(address: SocketAddr) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind(address).expect("the gate does not occupy it");
    let address = listener.local_addr().expect("an address");
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        let response = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(response).expect("it reads");
        String::from_utf8(head).expect("text")
    });
    (address, thread)
}

#[test]
fn the_token_goes_to_the_address_of_its_gate_and_no_other() {
    let app = App::content();
    let gate = Program::serve(&app, &["--admin", "127.0.0.1:0"]);
    let (admin, token) = (gate.admin(), gate.token());
    for name in [admin.to_string(), format!("localhost:{}", admin.port())] {
        let (is_done, text) = run(&gate, &["console", &format!("http://{name}")]);
        assert!(is_done && text.contains("/login?code="), "{name}: {text}");
    }
    let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), admin.port());
    let (elsewhere, thief) = thief(elsewhere);
    let (is_done, text) = run(&gate, &["console", &format!("http://{elsewhere}")]);
    assert!(!is_done, "{text}");
    let head = thief.join().expect("a request");
    assert!(head.starts_with("POST /api/v1/links"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    assert!(!head.contains(&token));
}

#[test]
fn a_gate_at_every_address_is_found_at_loopback() {
    let app = App::content();
    let gate = Program::serve(&app, &["--admin", "127.0.0.1:0"]);
    // The file of a gate that listens at every address, beside a socket of the same user.
    let (port, token) = (gate.admin().port(), gate.token());
    let every = gate.file(&format!("admin-0.0.0.0:{port}.token"));
    std::fs::rename(gate.file(&format!("admin-{}.token", gate.admin())), &every).expect("renamed");
    assert_eq!(std::fs::read_to_string(&every).expect("readable"), token);
    let (is_done, text) = run(&gate, &["console", &format!("http://{}", gate.admin())]);
    assert!(is_done, "{text}");
}
