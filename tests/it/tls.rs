//! The gate's own TLS: versions, handshakes that never end, and closes that a client can tell from
//! truncation. `certificates` tests the certificate.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::ClientConfig;

use crate::support::{
    App, BODY, Client, Gate, Setup, Then,
    authority::Authority,
    forged, genuine, ms, request,
    session::{BOTH, NAME, Session, shake},
    signature_line,
    wire::patient,
};

/// A gate under TLS, and its authority.
struct Site {
    authority: Authority,
    gate: Gate,
}

impl Site {
    fn before(app: &App) -> Self {
        Self::with(app, |_| {})
    }

    fn with(app: &App, change: impl FnOnce(&mut Setup)) -> Self {
        let authority = Authority::new();
        let certificate = authority.leaf(NAME).certificate();
        let gate = Setup::before(app)
            .with(|setup| setup.config.tls = Some(certificate.into()))
            .with(change)
            .start();
        Self { authority, gate }
    }

    fn tcp(&self) -> TcpStream {
        patient(TcpStream::connect(self.gate.address()).expect("a connection"))
    }

    fn client(&self) -> Client {
        Client::over(self.session())
    }

    fn session(&self) -> Session {
        self.shake(self.tcp(), self.authority.client(&BOTH))
            .expect("a handshake")
    }

    fn shake(&self, tcp: TcpStream, config: ClientConfig) -> io::Result<Session> {
        shake(tcp, Arc::new(config))
    }
}

/// Reads until the end; returns false if there was no `close_notify`.
fn ends_in_order(session: &mut Session) -> bool {
    let mut rest = Vec::new();
    match session.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until the gate closes this socket; returns the bytes before it.
fn closed(tcp: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match tcp.read_to_end(&mut rest) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => rest,
    }
}

#[test]
fn genuine_deliveries_pass_over_both_versions_and_forged_ones_do_not() {
    let app = App::content();
    let site = Site::before(&app);
    for version in BOTH {
        let session = site.shake(site.tcp(), site.authority.client(&[version]));
        let session = session.expect("a handshake");
        assert_eq!(session.conn.protocol_version(), Some(version.version));
        let mut client = Client::over(session);
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        assert_eq!(client.ask(forged(BODY)).status, 401);
        assert_eq!(client.ask(genuine(BODY)).status, 200, "the same connection");
    }
    let requests = app.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(request.header("x-forwarded-proto"), Some("https"));
        let forwarded = "for=127.0.0.1;host=\"gate.example\";proto=https";
        assert_eq!(request.header("forwarded"), Some(forwarded));
    }
}

#[test]
fn an_absolute_target_names_the_scheme_that_is_spoken() {
    let app = App::content();
    let site = Site::before(&app);
    let to = |scheme: &str| {
        let first = format!("POST {scheme}://{NAME}/hooks HTTP/1.1");
        request(&first, &signature_line(BODY), BODY)
    };
    assert_eq!(site.client().ask(to("https")).status, 200);
    assert_eq!(site.client().ask(to("http")).status, 400);
    assert_eq!(app.only().target, "/hooks");
}

/// Returns a client hello that offers no newer version than `version`.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let ciphers = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0x00, 0x2f];
    let extensions: &[&[u8]] = &[
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17], // secp256r1
        &[0x00, 0x0b, 0x00, 0x02, 0x01, 0x00],             // uncompressed points
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03], // ecdsa_secp256r1_sha256
    ];
    let extensions = extensions.concat();
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, ciphers.len() as u8]);
    body.extend(ciphers);
    body.extend([1, 0]);
    body.extend([0, extensions.len() as u8]);
    body.extend(extensions);
    let mut message = vec![1, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = vec![22, 3, 1, 0, message.len() as u8];
    record.extend(message);
    record
}

#[test]
fn nothing_below_tls_1_2_is_spoken() {
    let app = App::content();
    let site = Site::before(&app);
    for version in [[3, 0], [3, 1], [3, 2]] {
        let mut tcp = site.tcp();
        tcp.write_all(&hello(version)).expect("written");
        let said = closed(&mut tcp);
        // A fatal alert: protocol_version.
        assert_eq!((said[0], &said[5..]), (21, &[2, 70][..]), "{version:?}");
    }
    let mut tcp = site.tcp();
    tcp.write_all(&hello([3, 3])).expect("written");
    let mut first = [0; 1];
    tcp.read_exact(&mut first).expect("an answer");
    assert_eq!(first, [22], "TLS 1.2 goes on with the handshake");
}

#[test]
fn only_http_1_1_is_agreed_on() {
    let app = App::content();
    let site = Site::before(&app);
    let offering = |protocols: &[&str]| {
        let mut config = site.authority.client(&BOTH);
        config.alpn_protocols = protocols
            .iter()
            .map(|one| one.as_bytes().to_vec())
            .collect();
        site.shake(site.tcp(), config)
    };
    let refused = offering(&["h2"]).expect_err("no HTTP/2 here").to_string();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    for protocols in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        let session = offering(protocols).expect("a handshake");
        assert_eq!(session.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(Client::over(session).ask(genuine(BODY)).status, 200);
    }
}

#[test]
fn a_plain_request_is_answered_by_an_alert_alone() {
    let app = App::content();
    let site = Site::before(&app);
    let mut tcp = site.tcp();
    tcp.write_all(&genuine(BODY)).expect("written");
    let said = closed(&mut tcp);
    assert!(said.is_empty() || said[0] == 21, "{said:?}");
    assert_eq!(app.count(), 0);
}

#[test]
fn a_handshake_has_a_clock_of_its_own() {
    let app = App::content();
    let site = Site::with(&app, |setup| setup.config.timeouts.handshake = ms(300));
    let mut silent = site.tcp();
    let mut halfway = site.tcp();
    halfway.write_all(&hello([3, 3])[..20]).expect("written");
    let mut done = site.client();
    let begun = Instant::now();
    assert_eq!(closed(&mut silent), b"");
    assert_eq!(closed(&mut halfway), b"");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "not another clock"
    );
    // The timeout ends with the handshake: an idle connection stays.
    assert_eq!(done.ask(genuine(BODY)).status, 200);
}

#[test]
fn half_handshakes_do_not_lock_a_genuine_client_out() {
    let app = App::content();
    let site = Site::with(&app, |setup| setup.config.limits.connections = 8);
    let mut half: Vec<_> = (0..24)
        .map(|_| {
            let mut tcp = site.tcp();
            tcp.write_all(&hello([3, 3])).expect("written");
            // The gate's response: the handshake has begun, and never continues.
            tcp.read_exact(&mut [0; 1]).expect("an answer");
            tcp
        })
        .collect();
    assert_eq!(site.client().ask(genuine(BODY)).status, 200);
    closed(&mut half[0]);
}

#[test]
fn a_full_gate_spends_no_handshake_on_who_is_turned_away() {
    let (app, hold) = App::holding();
    let site = Site::with(&app, |setup| setup.config.limits.connections = 1);
    let mut busy = site.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    let mut late = site.tcp();
    late.write_all(&hello([3, 3])).expect("written");
    assert_eq!(closed(&mut late), b"");
    hold.open();
    assert_eq!(busy.answer().status, 200);
}

#[test]
fn an_answer_that_comes_early_can_be_read() {
    let app = App::content();
    let site = Site::before(&app);
    let mut session = site.session();
    let body = vec![b'x'; 600 * 1024];
    let mut whole = request("POST /hooks HTTP/1.1", "", &body);
    let rest = whole.split_off(200);
    session.write_all(&whole).expect("written");
    let mut client = Client::over(session);
    client.send(&rest);
    assert_eq!(client.answer().status, 401, "no signature, no reading");
    client.is_closed();
    assert_eq!(app.count(), 0);
}

#[test]
fn who_has_said_all_it_wants_to_say_is_still_answered() {
    let (app, hold) = App::holding();
    let site = Site::before(&app);
    let mut client = site.client();
    client.send(genuine(BODY)).end();
    app.wait_for(1);
    hold.open();
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_whole_delivery_of_a_client_that_is_cut_off_is_delivered() {
    let (app, hold) = App::holding();
    let site = Site::before(&app);
    let mut session = site.session();
    session.write_all(&genuine(BODY)).expect("written");
    app.wait_for(1);
    session.sock.shutdown(Shutdown::Write).expect("cut off");
    hold.open();
    assert_eq!(Client::over(session).answer().status, 200);
}

#[test]
fn an_answer_that_breaks_off_does_not_look_complete() {
    let app = App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        wire.write_all(b"4\r\nhalf\r\n")?;
        Ok(Then::Close)
    });
    let site = Site::before(&app);
    // HTTP/1.0 has no chunks: the close alone marks the end of the response.
    let mut session = site.session();
    let old = request("POST /hooks HTTP/1.0", &signature_line(BODY), BODY);
    session.write_all(&old).expect("written");
    assert!(!ends_in_order(&mut session));

    let app = App::content();
    let site = Site::before(&app);
    let mut session = site.session();
    session.write_all(&old).expect("written");
    assert!(ends_in_order(&mut session), "a whole one does");
}

#[test]
fn a_drain_ends_each_connection_in_order() {
    let (app, hold) = App::holding();
    let mut site = Site::before(&app);
    let mut idle = site.client();
    assert_eq!(idle.ask(forged(BODY)).status, 401);
    let mut busy = site.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    let (late, mut silent) = (site.tcp(), site.tcp());
    // Both have a place: the gate served a client that connected after them.
    assert_eq!(site.client().ask(forged(BODY)).status, 401);
    let begun = Instant::now();
    site.gate.stop();
    idle.is_closed();
    // Its handshake was in progress when the gate began to close.
    let late = site.shake(late, site.authority.client(&BOTH));
    let mut late = Client::over(late.expect("a handshake"));
    late.send(genuine(BODY));
    app.wait_for(2);
    hold.open();
    for client in [&mut busy, &mut late] {
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (200, true));
        client.is_closed();
    }
    assert_eq!(closed(&mut silent), b"");
    site.gate.join();
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "silence delays no end"
    );
}

#[test]
fn a_unix_socket_stays_plain() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    let app = App::content();
    let site = Site::with(&app, |setup| {
        setup.listen = cartgate::net::listener::ListenAddress::Unix(path.clone());
    });
    assert_eq!(site.gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(app.only().header("x-forwarded-proto"), Some("http"));
}

#[test]
fn a_handshake_without_end_is_closed_after_16_kib() {
    let app = App::content();
    let site = Site::with(&app, |setup| {
        setup.config.timeouts.handshake = Duration::from_secs(600);
    });
    let mut endless = site.tcp();
    // A client hello of 64 KiB, in records of the maximum length.
    let record = [&[22, 3, 3, 0x40, 0][..], &[b'a'; 0x4000]].concat();
    let mut first = record.clone();
    first[5..11].copy_from_slice(&[1, 0, 0xff, 0xf0, 3, 3]);
    endless.write_all(&first).expect("written");
    // The gate may have closed it meanwhile.
    let _ = endless.write_all(&record);
    assert_eq!(closed(&mut endless), b"");
    assert_eq!(site.client().ask(genuine(BODY)).status, 200);
}
