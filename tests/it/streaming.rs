//! Streamed responses, reused connections, and clients with an early response.

use crate::support::{
    App, BODY, Gate, Hold, Setup, Then, app::answer, forged, genuine, genuine_in_chunks, ms,
    request, signature_line, wire::read_some,
};

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn an_answer_passes_chunk_by_chunk() {
    let (first, second) = (Hold::default(), Hold::default());
    let (one, two) = (first.clone(), second.clone());
    let app = App::tcp(move |_, wire| {
        wire.write_all(CHUNKED)?;
        one.wait();
        wire.write_all(b"5\r\nfirst\r\n")?;
        two.wait();
        wire.write_all(b"6\r\nsecond\r\n0\r\n\r\n")?;
        Ok(Then::Keep)
    });
    let gate = Gate::before(&app);
    let mut client = gate.client();
    client.send(genuine(BODY));
    // Each part is read before the next is sent; otherwise this times out.
    assert_eq!(client.answer_head().status, 200);
    first.open();
    assert_eq!(client.chunk().expect("a chunk"), Some(b"first".to_vec()));
    second.open();
    assert_eq!(client.chunk().expect("a chunk"), Some(b"second".to_vec()));
    assert_eq!(client.chunk().expect("the last"), None);
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    let short = "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 100\r\n\r\nshort";
    let chunk = "HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let torn = "HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfirst";
    for words in [short, chunk, torn] {
        let app = App::tcp(move |_, wire| {
            wire.write_all(words.as_bytes())?;
            Ok(Then::Close)
        });
        let gate = Gate::before(&app);
        let mut client = gate.client();
        client.send(genuine(BODY));
        // The gate may pass on the beginning of the response, or nothing of it.
        let whole = matches!(client.try_answer(), Ok(Some(_)));
        assert!(!whole, "it looks whole: {words:?}");
    }
}

#[test]
fn an_answer_that_pauses_for_too_long_is_broken_off() {
    for words in ["5\r\nfirst\r\n", "9\r\nfirst", ""] {
        let hold = Hold::default();
        let held = hold.clone();
        let app = App::tcp(move |_, wire| {
            wire.write_all(CHUNKED)?;
            wire.write_all(words.as_bytes())?;
            held.wait();
            Ok(Then::Close)
        });
        let gate = Setup::before(&app)
            .with(|setup| setup.settings.pause_timeout = ms(150))
            .start();
        let mut client = gate.client();
        client.send(genuine(BODY));
        assert!(client.try_answer().is_err(), "it looks whole: {words:?}");
        hold.open();
    }
}

#[test]
fn an_answer_until_the_end_of_the_connection_is_passed_on_with_framing() {
    let app = App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.0 200 OK\r\nX-App: 1\r\n\r\nuntil the end")?;
        Ok(Then::Close)
    });
    let gate = Gate::before(&app);
    let mut client = gate.client();
    client.send(genuine(BODY));
    let answer = client.answer_head();
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let mut body = Vec::new();
    while let Some(chunk) = client.chunk().expect("a chunk") {
        body.extend(chunk);
    }
    assert_eq!(body, b"until the end");
    assert_eq!(
        client.ask(genuine(BODY)).body,
        b"until the end",
        "the client's goes on"
    );
}

#[test]
fn what_belongs_to_the_apps_connection_stays_there() {
    let app = App::tcp(|_, wire| {
        let lines = "Connection: keep-alive, X-Named\r\nKeep-Alive: timeout=5\r\nX-Named: 1\r\n\
                     Upgrade: h2c\r\nTrailer: X\r\nProxy-Authenticate: Basic\r\nServer: app\r\n\
                     Content-Type: text/plain\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n";
        wire.write_all(&answer("200 OK", lines, b""))?;
        Ok(Then::Keep)
    });
    let gate = Gate::before(&app);
    let answer = gate.client().ask(genuine(BODY));
    for name in [
        "connection",
        "keep-alive",
        "x-named",
        "upgrade",
        "trailer",
        "proxy-authenticate",
    ] {
        assert_eq!(answer.header(name), None);
    }
    assert_eq!(answer.header("server"), Some("app"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    let cookies = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    assert_eq!(cookies.count(), 2);
}

#[test]
fn an_app_that_says_no_more_closes_only_its_own_connection() {
    let app = App::tcp(|_, wire| {
        wire.write_all(&answer("200 OK", "Connection: close\r\n", b"taken"))?;
        Ok(Then::Close)
    });
    let gate = Gate::before(&app);
    let mut client = gate.client();
    for _ in 0..3 {
        let answer = client.ask(genuine(BODY));
        assert_eq!((answer.status, answer.closes()), (200, false));
    }
    assert_eq!((app.count(), app.connections()), (3, 3));
}

#[test]
fn a_client_that_is_answered_early_can_finish_its_write_and_read_the_answer() {
    let app = App::content();
    let gate = Gate::before(&app);
    let body = vec![b'a'; 900 * 1024];
    for (lines, status) in [("", 401), ("X-Cartfunnel-Hmac-SHA256: x\r\n", 401)] {
        let mut client = gate.client();
        // Reads nothing before everything is written, as many clients do.
        client.send(request("POST /hooks HTTP/1.1", lines, &body));
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (status, true));
        client.is_closed();
    }
    let narrow = Setup::before(&app)
        .with(|setup| setup.policy = Box::new(|policy| policy.with_max_body(1000)))
        .start();
    for request in [genuine(&body), genuine_in_chunks(&body, 1000)] {
        let mut client = narrow.client();
        let answer = client.ask(request);
        assert_eq!((answer.status, answer.closes()), (413, true));
        client.is_closed();
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_client_that_never_ends_its_refused_body_is_left() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    client.send("POST /h HTTP/1.1\r\nHost: gate\r\nContent-Length: 90000000\r\n\r\n");
    assert_eq!(client.answer().status, 401);
    let megabyte = vec![b'a'; 1024 * 1024];
    let taken = (0..90)
        .take_while(|_| client.try_send(&megabyte).is_ok())
        .count();
    assert!(taken < 60, "the gate reads on and on: {taken} MiB");
}

#[test]
fn a_connection_goes_on_after_small_refusals() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    for _ in 0..20 {
        assert_eq!(client.ask(forged(BODY)).status, 401);
        let unsigned = request("POST /hooks HTTP/1.1", "", BODY);
        let answer = client.ask(unsigned);
        assert_eq!((answer.status, answer.closes()), (401, false));
        let answer = client.ask(genuine(BODY));
        assert_eq!((answer.status, answer.closes()), (200, false));
    }
    assert_eq!(app.count(), 20);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    let mut wire = Vec::new();
    for n in 0..30 {
        let body = format!("body {n}");
        let one = if n % 3 == 0 {
            forged(body.as_bytes())
        } else {
            genuine(body.as_bytes())
        };
        wire.extend(one);
    }
    client.send(wire);
    for n in 0..30 {
        let expected = if n % 3 == 0 { 401 } else { 200 };
        assert_eq!(client.answer().status, expected, "{n}");
    }
    let bodies: Vec<_> = app
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    let expected: Vec<_> = (0..30)
        .filter(|n| n % 3 != 0)
        .map(|n| format!("body {n}").into_bytes())
        .collect();
    assert_eq!(bodies, expected);
}

#[test]
fn pieces_of_any_size_make_the_same_request() {
    let app = App::content();
    let gate = Gate::before(&app);
    for wire in [genuine(BODY), genuine_in_chunks(BODY, 2)] {
        let mut client = gate.client();
        for size in [1, 2, 3, 50] {
            for piece in wire.chunks(size) {
                client.send(piece);
            }
            assert_eq!(client.answer().status, 200);
        }
    }
    assert!(app.requests().iter().all(|request| request.body == BODY));
    assert_eq!(app.count(), 8);
}

fn one_worker(app: &App) -> Setup {
    Setup::before(app).with(|setup| setup.config.workers = 1)
}

#[test]
fn connections_to_the_app_are_used_again() {
    let app = App::content();
    let gate = one_worker(&app).start();
    for _ in 0..10 {
        assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    }
    assert_eq!((app.count(), app.connections()), (10, 1));
}

#[test]
fn an_unused_connection_to_the_app_is_closed_in_time() {
    let app = App::content();
    let gate = one_worker(&app)
        .with(|setup| setup.settings.idle_timeout = ms(100))
        .start();
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    app.wait_until_left_alone();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    assert_eq!(app.connections(), 2);
}

#[test]
fn a_connection_that_the_app_has_closed_is_replaced_unseen() {
    // The app announces that it keeps the connection, and closes it.
    let app = App::tcp(|_, wire| {
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        wire.end()?;
        // Waits until the gate has seen the close, which it cannot see before it arrives.
        while read_some(wire, &mut Vec::new())? {}
        Ok(Then::Close)
    });
    let gate = one_worker(&app).start();
    let mut client = gate.client();
    for round in 1..=50 {
        assert_eq!(client.ask(genuine(BODY)).status, 200, "round {round}");
        app.wait_until_left_alone();
    }
    assert_eq!(
        (app.count(), app.connections()),
        (50, 50),
        "none twice, none lost"
    );
}

#[test]
fn a_delivery_that_was_written_is_never_sent_again() {
    // The first connection is pooled. The app reads the second delivery on it, and never responds.
    let app = App::tcp(|request, wire| {
        if request.target.ends_with("hang-up") {
            return Ok(Then::Close);
        }
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    let gate = one_worker(&app).start();
    let mut client = gate.client();
    for method in ["POST", "PUT"] {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        let line = format!("{method} /hang-up HTTP/1.1");
        assert_eq!(
            client
                .ask(request(&line, &signature_line(BODY), BODY))
                .status,
            502
        );
    }
    let hung_up = app
        .requests()
        .iter()
        .filter(|one| one.target == "/hang-up")
        .count();
    assert_eq!((app.count(), hung_up), (4, 2));
}

#[test]
fn a_client_that_goes_away_is_no_reason_to_end() {
    let (app, hold) = App::holding();
    let gate = one_worker(&app).start();
    let mut client = gate.client();
    client.send(genuine(BODY));
    app.wait_for(1);
    drop(client);
    hold.open();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
}
