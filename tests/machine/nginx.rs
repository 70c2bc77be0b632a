//! nginx with the example configuration, in front of a gate on a Unix socket.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use crate::{
    program::Program,
    support::{App, BODY, Client, request, sign, signature_line, wait_until},
    tool::{Server, of_the_project, replaced, tool},
};

const PATH: &str = "/webhooks/orders";

/// Returns the example for this gate. nginx's socket is `front` in its folder.
pub(crate) fn nginx(gate: &Path) -> (Server, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let front = dir.path().join("front");
    let example = of_the_project("examples/nginx/cartgate.conf");
    let example = fs::read_to_string(example).expect("the example");
    let site = replaced(
        &example,
        "unix:/run/cartgate.sock",
        &format!("unix:{}", gate.display()),
    );
    let site = replaced(
        &site,
        "listen 80;",
        &format!("listen unix:{};", front.display()),
    );
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind};"))
        .concat();
    let main = format!(
        "daemon off; master_process off; pid pid; error_log stderr; events {{}}
         http {{ access_log off; {folders} {site} }}"
    );
    let file = dir.path().join("nginx.conf");
    fs::write(&file, main).expect("written");
    let mut command = tool("nginx");
    command
        .arg("-p")
        .arg(dir.path())
        .args(["-e", "stderr", "-c"])
        .arg(&file);
    (Server::start(&mut command, dir), front)
}

#[test]
#[ignore = "needs nginx; make test runs it"]
fn nginx_hands_on_what_verifies_and_believes_no_client_about_itself() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("gate.sock");
    let listen = format!("unix:{}", socket.display());
    let _gate = Program::serve(
        &app,
        &[
            "--listen",
            &listen,
            "--path",
            PATH,
            "--trusted-proxy",
            "unix",
        ],
    );
    let (_nginx, front) = nginx(&socket);
    wait_until("nginx listens", || UnixStream::connect(&front).is_ok());
    let mut client = Client::unix(&front);
    let lies = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: lie\r\n";
    let large = vec![b'x'; 1_000_000];
    for body in [BODY, &large] {
        let lines = signature_line(body) + lies;
        let whole = request(&format!("POST {PATH} HTTP/1.1"), &lines, body);
        assert_eq!(client.ask(whole).status, 200);
        let forged = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign(b"something else"));
        let whole = request(&format!("POST {PATH} HTTP/1.1"), &forged, body);
        assert_eq!(client.ask(whole).status, 401);
    }
    let came = app.requests();
    assert_eq!(came.len(), 2);
    assert_eq!((&came[0].body[..], &came[1].body), (BODY, &large));
    for request in came {
        assert_eq!(request.header("x-forwarded-proto"), Some("http"));
        let client = request.header("x-forwarded-for").unwrap_or_default();
        assert!(!client.contains("192.0.2.1"), "{client}");
        assert_eq!(request.header("x-forwarded-host"), Some("gate.example"));
        // nginx reports its own client, which is on a Unix socket here, too.
        assert_eq!(client, "unix:");
        let forwarded = "for=unknown;host=\"gate.example\";proto=http";
        assert_eq!(request.header("forwarded"), Some(forwarded));
    }
}
