//! Access to the admin listener. The public port has none of its resources.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use cartgate::net::listener::ListenAddress;
use tower_cartgate::Secret;

use super::{ask, get, setup};
use crate::{
    config::two_shops,
    program::Program,
    support::{App, Gate, PATIENCE, SECRET, signature_line, wait_until},
};

const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

fn with_token(app: &App) -> Gate {
    let token = Secret::new("planted-admin-token").expect("a token");
    setup(app)
        .with(|setup| setup.config.admin.token = Some(token))
        .start()
}

#[test]
fn each_page_is_there_and_nothing_else() {
    let app = App::content();
    let gate = setup(&app).start();
    for path in PATHS {
        let reply = get(gate.admin(), path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.has("Cache-Control: no-store"), "{}", reply.head);
        let host = "Host: localhost\r\n";
        let head = ask(gate.admin(), &format!("HEAD {path}"), host);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let reply = ask(gate.admin(), &format!("{method} {path}"), host);
            assert_eq!(reply.status, 405, "{method} {path}");
            assert!(reply.has("Allow: GET,HEAD"), "{}", reply.head);
        }
    }
    for path in ["/metrics/", "/metrics2", "//metrics", "/Metrics", "/hooks"] {
        assert_eq!(get(gate.admin(), path).status, 404, "{path}");
    }
    assert_eq!(get(gate.admin(), "/metrics?name=x").status, 200);
}

#[test]
fn the_public_port_knows_no_admin_path() {
    let app = App::content();
    let gate = setup(&app).start();
    for path in PATHS.into_iter().chain(["/", "/login", "/api/v1/status"]) {
        for method in ["GET", "HEAD", "POST"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                signature_line(b"")
            );
            let mut client = gate.client();
            client.send(request);
            let answer = match method {
                "HEAD" => client.answer_to_head(),
                _ => client.answer(),
            };
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_token_protects_what_tells_more_than_alive_or_not() {
    let app = App::content();
    let gate = with_token(&app);
    let asks = |path: &str, line: &str| {
        ask(
            gate.admin(),
            &format!("GET {path}"),
            &format!("Host: localhost\r\n{line}"),
        )
    };
    for path in ["/healthz", "/readyz"] {
        assert_eq!(asks(path, "").status, 200);
    }
    for path in ["/metrics", "/api/v1/status"] {
        let token = "Authorization: Bearer planted-admin-token\r\n";
        assert_eq!(asks(path, token).status, 200);
        for wrong in [
            String::new(),
            "Authorization: Bearer planted-admin-toke\r\n".to_owned(),
            "Authorization: Basic planted-admin-token\r\n".to_owned(),
            token.repeat(2),
        ] {
            let reply = asks(path, &wrong);
            assert_eq!(reply.status, 401, "{path} {wrong}");
            assert!(reply.has("WWW-Authenticate: Bearer"), "{}", reply.head);
            assert!(reply.has("Content-Type: application/problem+json"));
            assert!(reply.body.contains(r#""reason":"unauthorized""#));
        }
    }
}

#[test]
fn a_token_changes_with_the_configuration() {
    let app = App::content();
    let gate = with_token(&app);
    assert_eq!(get(gate.admin(), "/metrics").status, 401);
    let mut config = (**gate.config.borrow()).clone();
    config.admin.token = None;
    gate.config.send_replace(config.into());
    wait_until("it is in force", || {
        get(gate.admin(), "/metrics").status == 200
    });
}

#[test]
fn a_page_in_a_browser_cannot_read_it_under_a_name_of_its_own() {
    let app = App::content();
    let gate = setup(&app)
        .with(|setup| setup.config.admin.hosts = vec!["gate.internal".to_owned()])
        .start();
    for path in PATHS {
        let asks = |lines: &str| ask(gate.admin(), &format!("GET {path}"), lines).status;
        for known in [
            "localhost",
            "LOCALHOST:9180",
            "127.0.0.1",
            "[::1]:80",
            "gate.internal:9180",
        ] {
            assert_eq!(asks(&format!("Host: {known}\r\n")), 200, "{path} {known}");
        }
        for foreign in [
            "evil.example",
            "evil.example:9180",
            "localhost.evil.example",
        ] {
            assert_eq!(
                asks(&format!("Host: {foreign}\r\n")),
                421,
                "{path} {foreign}"
            );
        }
        assert_eq!(asks("Host: localhost\r\nHost: evil.example\r\n"), 421);
        assert_eq!(asks(""), 421);
    }
}

#[test]
fn a_unix_socket_needs_no_name() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("admin.sock");
    let gate = setup(&app)
        .with(|setup| setup.admin = Some(ListenAddress::Unix(path.clone())))
        .start();
    for path in PATHS {
        let reply = ask(
            gate.admin(),
            &format!("GET {path}"),
            "Host: whatever.example\r\n",
        );
        assert_eq!(reply.status, 200, "{path}");
    }
    drop(gate);
    assert!(!path.exists(), "the socket's file goes with the gate");
}

#[test]
fn who_holds_connections_open_keeps_nobody_out() {
    let app = App::content();
    let gate = setup(&app).start();
    let ListenAddress::Tcp(address) = gate.admin() else {
        panic!("it listens on TCP");
    };
    let connect = || TcpStream::connect(address).expect("a connection");
    let mut first = connect();
    let _others: Vec<_> = (0..64).map(|_| connect()).collect();
    assert_eq!(get(gate.admin(), "/healthz").status, 200);
    // Well before its own timeout: the oldest connection was evicted.
    first
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time");
    assert!(matches!(first.read(&mut [0]), Ok(0)));
}

#[test]
fn a_head_that_does_not_fit_is_refused() {
    let app = App::content();
    let gate = setup(&app).start();
    let long = format!("Host: localhost\r\nX-Long: {}\r\n", "x".repeat(40_000));
    assert_eq!(ask(gate.admin(), "GET /healthz", &long).status, 431);
}

/// Opens connections without a request, and keeps this number of them open, until it is dropped.
pub(super) struct Crowd {
    enough: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(super) fn at(address: SocketAddr) -> Self {
        let enough = Arc::<AtomicBool>::default();
        let one = || {
            let enough = Arc::clone(&enough);
            thread::spawn(move || {
                let mut open = VecDeque::new();
                while !enough.load(Relaxed) {
                    open.extend(TcpStream::connect(address).ok());
                    if open.len() > 100 {
                        open.pop_front();
                    }
                }
            })
        };
        Self {
            threads: vec![one(), one()],
            enough,
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.enough.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[test]
fn who_asks_is_answered_however_many_others_connect() {
    let app = App::content();
    let gate = setup(&app).start();
    let ListenAddress::Tcp(address) = gate.admin() else {
        unreachable!("it listens on TCP");
    };
    let _crowd = Crowd::at(address.parse().expect("an address"));
    // The crowd also fills the kernel's queue, so a single scrape may fail. No series may be
    // missing for long.
    let answered = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start == *b"HTTP/1.1 200")
    };
    let tries = (0..10).filter(|_| answered().unwrap_or(false));
    assert!(tries.take(3).count() == 3, "nearly all went unanswered");
}

/// The socket stays, and without its token it would not be allowed there.
#[test]
fn a_socket_that_only_a_restart_moves_keeps_asking_for_its_token() {
    let text = two_shops(&App::content());
    let with_token = "[admin]\nlisten = \"127.0.0.1:0\"\ntoken = { file = \"another\" }\n";
    let secrets = [
        ("secret", SECRET),
        ("another", &b"a-planted-admin-token"[..]),
    ];
    let program = Program::serve_file(&(text.clone() + with_token), &secrets);
    let line = program.line(&["admin listener ready"]);
    let (_, address) = line.split_once("listen=").expect("an address");
    let address = address.parse().expect("an address");
    let elsewhere = text.clone() + "[admin]\nlisten = \"localhost:0\"\n";
    for (reloads, without_token) in [(1, text), (2, elsewhere)] {
        program.write_config(&without_token);
        program.signal("HUP");
        wait_until("it is in force", || {
            let lines = program.lines();
            let in_force = lines
                .iter()
                .filter(|line| line.contains("configuration in force"));
            in_force.count() == reloads
        });
        assert_eq!(get(&address, "/metrics").status, 401, "{without_token}");
    }
}
