//! HAProxy with the example configuration, in front of two gates that are drained and restarted in
//! turn under load.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::{
    program::Program,
    support::{App, Client, SECRET, Then, app::answer, ms, request, signature_line, wait_until},
    tool::{Server, of_the_project, replaced, tool},
};

const ROUNDS: usize = 3;
const GATES: [&str; 2] = ["a", "b"];
const PATH: &str = "/webhooks/orders";

/// The numbers of clients that keep their connection, and of clients with a new one for each
/// delivery.
const CLIENTS: [bool; 8] = [true, true, true, true, true, true, false, false];

fn example() -> String {
    let path = of_the_project("examples/haproxy/haproxy.cfg");
    fs::read_to_string(path).expect("the example")
}

/// Returns the gates' part of the example, which is in its comment, for a gate that listens here.
fn server(listen: &str) -> String {
    let example = example();
    let block = example
        .lines()
        .skip_while(|line| line.trim_start_matches(['#', ' ']) != "[server]")
        .map_while(|line| line.strip_prefix("#     "));
    let block = block.collect::<Vec<_>>().join("\n");
    let block = replaced(&block, "10.0.0.11:8080", listen);
    replaced(&block, "10.0.0.10", "127.0.0.1")
}

fn gate(name: &str, listen: &str, app: &App) -> Program {
    let (server, url) = (server(listen), &app.url);
    let text = format!(
        r#"
{server}
workers = 2
[secret.current]
file = "secret"
[[endpoint]]
name = "{name}"
path = "{PATH}"
secrets = ["current"]
[[endpoint.destination]]
url = "{url}"
"#
    );
    Program::serve_file(&text, &[("secret", SECRET)])
}

/// Returns the example for these gates, and the address where HAProxy accepts deliveries.
fn haproxy(gates: [SocketAddr; 2]) -> (Server, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut text = replaced(
        &example(),
        "bind :443 ssl crt /etc/haproxy/shop.pem",
        "bind fd@3",
    );
    for (own, gate) in ["a 10.0.0.11:8080", "b 10.0.0.12:8080"].iter().zip(gates) {
        let server = format!("server {} {gate}", &own[..1]);
        text = replaced(&text, &format!("server {own}"), &server);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("haproxy.cfg");
    fs::write(&file, text).expect("written");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" 3<&0 </dev/null"])
        .arg(tool("haproxy").get_program())
        .args(["-db", "-f"])
        .arg(&file)
        .stdin(OwnedFd::from(listener));
    (Server::start(&mut command, dir), address)
}

/// Sends deliveries with distinct bodies until the end. A rejected delivery fails the test.
fn send(address: SocketAddr, number: usize, keeps: bool, over: &AtomicBool) -> Vec<String> {
    let mut client = Client::tcp(address);
    let mut sent = Vec::new();
    while !over.load(SeqCst) {
        let body = format!("delivery {} of client {number}", sent.len());
        let lines = signature_line(body.as_bytes());
        let first = format!("POST {PATH} HTTP/1.1");
        let answer = client.ask(request(&first, &lines, body.as_bytes()));
        assert_eq!(answer.status, 200, "{body}");
        sent.push(body);
        if !keeps || answer.closes() {
            client = Client::tcp(address);
        }
    }
    sent
}

/// Ends the senders, even if a wait fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
#[ignore = "needs haproxy; make test runs it"]
fn gates_behind_haproxy_are_drained_and_started_again_without_a_failed_delivery() {
    let through: Arc<[AtomicUsize; 2]> = Arc::default();
    let counted = Arc::clone(&through);
    let app = App::tcp(move |request, wire| {
        let name = request.header("x-cartgate-endpoint").unwrap_or_default();
        let gate = GATES
            .iter()
            .position(|own| *own == name)
            .unwrap_or_default();
        counted[gate].fetch_add(1, SeqCst);
        // A slow app keeps some deliveries under way.
        thread::sleep(ms(10));
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    // This is not the source address of the connections, so none of them blocks the port of a
    // restarted gate.
    let mut gates = GATES.map(|name| gate(name, "127.0.0.2:0", &app));
    let addresses = [gates[0].address(), gates[1].address()];
    let (_haproxy, address) = haproxy(addresses);
    let over = AtomicBool::new(false);
    let sent: BTreeSet<_> = thread::scope(|scope| {
        let clients: Vec<_> = CLIENTS
            .into_iter()
            .enumerate()
            .map(|(number, keeps)| {
                let over = &over;
                scope.spawn(move || send(address, number, keeps, over))
            })
            .collect();
        let ending = Over(&over);
        for turn in 0..ROUNDS * GATES.len() {
            let (own, name) = (turn % GATES.len(), GATES[turn % GATES.len()]);
            let comes = |gate: usize| {
                let before = through[gate].load(SeqCst);
                wait_until("deliveries through it", || {
                    through[gate].load(SeqCst) > before + CLIENTS.len()
                });
            };
            comes(own);
            gates[own].signal("TERM");
            wait_until("it ends", || !gates[own].runs());
            let listen = addresses[own].to_string();
            let ended = std::mem::replace(&mut gates[own], gate(name, &listen, &app));
            let (status, log) = ended.end();
            assert_eq!(status.code(), Some(0));
            assert!(log.iter().any(|line| line.contains("drained")), "{log:#?}");
            comes(own);
        }
        drop(ending);
        let all = clients
            .into_iter()
            .flat_map(|one| one.join().expect("each is taken"));
        all.collect()
    });
    let mut came: Vec<_> = app
        .requests()
        .into_iter()
        .map(|request| String::from_utf8(request.body).expect("text"))
        .collect();
    came.sort();
    // Each delivery arrived once, so none was sent again.
    assert!(came.iter().eq(&sent), "{} of {}", came.len(), sent.len());
    // The client as HAProxy reports it, then HAProxy itself.
    let first = &app.requests()[0];
    assert_eq!(
        first.header("x-forwarded-for"),
        Some("127.0.0.1, 127.0.0.1")
    );
    assert_eq!(first.header("x-forwarded-proto"), Some("https"));
}

/// Makes a health check as HAProxy does with this line. Returns the result.
fn checked(gate: SocketAddr, line: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, socket) = (dir.path().join("haproxy.cfg"), dir.path().join("stats"));
    let text = format!(
        "global\n stats socket {}\ndefaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n\
         backend gates\n {line}\n server a {gate} check inter 100ms\n",
        socket.display()
    );
    fs::write(&file, text).expect("written");
    let mut command = tool("haproxy");
    command.args(["-db", "-f"]).arg(&file);
    let _haproxy = Server::start(&mut command, dir);
    let mut found = String::new();
    wait_until("a health check", || {
        let Ok(mut stats) = UnixStream::connect(&socket) else {
            return false;
        };
        stats.write_all(b"show stat\n").expect("it takes it");
        let mut table = String::new();
        stats.read_to_string(&mut table).expect("a table");
        let row = table.lines().find(|row| row.starts_with("gates,a,"));
        row.expect("its row").clone_into(&mut found);
        ["L7OK", "L7STS", "L7RSP", "L7TOUT", "L4CON"]
            .iter()
            .any(|result| found.contains(result))
    });
    found
}

#[test]
#[ignore = "needs haproxy; make test runs it"]
fn the_plain_health_checks_of_haproxy_are_answered() {
    let app = App::content();
    let gate = gate("a", "127.0.0.1:0", &app);
    for line in [
        "option httpchk GET /up",
        "option httpchk OPTIONS /up",
        "option httpchk HEAD /up HTTP/1.1",
    ] {
        let found = checked(gate.address(), line);
        assert!(found.contains("L7OK"), "{line}: {found}");
    }
    let found = checked(gate.address(), "option httpchk GET /another");
    assert!(found.contains("L7STS"), "{found}");
}
