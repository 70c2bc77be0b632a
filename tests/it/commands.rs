//! The built binary as a user runs it: what it prints where, and with which status it ends.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tempfile::TempDir;
use tower_cartgate::{Keyring, Policy, Secret, Signer, verify};

const SECRET: &str = "planted-secret-of-the-command-tests";
const HEADER: &str = "x-cartfunnel-hmac-sha256";

/// A directory with the secret in a file, and the program.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        bench.file("secret", format!("{SECRET}\n"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that only its owner reads.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode set");
        path
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
        command.env_clear().current_dir(self.dir.path()).args(args);
        command
    }

    fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        self.run_with(args, b"", &[])
    }

    fn run_with<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        stdin: &[u8],
        variables: &[(&str, &str)],
    ) -> Ran {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // What does not read its input closes it, which is no fault.
        drop(child.stdin.take().expect("piped").write_all(stdin));
        Ran::of(child.wait_with_output().expect("the program ends"))
    }
}

/// What a run left. Nothing of it may ever hold the secret.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let ran = Self {
            status: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(
            !ran.stdout.contains(SECRET),
            "the secret on stdout: {}",
            ran.stdout
        );
        assert!(
            !ran.stderr.contains(SECRET),
            "the secret on stderr: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    #[track_caller]
    fn ends(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
struct Raw {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A server that keeps what it is sent, and answers with the status that a function gives.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Raw>>>,
}

impl Server {
    fn tcp(answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!(
            "http://{}/hooks?shop=1",
            listener.local_addr().expect("an address")
        );
        let connections =
            std::iter::from_fn(move || Some(listener.accept().expect("a connection").0));
        Self::start(url, connections, answer)
    }

    fn unix(path: PathBuf, answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(&path).expect("a socket");
        let url = format!("unix:{}:/hooks", path.display());
        let connections =
            std::iter::from_fn(move || Some(listener.accept().expect("a connection").0));
        Self::start(url, connections, answer)
    }

    fn start<S>(
        url: String,
        connections: impl Iterator<Item = S> + Send + 'static,
        answer: impl Fn(&Raw) -> &'static str + Send + Sync + 'static,
    ) -> Self
    where
        S: Read + Write + Send + 'static,
    {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for connection in connections {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || converse(connection, &kept, &*answer));
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Raw> {
        self.requests
            .lock()
            .expect("no test thread panicked")
            .clone()
    }

    fn only(&self) -> Raw {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }
}

fn converse<S: Read + Write>(
    connection: S,
    kept: &Mutex<Vec<Raw>>,
    answer: &dyn Fn(&Raw) -> &'static str,
) {
    let mut reader = BufReader::new(connection);
    while let Some(raw) = read(&mut reader) {
        let status = answer(&raw);
        kept.lock().expect("no test thread panicked").push(raw);
        let mark = if status.starts_with("200") {
            "X-Cartgate-Delivery: test-id\r\n"
        } else {
            ""
        };
        let text = format!("HTTP/1.1 {status}\r\n{mark}Content-Length: 6\r\n\r\nline\n\x1b");
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read<S: Read>(reader: &mut BufReader<S>) -> Option<Raw> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut headers = HeaderMap::new();
    while let Some((name, value)) = line()?.split_once(':') {
        let name: HeaderName = name.parse().expect("a header's name");
        headers.append(
            name,
            HeaderValue::from_str(value.trim()).expect("a header's value"),
        );
    }
    let length = headers["content-length"]
        .to_str()
        .expect("digits")
        .parse()
        .expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Raw {
        method: words.next()?,
        target: words.next()?,
        headers,
        body,
    })
}

fn is_true(raw: &Raw) -> bool {
    let secret = Secret::new(SECRET.as_bytes()).expect("a secret");
    verify(
        &Policy::new(Keyring::single(secret)),
        &raw.headers,
        raw.body.clone(),
    )
    .is_ok()
}

fn verifying(raw: &Raw) -> &'static str {
    if is_true(raw) {
        "200 OK"
    } else {
        "401 Unauthorized\r\nProxy-Status: cartgate; error=http_request_denied"
    }
}

fn signature(body: &[u8]) -> String {
    Signer::new(&Secret::new(SECRET.as_bytes()).expect("a secret"))
        .sign(body)
        .to_string()
}

#[test]
fn sign_prints_the_value_and_nothing_else() {
    // RFC 4231, test case 2.
    let bench = Bench::new();
    bench.file("jefe", "Jefe");
    bench.file("body", "what do ya want for nothing?");
    let ran = bench
        .run(&["sign", "--secret-file", "jefe", "body"])
        .ends(0);
    assert_eq!(ran.stdout, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=\n");
    assert!(
        ran.stderr.contains("warning"),
        "a short secret is warned of: {}",
        ran.stderr
    );
}

#[test]
fn the_secret_may_be_in_a_file_or_the_environment_and_the_body_in_a_pipe() {
    let bench = Bench::new();
    let expected = format!("{}\n", signature(b"a body\n"));
    let from_file = bench
        .run_with(&["sign", "--secret-file", "secret"], b"a body\n", &[])
        .ends(0);
    assert_eq!(from_file.stdout, expected);
    let from_variable = bench
        .run_with(&["sign", "-"], b"a body\n", &[("CARTGATE_SECRET", SECRET)])
        .ends(0);
    assert_eq!(from_variable.stdout, expected);
    let file_from_variable = bench
        .run_with(
            &["sign"],
            b"a body\n",
            &[("CARTGATE_SECRET_FILE", "secret")],
        )
        .ends(0);
    assert_eq!(file_from_variable.stdout, expected);
}

#[test]
fn a_shell_runs_the_curl_line_as_it_is_meant() {
    let bench = Bench::new();
    bench.file("it's a body.json", "{}");
    let args = [
        "sign",
        "--secret-file",
        "secret",
        "--curl",
        "http://127.0.0.1:1/a?b&c",
        "it's a body.json",
    ];
    let line = bench.run(&args).ends(0).stdout;
    let script = format!("curl() {{ for word; do printf '<%s>' \"$word\"; done; }}; {line}");
    let shown = Command::new("/bin/sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(
        shown.contains("<--data-binary><@it's a body.json>"),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("<X-Cartfunnel-Hmac-SHA256: {}>", signature(b"{}"))),
        "{shown}"
    );
    assert!(shown.ends_with("<http://127.0.0.1:1/a?b&c>"), "{shown}");
}

#[test]
fn verify_answers_by_its_status_and_names_the_cause() {
    let bench = Bench::new();
    bench.file("body", "{\"a\":1}");
    let value = signature(b"{\"a\":1}");
    let verify = |value: &str| {
        bench.run(&[
            "verify",
            "--secret-file",
            "shop=secret",
            "--signature",
            value,
            "body",
        ])
    };
    let yes = verify(&value).ends(0);
    assert!(yes.stdout.contains("shop"), "{}", yes.stdout);
    let no = verify(&signature(b"{\"a\": 1}")).ends(1);
    assert!(
        no.stdout.contains("parsed and written anew"),
        "{}",
        no.stdout
    );
    assert!(
        verify("garbage")
            .ends(1)
            .stdout
            .contains("neither Base64 nor hex")
    );
    assert!(
        bench
            .run(&["verify", "--secret-file", "secret", "body"])
            .ends(1)
            .stdout
            .contains("no signature header")
    );
}

#[test]
fn verify_finds_a_newline_in_the_secret_of_the_sender() {
    let bench = Bench::new();
    let with_newline = Secret::new(format!("{SECRET}\n").into_bytes()).expect("a secret");
    let value = Signer::new(&with_newline).sign(b"body").to_string();
    let args = [
        "verify",
        "--json",
        "--secret-file",
        "secret",
        "--signature",
        &value,
    ];
    let no = bench.run_with(&args, b"body", &[]).ends(1);
    assert_eq!(no.json()["verified"], false);
    assert_eq!(no.json()["diagnosis"]["cause"], "sender-secret-newline");
    assert_eq!(no.json()["diagnosis"]["certainty"], "proved");
}

#[test]
fn usage_and_configuration_end_with_2_and_say_where() {
    let bench = Bench::new();
    bench.file("empty", "\n");
    for (args, said) in [
        (vec!["sign"], "CARTGATE_SECRET"),
        (vec!["sign", "--secret-file", "nowhere"], "nowhere"),
        (vec!["sign", "--secret-file", "empty"], "empty"),
        (
            vec!["sign", "--secret-file", "secret", "no-such-body"],
            "no-such-body",
        ),
        (
            vec!["send", "127.0.0.1:1", "--secret-file", "secret"],
            "http://HOST",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--set",
                "a=b",
            ],
            "--set",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--set",
                "/id/x=b",
            ],
            "/id/x",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--body",
                "-",
                "--set",
                "/a=b",
            ],
            "--set",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--forge",
                "nonsense",
            ],
            "--forge",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--rate",
                "0",
            ],
            "--rate",
        ),
        (
            vec![
                "send",
                "https://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--ca-file",
                "no-ca",
            ],
            "no-ca",
        ),
        (
            vec![
                "send",
                "http://192.0.2.1/",
                "--secret-file",
                "secret",
                "--count",
                "2",
            ],
            "--yes",
        ),
        (
            vec![
                "send",
                "http://192.0.2.1/",
                "--secret-file",
                "secret",
                "--forge",
                "hex",
            ],
            "--yes",
        ),
        (vec!["nonsense"], "nonsense"),
    ] {
        let ran = bench.run(&args).ends(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

#[test]
fn send_sends_a_true_delivery() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(0);
    assert!(
        ran.stdout.contains("200") && ran.stdout.contains("test-id"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("line") && !ran.stdout.contains('\x1b'),
        "{:?}",
        ran.stdout
    );
    let raw = server.only();
    assert_eq!((&*raw.method, &*raw.target), ("POST", "/hooks?shop=1"));
    assert_eq!(raw.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&raw.body).expect("JSON");
    assert_eq!(
        (&body["event"], &body["test"]),
        (&Value::from("order.processed"), &Value::from(true))
    );
}

#[test]
fn send_obeys_its_flags() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench.run(&[
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--json",
        "--event",
        "abandoned-cart",
        "--method",
        "put",
        "--set",
        "/cart/email=me@example.com",
        "--set",
        "/cart/total:=1.5",
        "--header",
        "X-Extra: yes",
    ]);
    assert_eq!(ran.ends(0).json()["status"], 200);
    let raw = server.only();
    assert_eq!(raw.method, "PUT");
    assert_eq!(raw.headers["x-extra"], "yes");
    let body: Value = serde_json::from_slice(&raw.body).expect("JSON");
    assert_eq!(body["event"], "cart.abandoned");
    assert_eq!(body["cart"]["email"], "me@example.com");
    assert_eq!(body["cart"]["total"], 1.5);
}

#[test]
fn a_given_body_goes_out_untouched() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let body = b"\xff\x00 not JSON \r\n\n";
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--body",
        "-",
        "--header-name",
        "x-shopify-hmac-sha256",
    ];
    bench.run_with(&args, body, &[]).ends(1);
    let raw = server.only();
    assert_eq!(raw.body, body);
    assert_eq!(raw.headers["x-shopify-hmac-sha256"], signature(body));
    assert!(!raw.headers.contains_key(HEADER));
}

#[test]
fn send_reaches_a_unix_socket() {
    let bench = Bench::new();
    let server = Server::unix(bench.path("gate.sock"), verifying);
    bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(0);
    assert_eq!(server.only().target, "/hooks");
}

#[test]
fn no_2xx_and_nobody_there_are_a_no() {
    let (bench, server) = (Bench::new(), Server::tcp(|_| "503 Service Unavailable"));
    let ran = bench
        .run(&["send", &server.url, "--secret-file", "secret"])
        .ends(1);
    assert!(ran.stdout.contains("503"), "{}", ran.stdout);

    // Bound and let go: nobody else is given this port so soon.
    let free: SocketAddr = TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port");
    for more in [&["--count", "1"][..], &["--forge", "all"]] {
        let url = format!("http://{free}/");
        let ran = bench
            .run(&[&["send", &url, "--secret-file", "secret"], more].concat())
            .ends(1);
        assert!(ran.stderr.contains("nobody listens"), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn many_deliveries_differ_and_are_counted() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--count",
        "40",
        "--concurrency",
        "4",
    ];
    let ran = bench.run(&args).ends(0);
    assert!(ran.stdout.contains("200        40"), "{}", ran.stdout);
    assert!(ran.stdout.contains("p99"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "", "no bar where there is no terminal");
    let bodies: HashSet<_> = server.requests().into_iter().map(|raw| raw.body).collect();
    assert_eq!(bodies.len(), 40);

    let figures = bench
        .run(&[&args[..], &["--json", "--rate", "1000"]].concat())
        .ends(0)
        .json();
    assert_eq!(figures["statuses"]["200"], 40);
    assert!(figures["latency_us"]["p50"].as_u64() <= figures["latency_us"]["max"].as_u64());
}

#[test]
fn one_refusal_among_many_is_a_no() {
    let server = Server::tcp(|raw| {
        let last = raw
            .body
            .windows(18)
            .any(|part| part == b"test-order-100001-");
        if last { "200 OK" } else { "500 Oops" }
    });
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--count",
        "5",
        "--json",
    ];
    let figures = Bench::new().run(&args).ends(1).json();
    assert_eq!(
        (&figures["statuses"]["200"], &figures["statuses"]["500"]),
        (&4.into(), &1.into())
    );
}

#[test]
fn every_forgery_is_refused_by_a_server_that_verifies() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench
        .run(&[
            "send",
            &server.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(0);
    assert_eq!(ran.stdout.lines().count(), 17, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("refused").count(), 15, "{}", ran.stdout);
    assert_eq!(ran.stderr, "");

    let requests = server.requests();
    assert_eq!(requests.len(), 16);
    let lines = |count| {
        requests
            .iter()
            .filter(|raw| raw.headers.get_all(HEADER).iter().count() == count)
            .count()
    };
    assert_eq!(
        (lines(0), lines(2)),
        (1, 1),
        "missing is none, duplicate is two lines"
    );
    let passed: Vec<_> = requests
        .iter()
        .filter(|raw| is_true(raw))
        .map(|raw| &*raw.method)
        .collect();
    assert_eq!(passed, ["PUT"], "only the replay");
}

#[test]
fn a_forgery_that_gets_in_is_a_no() {
    let (bench, open) = (Bench::new(), Server::tcp(|_| "200 OK"));
    let ran = bench
        .run(&[
            "send",
            &open.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(1);
    assert_eq!(ran.stdout.matches("GOT IN").count(), 15, "{}", ran.stdout);
    assert!(ran.stderr.contains("15 got in"), "{}", ran.stderr);
    let one = bench
        .run(&[
            "send",
            &open.url,
            "--secret-file",
            "secret",
            "--forge",
            "hex",
            "--json",
        ])
        .ends(1)
        .json();
    assert_eq!(one["forgeries"][0]["verdict"], "got-in");
}

#[test]
fn an_answer_that_judged_nothing_is_no_refusal() {
    for status in [
        "404 Not Found",
        "502 Bad Gateway",
        "503 Service Unavailable",
    ] {
        let server = Server::tcp(move |_| status);
        let ran = Bench::new()
            .run(&[
                "send",
                &server.url,
                "--secret-file",
                "secret",
                "--forge",
                "sha1",
            ])
            .ends(1);
        assert!(ran.stdout.contains("unclear"), "{status}: {}", ran.stdout);
    }
}

#[test]
fn a_gate_with_another_secret_is_noticed() {
    let server =
        Server::tcp(|_| "401 Unauthorized\r\nProxy-Status: cartgate; error=http_request_denied");
    let ran = Bench::new()
        .run(&[
            "send",
            &server.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(0);
    assert!(
        ran.stderr.contains("not the one over there"),
        "{}",
        ran.stderr
    );
}

#[test]
fn forgeries_of_a_body_that_is_no_json_skip_what_needs_it() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    bench.file("text", "plain text");
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--body",
        "text",
        "--forge",
    ];
    let ran = bench.run(&[&args[..], &["all"]].concat()).ends(0);
    assert!(ran.stdout.contains("not sent"), "{}", ran.stdout);
    bench
        .run(&[&args[..], &["re-serialized-json"]].concat())
        .ends(2);
}

#[test]
fn help_never_shows_what_variables_hold() {
    let bench = Bench::new();
    let variables = [
        ("CARTGATE_SECRET", SECRET),
        ("CARTGATE_SECRET_FILE", SECRET),
        ("CARTGATE_HEADER", SECRET),
    ];
    for command in ["demo", "serve", "send", "sign", "verify", "completions"] {
        for flag in ["-h", "--help"] {
            let ran = bench.run_with(&[command, flag], b"", &variables).ends(0);
            assert!(ran.stdout.contains("cartgate"), "{command}");
        }
    }
    assert!(
        bench
            .run(&["send", "--help"])
            .ends(0)
            .stdout
            .contains("CARTGATE_SECRET_FILE")
    );
}

#[test]
fn completions_know_the_commands_of_each_shell() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = bench.run(&["completions", shell]).ends(0);
        assert!(ran.stdout.contains("forge"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    Ran::of(child.wait_with_output().expect("the program ends")).ends(0);
}

#[test]
fn the_demo_goes_as_it_must() {
    let bench = Bench::new();
    let ran = bench.run(&["demo"]).ends(0);
    assert!(
        ran.stdout
            .contains("4 genuine deliveries passed, 15 forgeries were refused"),
        "{}",
        ran.stdout
    );
    let show = bench.run(&["demo", "--json"]).ends(0).json();
    assert_eq!(show["as_it_must"], true);
    assert_eq!(show["deliveries"].as_array().map(Vec::len), Some(20));
    assert_eq!(show["received_by_app"], 5);
}
