//! The listeners and the destinations of a gate: TCP, Unix sockets, TLS.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    path::Path,
};

use cartgate::net::{
    connect::Trust,
    listener::{ListenAddress, Listener},
};

use crate::{
    program::Program,
    support::{
        App, BODY, Client, Gate, Setup, Then, app::answer, authority::Authority, forged, genuine,
    },
};

fn unix(path: &Path) -> ListenAddress {
    ListenAddress::Unix(path.to_owned())
}

fn content(
    app: &crate::support::Recorded,
    wire: &mut dyn crate::support::wire::Wire,
) -> io::Result<Then> {
    assert_eq!(app.body, BODY);
    wire.write_all(&answer("200 OK", "", b"taken"))?;
    Ok(Then::Keep)
}

#[test]
fn unix_sockets_on_both_sides() {
    let dir = tempfile::tempdir().expect("a directory");
    let (front, back) = (dir.path().join("gate.sock"), dir.path().join("app.sock"));
    let app = App::unix(&back, content);
    let gate = Setup::at(&format!("{}:/in", app.url)).with(|setup| setup.listen = unix(&front));
    let gate = gate.start();
    let mut client = gate.client();
    assert_eq!(client.ask(forged(BODY)).status, 401);
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    let request = app.only();
    assert_eq!(request.target, "/in");
    assert_eq!(request.header("host"), Some("localhost"));
    assert_eq!(
        request.header("x-forwarded-for"),
        None,
        "a Unix client has no address"
    );
    let forwarded = "for=unknown;host=\"gate.example\";proto=http";
    assert_eq!(request.header("forwarded"), Some(forwarded));
}

#[test]
fn a_gate_that_ends_takes_its_sockets_file_along() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    let app = App::content();
    let mut gate = Setup::before(&app)
        .with(|setup| setup.listen = unix(&path))
        .start();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    gate.stop();
    gate.join();
    assert!(!path.exists());
}

#[test]
fn a_gate_that_ends_leaves_its_successors_socket_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    let old = Listener::bind(&unix(&path)).expect("bound");
    std::fs::remove_file(&path).expect("removed");
    let new = Listener::bind(&unix(&path)).expect("bound");
    drop(old);
    assert!(path.exists());
    drop(new);
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    // A dropped listener leaves its file, as a killed gate does.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let app = App::content();
    let gate = Setup::before(&app)
        .with(|setup| setup.listen = unix(&path))
        .start();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);

    let second = Listener::bind(&unix(&path)).expect_err("two gates on one socket");
    assert_eq!(second.kind(), ErrorKind::AddrInUse);
    assert_eq!(
        gate.client().ask(genuine(BODY)).status,
        200,
        "the first one goes on"
    );
}

#[test]
fn a_file_in_the_way_of_a_socket_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("precious");
    std::fs::write(&path, "data").expect("written");
    let error = Listener::bind(&unix(&path)).expect_err("a file is no socket");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "data");
}

#[test]
fn an_address_in_use_is_refused() {
    let app = App::content();
    let gate = Gate::before(&app);
    let address = ListenAddress::Tcp(gate.address().to_string());
    let error = Listener::bind(&address).expect_err("two gates on one port");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn both_families_reach_a_gate_on_every_address() {
    let app = App::content();
    let every: ListenAddress = ":0".parse().expect("an address");
    let gate = Setup::before(&app)
        .with(|setup| setup.listen = every)
        .start();
    let address = ([127, 0, 0, 1], gate.address().port()).into();
    assert_eq!(Client::tcp(address).ask(genuine(BODY)).status, 200);
    // An IPv4 client on an IPv6 socket has its IPv4 address.
    assert_eq!(app.only().header("x-forwarded-for"), Some("127.0.0.1"));
}

fn answered(app: &App, trust: Trust) -> crate::support::Answer {
    let gate = Setup::before(app)
        .with(|setup| setup.settings.trust = trust)
        .start();
    gate.client().ask(genuine(BODY))
}

#[test]
fn an_app_under_tls_is_believed_by_its_authority() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new();
    let app = App::tls(authority.server("localhost"), content);
    assert_eq!(answered(&app, authority.file(dir.path())).status, 200);
    assert_eq!(app.only().body, BODY);
}

#[test]
fn an_app_under_tls_that_cannot_be_believed_gets_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new();
    let stranger = App::tls(Authority::new().server("localhost"), content);
    let misnamed = App::tls(authority.server("other.example"), content);
    let trust = authority.file(dir.path());
    for url in [&stranger.url, &misnamed.url] {
        let gate = Setup::at(url)
            .with(|setup| setup.settings.trust = trust.clone())
            .start();
        let answer = gate.client().ask(genuine(BODY));
        assert_eq!(
            (answer.status, answer.error()),
            (502, "tls_protocol_error"),
            "{url}"
        );
    }
    assert_eq!(stranger.count() + misnamed.count(), 0);
    assert_eq!(answered(&misnamed, trust).status, 502);
}

#[test]
fn localhost_means_both_loopback_addresses() {
    let app = App::content();
    let program = Program::serve(&app, &["--listen", "localhost:0", "--listen", ":0"]);
    let line = program.line(&["protecting"]);
    let list = line.split_once("listen=\"").expect("a list").1;
    let list = list.split('"').next().expect("an end");
    let addresses: Vec<SocketAddr> = list
        .split(", ")
        .map(|one| one.parse().expect("an address"))
        .collect();
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let has_six = table.contains("00000000000000000000000000000001");
    let loopback = addresses
        .iter()
        .filter(|address| address.ip().is_loopback());
    // In addition to the one of every gate in these tests.
    assert_eq!(loopback.count(), if has_six { 3 } else { 2 }, "{line}");
    for address in addresses
        .iter()
        .filter(|address| address.ip().is_loopback())
    {
        assert_eq!(
            Client::tcp(*address).ask(genuine(BODY)).status,
            200,
            "{address}"
        );
    }
    let any = addresses.last().expect("the last one");
    assert!(any.ip().is_unspecified(), "{line}");
    let by_four = SocketAddr::from(([127, 0, 0, 1], any.port()));
    assert_eq!(Client::tcp(by_four).ask(genuine(BODY)).status, 200);
}
