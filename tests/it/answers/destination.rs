//! The response to a verified delivery: the app's own, or the reason why there is none.

use std::net::Ipv4Addr;

use socket2::{Domain, Socket, Type};

use crate::support::{App, BODY, Gate, Hold, Setup, Then, app::answer, genuine, ms, wait_until};

/// Returns a port that is bound and has no listener.
pub(crate) fn taken_port() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&(Ipv4Addr::LOCALHOST, 0).into_address())
        .expect("bound");
    let address = socket
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("of IP");
    (socket, format!("http://{address}"))
}

trait IntoAddress {
    fn into_address(self) -> socket2::SockAddr;
}

impl IntoAddress for (Ipv4Addr, u16) {
    fn into_address(self) -> socket2::SockAddr {
        std::net::SocketAddr::from(self).into()
    }
}

#[test]
fn an_apps_answer_is_passed_on_as_it_is() {
    for (status, lines) in [
        ("200 OK", "X-Own: a b\r\n"),
        ("202 Accepted", "Set-Cookie: a=b\r\n"),
        ("302 Found", "Location: /elsewhere\r\n"),
        (
            "307 Temporary Redirect",
            "Location: http://127.0.0.1:1/\r\n",
        ),
        ("401 Unauthorized", "WWW-Authenticate: Basic\r\n"),
        ("404 Not Found", "Content-Type: text/html\r\n"),
        ("410 Gone", ""),
        ("429 Too Many Requests", "Retry-After: 120\r\n"),
        ("500 Internal Server Error", ""),
        ("503 Service Unavailable", "Retry-After: 7\r\n"),
    ] {
        let app = App::tcp(move |_, wire| {
            wire.write_all(&answer(status, lines, b"the app's own words"))?;
            Ok(Then::Keep)
        });
        let gate = Gate::before(&app);
        let answer = gate.client().ask(genuine(BODY));
        assert!(status.starts_with(&answer.status.to_string()), "{answer:?}");
        assert_eq!(answer.body, b"the app's own words");
        if let Some((name, value)) = lines.trim_end().split_once(": ") {
            assert_eq!(answer.header(name), Some(value));
        }
        // The gate never follows a redirect, and sends nothing twice.
        assert_eq!((app.count(), app.connections()), (1, 1), "{status}");
    }
}

#[test]
fn an_app_that_nobody_runs_is_502() {
    let (_taken, url) = taken_port();
    let gate = Setup::at(&url).start();
    let mut client = gate.client();
    let answer = client.ask(genuine(BODY));
    assert_eq!((answer.status, answer.error()), (502, "connection_refused"));
    // This is no reason to close the client's connection.
    assert_eq!(client.ask(genuine(BODY)).status, 502);
}

#[test]
fn an_app_that_hangs_up_is_502_and_is_asked_once() {
    for words in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-",
    ] {
        let app = App::tcp(move |_, wire| {
            wire.write_all(words.as_bytes())?;
            Ok(Then::Close)
        });
        let gate = Gate::before(&app);
        let mut client = gate.client();
        let answer = client.ask(genuine(BODY));
        assert_eq!(
            (answer.status, answer.error()),
            (502, "connection_terminated"),
            "{words:?}"
        );
        assert_eq!((app.count(), app.connections()), (1, 1));
    }
}

#[test]
fn an_app_that_does_not_speak_http_is_502() {
    for words in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 999999 What\r\n\r\n",
        "HTTP/1.1 2xx OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let app = App::tcp(move |_, wire| {
            wire.write_all(words.as_bytes())?;
            Ok(Then::Close)
        });
        let gate = Gate::before(&app);
        let answer = gate.client().ask(genuine(BODY));
        assert_eq!(
            (answer.status, answer.error()),
            (502, "http_protocol_error"),
            "{words:?}"
        );
        assert_eq!(app.count(), 1);
    }
}

#[test]
fn another_protocols_greeting_is_not_waited_out() {
    let hold = Hold::default();
    let held = hold.clone();
    let app = App::tcp(move |_, wire| {
        wire.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")?;
        held.wait();
        Ok(Then::Close)
    });
    let gate = Gate::before(&app);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!(
        (answer.status, answer.error()),
        (502, "http_protocol_error")
    );
    hold.open();
}

#[test]
fn an_app_that_never_comes_to_its_answer_is_502() {
    let app = App::tcp(|_, wire| {
        while wire.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {}
        Ok(Then::Close)
    });
    let gate = Gate::before(&app);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!(
        (answer.status, answer.error()),
        (502, "http_protocol_error")
    );
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let app = App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")?;
        wire.write_all(&answer("200 OK", "", b"at last"))?;
        Ok(Then::Keep)
    });
    let gate = Gate::before(&app);
    assert_eq!(gate.client().ask(genuine(BODY)).body, b"at last");
}

/// An attacker who could make an app send an extra response would respond to the delivery of
/// another client.
#[test]
fn what_an_app_says_unasked_is_never_the_next_answer() {
    const SURPLUS: &[u8] = b"HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 7\r\n\r\nplanted";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n\r\n";
    for own in [answer("200 OK", "", b"own"), CHUNKED.to_vec()] {
        let words = [&own, SURPLUS].concat();
        let app = App::tcp(move |_, wire| {
            wire.write_all(&words)?;
            Ok(Then::Keep)
        });
        let gate = Gate::before(&app);
        let mut client = gate.client();
        for count in 1..=3 {
            let answer = client.ask(genuine(BODY));
            assert_eq!((answer.status, &answer.body[..]), (200, &b"own"[..]));
            assert_eq!((app.count(), app.connections()), (count, count));
        }
    }
}

#[test]
fn an_app_that_does_not_answer_in_time_is_504() {
    let (app, hold) = App::holding();
    let gate = Setup::before(&app)
        .with(|setup| setup.settings.response_timeout = ms(150))
        .start();
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!(
        (answer.status, answer.error()),
        (504, "http_response_timeout")
    );
    hold.open();
    assert_eq!(app.count(), 1);
}

#[test]
fn an_app_that_accepts_no_connection_in_time_is_504() {
    // A queue of one that nobody accepts from: once it is full, further connections hang.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&(Ipv4Addr::LOCALHOST, 0).into_address())
        .expect("bound");
    socket.listen(0).expect("listening");
    let address = socket
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("of IP");
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, ms(100)) {
        queued.push(stream);
        assert!(queued.len() < 64, "the queue never fills");
    }
    let url = format!("http://{address}");
    let gate = Setup::at(&url)
        .with(|setup| setup.settings.connect_timeout = ms(150))
        .start();
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, answer.error()), (504, "connection_timeout"));
}

#[test]
fn a_gate_full_of_verified_deliveries_is_503() {
    let (app, hold) = App::holding();
    let gate = Setup::before(&app)
        .with(|setup| setup.config.limits.connections = 2)
        .start();
    let mut busy = [gate.client(), gate.client()];
    for client in &mut busy {
        client.send(genuine(BODY));
    }
    app.wait_for(2);
    let mut third = gate.client();
    let answer = third.answer();
    assert_eq!((answer.status, answer.closes()), (503, true));
    third.is_closed();
    hold.open();
    for client in &mut busy {
        assert_eq!(client.answer().status, 200);
    }
    drop(busy);
    // The gate may not have noticed yet that the two connections are idle.
    wait_until("room for a connection", || {
        gate.client().ask(genuine(BODY)).status == 200
    });
}
