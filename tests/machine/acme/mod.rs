//! Automatic certificates against pebble, an ACME server: first order, renewal under load, wrong
//! domain, server down, restart, changed domains, and a directory that another gate uses.

mod alarms;
mod dns;
mod pebble;

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::CertificateDer,
};
use tempfile::TempDir;

use crate::{
    program::Program,
    servers::port::Port,
    support::{
        App, BODY, Client, SECRET,
        authority::Authority,
        genuine,
        session::{NAME, Session},
        stop::Stop,
        wait_until,
        wire::patient,
    },
};
use dns::Dns;
use pebble::{Pebble, Place};

const DOMAIN: &str = "hooks.shop.example";
const OTHER: &str = "hooks.other.example";

/// The lifetime of a certificate that no test outlives.
const LONG: u64 = 90 * 86_400;

/// An app, an ACME server that may be down, and the places of a gate.
struct Site {
    app: App,
    dns: Dns,
    place: Place,
    /// The port of the gate, which the ACME server connects to.
    port: Port,
    state: TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            app: App::content(),
            dns: Dns::of(&[DOMAIN]),
            place: Place::reserve(),
            port: Port::reserve(),
            state: tempfile::tempdir().expect("a directory"),
        }
    }

    fn pebble(&self, seconds: u64) -> Pebble {
        self.place.start(&self.port, &self.dns, seconds)
    }

    /// Returns the table for certificates of these domains.
    fn acme(&self, domains: &[&str]) -> String {
        self.acme_of("ops@shop.example", domains)
    }

    /// Returns the table with this contact. Another contact makes other settings, which order at
    /// once.
    fn acme_of(&self, contact: &str, domains: &[&str]) -> String {
        let (directory, ca_file) = (self.place.directory(), self.place.ca_file());
        format!(
            "{{ acme = {{ domains = {domains:?}, contact = {contact:?}, directory = {directory:?}, ca_file = {ca_file:?} }} }}"
        )
    }

    fn config(&self, tls: &str) -> String {
        format!(
            r#"
[server]
listen = "{}"
tls = {tls}
[admin]
listen = "127.0.0.1:0"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
[[endpoint.destination]]
name = "app"
url = "{}"
"#,
            self.port.address(),
            self.app.url
        )
    }

    /// Starts a gate. Its state stays for the next one.
    fn gate(&self, domains: &[&str]) -> Program {
        let text = self.config(&self.acme(domains));
        let state = self.state.path().display().to_string();
        Program::serve_file_with(&text, &[("secret", SECRET)], &[("STATE_DIRECTORY", &state)])
    }

    /// Returns the folder of the ACME server.
    fn folder(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.state.path().join("acme")).expect("a directory");
        folders
            .next()
            .expect("one server")
            .expect("an entry")
            .path()
    }
}

/// Returns a client's configuration that trusts only these roots.
fn trusting(roots: &[CertificateDer<'static>], protocols: &[&str]) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(store)
        .with_no_client_auth();
    let protocols = protocols.iter().map(|one| one.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    // Each connection shows the certificate in force, not that of an earlier session.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// Connects to a gate as a client of a domain.
fn connect(gate: &Program, config: &Arc<ClientConfig>, domain: &str) -> io::Result<Session> {
    let mut tcp = patient(TcpStream::connect(gate.address())?);
    let name = domain.to_owned().try_into().expect("a name");
    let mut session = ClientConnection::new(Arc::clone(config), name).expect("a session");
    while session.is_handshaking() {
        session.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(session, tcp))
}

fn shown(session: &Session) -> CertificateDer<'static> {
    session.conn.peer_certificates().expect("shown")[0].clone()
}

/// Returns a page of the admin listener: the status and the body.
fn page(gate: &Program, path: &str) -> (u16, String) {
    let mut stream = patient(TcpStream::connect(gate.admin()).expect("a connection"));
    let host = gate.admin();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("text");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

fn metric(gate: &Program, series: &str) -> String {
    let (_, page) = page(gate, "/metrics");
    let line = page.lines().find(|line| line.starts_with(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {page}"));
    line.rsplit(' ').next().expect("a value").to_owned()
}

/// Runs `cartgate status`; returns its exit status and the screen.
fn status(gate: &Program) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .env("CARTGATE_ADMIN_TOKEN", gate.token())
        .args(["status", &format!("http://{}", gate.admin())])
        .output()
        .expect("it runs");
    let screen = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("no signal"), screen)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").mode() & 0o777
}

const ORDERED: &str = "cartgate_certificate_orders_total{result=\"success\"}";
const FAILED: &str = "cartgate_certificate_orders_total{result=\"failure\"}";

#[test]
#[ignore = "needs pebble"]
fn the_first_certificate_comes_by_itself_and_a_restart_orders_none() {
    let site = Site::new();
    let pebble = site.pebble(LONG);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["automatic certificates enabled", DOMAIN, "port 443"]);
    gate.line(&["ACME account registered"]);
    gate.line(&["certificate issued"]);
    let root = pebble.root();
    let trusting_it = trusting(slice::from_ref(&root), &["http/1.1"]);
    let session = connect(&gate, &trusting_it, DOMAIN).expect("a handshake");
    let first = shown(&session);
    assert_eq!(Client::over(session).ask(genuine(BODY)).status, 200);
    assert_eq!(page(&gate, "/readyz").0, 200);
    assert_eq!(
        (metric(&gate, ORDERED), metric(&gate, FAILED)),
        ("1".into(), "0".into())
    );
    let (exit, screen) = status(&gate);
    assert_eq!(exit, 0, "{screen}");

    // The protocol of challenges reaches nothing, and wins nothing beside HTTP.
    let challenge = trusting(slice::from_ref(&root), &["acme-tls/1"]);
    assert!(connect(&gate, &challenge, DOMAIN).is_err());
    let both = trusting(&[root], &["acme-tls/1", "http/1.1"]);
    let session = connect(&gate, &both, DOMAIN).expect("a handshake");
    assert_eq!(session.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(shown(&session), first);

    let folder = site.folder();
    assert_eq!(
        [mode(folder.parent().expect("acme")), mode(&folder)],
        [0o700; 2]
    );
    for entry in fs::read_dir(&folder).expect("a folder").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
    }
    let key = "PRIVATE KEY";
    assert!(!gate.lines().concat().contains(key));

    // The ACME server is gone, and the next gate needs it not.
    drop(pebble);
    gate.signal("TERM");
    gate.end();
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["stored certificate in force", DOMAIN]);
    let session = connect(&gate, &trusting_it, DOMAIN).expect("a handshake");
    assert_eq!(shown(&session), first);
    assert_eq!(
        (metric(&gate, ORDERED), metric(&gate, FAILED)),
        ("0".into(), "0".into())
    );
}

#[test]
#[ignore = "needs pebble"]
fn without_the_server_the_gate_waits_and_says_so() {
    let site = Site::new();
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["ERROR", "no certificate yet", "next_attempt=", "127.0.0.1"]);
    // A balancer that sends nothing to an unready gate would keep the server's check away.
    assert_eq!(page(&gate, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(metric(&gate, "cartgate_ready"), "1.0");
    let success = metric(&gate, "cartgate_last_certificate_order_success");
    assert_eq!(success, "0.0");
    let health = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .args(["healthcheck", "--pid", &gate.id().to_string()])
        .output()
        .expect("it runs");
    assert!(health.status.success(), "{health:?}");
    let (exit, screen) = status(&gate);
    assert_eq!(exit, 1);
    for part in [
        "no certificate was issued yet",
        "the order for a certificate failed: the ACME server 127.0.0.1: ",
        "the next attempt is in",
    ] {
        assert!(screen.contains(part), "{screen}");
    }
    let nobody = trusting(&[], &["http/1.1"]);
    let refused = connect(&gate, &nobody, DOMAIN).expect_err("no certificate");
    assert!(refused.to_string().contains("AccessDenied"), "{refused}");
    // Deliveries are not read without TLS either.
    let plain = Client::tcp(gate.address()).try_send(genuine(BODY));
    drop(plain);
    assert_eq!(site.app.count(), 0);

    // Neither a reload nor a restart is an order before its time.
    gate.signal("HUP");
    gate.line(&["configuration in force"]);
    assert_eq!(metric(&gate, FAILED), "1");
    gate.signal("TERM");
    gate.end();
    let pebble = site.pebble(LONG);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["WARN", "an earlier order", "127.0.0.1", "failures=1"]);
    let (exit, screen) = status(&gate);
    assert!(
        exit == 1 && screen.contains("the next attempt is in"),
        "{screen}"
    );
    assert_eq!(metric(&gate, FAILED), "0");

    // Corrected settings are.
    gate.write_config(&site.config(&site.acme_of("dev@shop.example", &[DOMAIN])));
    gate.signal("HUP");
    gate.line(&["certificate issued"]);
    assert!(!site.folder().join("attempt.json").exists());
    let session = connect(&gate, &trusting(&[pebble.root()], &[]), DOMAIN).expect("a handshake");
    assert_eq!(Client::over(session).ask(genuine(BODY)).status, 200);
    assert_eq!(page(&gate, "/readyz").0, 200);
    assert_eq!(status(&gate).0, 0);
    // pebble forgets everything when it ends; the gate registers again.
    drop(pebble);
    let pebble = site.pebble(LONG);
    site.dns.add(OTHER);
    gate.write_config(&site.config(&site.acme(&[OTHER])));
    gate.signal("HUP");
    wait_until("the other domain", || {
        connect(&gate, &trusting(&[pebble.root()], &[]), OTHER).is_ok()
    });
}

#[test]
#[ignore = "needs pebble"]
fn a_wrong_domain_is_explained_and_the_old_certificate_stays() {
    let site = Site::new();
    let pebble = site.pebble(LONG);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["certificate issued"]);
    let config = trusting(&[pebble.root()], &["http/1.1"]);
    let first = shown(&connect(&gate, &config, DOMAIN).expect("a handshake"));

    gate.write_config(&site.config(&site.acme(&[DOMAIN, OTHER])));
    gate.signal("HUP");
    gate.line(&[
        "ERROR",
        "stays in force",
        OTHER,
        "A or AAAA",
        "next_attempt=",
    ]);
    let (exit, screen) = status(&gate);
    assert_eq!(exit, 1);
    assert!(
        screen.contains(OTHER) && screen.contains("A or AAAA"),
        "{screen}"
    );
    let success = metric(&gate, "cartgate_last_certificate_order_success");
    assert_eq!(success, "0.0");
    assert_eq!(page(&gate, "/readyz").0, 200);
    let session = connect(&gate, &config, DOMAIN).expect("a handshake");
    assert_eq!(shown(&session), first);

    // The same after a restart, which finds no certificate of both domains.
    gate.signal("TERM");
    gate.end();
    let gate = site.gate(&[DOMAIN, OTHER]);
    gate.line(&["stored certificate in force"]);
    gate.line(&["WARN", "an earlier order", OTHER, "next_attempt="]);
    assert_eq!(
        shown(&connect(&gate, &config, DOMAIN).expect("a handshake")),
        first
    );

    site.dns.add(OTHER);
    gate.write_config(&site.config(&site.acme_of("dev@shop.example", &[DOMAIN, OTHER])));
    gate.signal("HUP");
    gate.line(&["certificate issued"]);
    for domain in [DOMAIN, OTHER] {
        let session = connect(&gate, &config, domain).expect("a handshake");
        assert_ne!(shown(&session), first);
    }
    assert_eq!(status(&gate).0, 0);
}

#[test]
#[ignore = "needs pebble"]
fn files_replace_the_server_and_back_by_a_reload() {
    let site = Site::new();
    let pebble = site.pebble(LONG);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["certificate issued"]);
    let automatic = trusting(&[pebble.root()], &[]);
    let first = shown(&connect(&gate, &automatic, DOMAIN).expect("a handshake"));
    // No further certificate is needed.
    drop(pebble);
    // Beside the configuration, where the sandbox permits reading.
    let files = gate.file("certificates");
    fs::create_dir(&files).expect("created");
    let authority = Authority::new();
    let (cert, key) = authority.leaf(NAME).files(&files);
    let own = Arc::new(authority.client(&crate::support::session::BOTH));
    gate.write_config(&site.config(&format!("{{ cert = {cert:?}, key = {key:?} }}")));
    gate.signal("HUP");
    wait_until("the files", || connect(&gate, &own, NAME).is_ok());
    assert!(
        metric(
            &gate,
            "cartgate_certificate_expiry_timestamp_seconds{certificate=\"/"
        )
        .len()
            > 1
    );
    gate.write_config(&site.config(&site.acme(&[DOMAIN])));
    gate.signal("HUP");
    wait_until("the ACME server's", || {
        connect(&gate, &automatic, DOMAIN).is_ok_and(|session| shown(&session) == first)
    });
    assert_eq!(
        (metric(&gate, ORDERED), metric(&gate, FAILED)),
        ("1".into(), "0".into())
    );
}

#[test]
#[ignore = "needs pebble"]
fn a_gate_waits_for_the_one_that_orders_with_the_same_directory() {
    let site = Site::new();
    let first = site.gate(&[DOMAIN]);
    first.line(&["ERROR", "no certificate yet"]);
    first.signal("TERM");
    first.end();
    let lock = File::options().write(true).open(site.folder().join("lock"));
    let lock = lock.expect("a lock");
    lock.try_lock().expect("no gate holds it");
    fs::remove_file(site.folder().join("attempt.json")).expect("removed");
    let pebble = site.pebble(LONG);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["an order with the same directory is in progress"]);
    assert_eq!(
        (metric(&gate, ORDERED), metric(&gate, FAILED)),
        ("0".into(), "0".into())
    );
    drop(lock);
    gate.line(&["certificate issued"]);

    // A second gate on this machine takes the stored one, although no port leads to it.
    let listen = format!("listen = \"{}\"", site.port.address());
    let text = site.config(&site.acme(&[DOMAIN]));
    let text = text.replace(&listen, "listen = \"127.0.0.1:0\"");
    let state = site.state.path().display().to_string();
    let second =
        Program::serve_file_with(&text, &[("secret", SECRET)], &[("STATE_DIRECTORY", &state)]);
    let config = trusting(&[pebble.root()], &[]);
    let certificates =
        [&gate, &second].map(|gate| shown(&connect(gate, &config, DOMAIN).expect("a handshake")));
    assert_eq!(certificates[0], certificates[1]);
    assert_eq!(
        (metric(&second, ORDERED), metric(&second, FAILED)),
        ("0".into(), "0".into())
    );
}

#[test]
#[ignore = "needs pebble"]
fn renewals_under_load_fail_no_handshake_and_no_delivery() {
    let site = Site::new();
    // Renewed after two thirds: 8 seconds.
    let pebble = site.pebble(12);
    let gate = site.gate(&[DOMAIN]);
    gate.line(&["certificate issued"]);
    let config = trusting(&[pebble.root()], &["http/1.1"]);
    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ask = |client: &mut Client| {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        sent.fetch_add(1, SeqCst);
    };
    let mut shown_so_far = vec![shown(
        &connect(&gate, &config, DOMAIN).expect("a handshake"),
    )];
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            let mut kept = Client::over(connect(&gate, &config, DOMAIN).expect("a handshake"));
            while !stop.load(SeqCst) {
                ask(&mut kept);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    ask(&mut Client::over(
                        connect(&gate, &config, DOMAIN).expect("a handshake"),
                    ));
                }
            });
        }
        wait_until("two renewals", || {
            let now = shown(&connect(&gate, &config, DOMAIN).expect("a handshake"));
            if shown_so_far.last() != Some(&now) {
                shown_so_far.push(now);
            }
            shown_so_far.len() == 3
        });
    });
    assert_eq!(site.app.count(), sent.load(SeqCst));
    assert!(metric(&gate, ORDERED).parse::<u32>().expect("a number") >= 3);
    assert_eq!(metric(&gate, FAILED), "0");
}
