//! Tests that pin the fixes for attacks on the gate.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
    thread,
};

use crate::{
    program::Program,
    support::{
        App, BODY, Gate, Setup, forged, genuine, genuine_in_chunks, ms, request, signature_line,
        wait_until,
    },
};

#[test]
fn no_body_that_is_explained_ends_the_gate() {
    let app = App::content();
    let program = Program::serve(&app, &["--explain"]);
    let mut client = program.client();
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(client.ask(forged(deep.as_bytes())).status, 401);
    program.line(&["cause=", "another-secret"]);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn a_client_that_has_closed_its_sending_half_is_answered() {
    let app = App::content();
    let gate = Gate::before(&app);
    for _ in 0..20 {
        let mut client = gate.client();
        client.send(genuine(BODY)).end();
        assert_eq!(client.answer().status, 200);
        client.is_closed();
    }
    assert_eq!(app.count(), 20);
}

#[test]
fn behind_a_refusal_the_next_request_is_read_from_its_first_byte() {
    let app = App::content();
    let gate = Gate::before(&app);
    let body = vec![b'a'; 2000];
    let unsigned = request("POST /hooks HTTP/1.1", "", &body);
    let (head, body) = unsigned.split_at(unsigned.len() - body.len());
    for _ in 0..20 {
        let mut client = gate.client();
        client.send(head).send(body);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (401, false));
        assert_eq!(client.ask(genuine(BODY)).status, 200);
    }
}

#[test]
fn a_refusal_whose_body_does_not_come_says_that_it_is_the_last() {
    let app = App::content();
    let gate = Gate::before(&app);
    for line in ["", "Expect: 100-continue\r\n"] {
        let mut client = gate.client();
        let head =
            format!("POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: 200\r\n{line}\r\n");
        client.send(head);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (401, true), "{line:?}");
    }
}

/// Returns an app that responds at the head of each request and reads no further, but keeps the
/// connection.
fn hasty_app() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut some = [0; 1024];
            // A client that connects without a request does not matter.
            let _ = stream.read(&mut some);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 2\r\n\r\nok");
            kept.push(stream);
        }
    });
    url
}

#[test]
fn an_app_that_answers_early_and_reads_no_more_holds_no_memory() {
    const MIB: usize = 1024 * 1024;
    let gate = Setup::at(&hasty_app())
        .with(|setup| {
            setup.config.limits.memory = 40 * MIB as u64;
            setup.settings.pause_timeout = ms(50);
            setup.policy = Box::new(|policy| policy.with_max_body(32 * MIB as u64));
        })
        .start();
    let body = vec![b'a'; 24 * MIB];
    let request = genuine(&body);
    for round in 0..4 {
        // The gate is full until the app's timeout ends. If it stays full longer, this test times
        // out.
        wait_until(&format!("room in round {round}"), || {
            gate.client().ask(&request).status == 200
        });
    }
}

#[test]
fn a_body_counts_until_it_is_sent_even_if_the_app_answers_before() {
    const MIB: usize = 1024 * 1024;
    let gate = Setup::at(&hasty_app())
        .with(|setup| {
            setup.config.limits.memory = 25 * MIB as u64;
            setup.settings.pause_timeout = ms(60_000);
            setup.policy = Box::new(|policy| policy.with_max_body(32 * MIB as u64));
        })
        .start();
    let (large, small) = (vec![b'a'; 24 * MIB], vec![b'a'; 1_200_000]);
    assert_eq!(gate.client().ask(genuine(&large)).status, 200);
    assert_eq!(gate.client().ask(genuine(&small)).status, 503);
}

#[test]
fn an_app_that_answers_early_can_still_read_the_delivery() {
    const LENGTH: usize = 24 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gate = Setup::at(&format!("http://{}", listener.local_addr().expect("bound")))
        .with(|setup| setup.policy = Box::new(|policy| policy.with_max_body(LENGTH as u64)))
        .start();
    let app = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a delivery");
        let mut received = Vec::new();
        let mut some = vec![0; 64 * 1024];
        let end = loop {
            let count = stream.read(&mut some).expect("a head");
            received.extend_from_slice(&some[..count]);
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let answer = b"HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).expect("answered");
        (stream, received.len() - end)
    });
    let answer = gate.client().ask(genuine(&vec![b'a'; LENGTH]));
    assert_eq!(answer.status, 200);
    // The app reads on only now, after the sender has its response.
    let (mut stream, read) = app.join().expect("an app");
    let mut rest = vec![0; LENGTH - read];
    stream.read_exact(&mut rest).expect("the whole delivery");
}

#[test]
fn a_secret_that_cannot_be_read_to_its_end_stops_nothing() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    std::fs::remove_file(program.file("secret")).expect("removed");
    let pipe = Command::new("mkfifo").arg(program.file("secret")).status();
    assert!(pipe.expect("mkfifo runs").success());
    program.signal("HUP");
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    program.line(&["ERROR", "stays in force"]);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    program.signal("TERM");
    assert!(program.end().0.success());
}

#[test]
fn an_answer_that_was_given_instead_of_reading_counts() {
    const LENGTH: usize = 6 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gate = Setup::at(&format!("http://{}", listener.local_addr().expect("bound")))
        .with(|setup| setup.policy = Box::new(|policy| policy.with_max_body(LENGTH as u64)))
        .start();
    // The app closes with most of the delivery unread, so that the gate's writes fail.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 1024];
            let _ = stream.read(&mut some);
            let _ = stream.write_all(
                b"HTTP/1.1 413 Not This One\r\nX-App: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let request = genuine(&vec![b'a'; LENGTH]);
    for round in 0..20 {
        assert_eq!(gate.client().ask(&request).status, 413, "round {round}");
    }
}

/// Returns the head of a delivery in chunks, with a well-formed signature.
fn in_chunks(signature: &str) -> String {
    format!("POST /hooks HTTP/1.1\r\nHost: gate\r\n{signature}Transfer-Encoding: chunked\r\n\r\n")
}

#[test]
fn endless_framing_is_400_long_before_a_timeout() {
    let app = App::content();
    let gate = Gate::before(&app);
    let signature = signature_line(BODY);
    for (begin, rest) in [
        ("", "0"),
        ("1", " "),
        ("5;", "a"),
        ("5 ;a=\"", "b"),
        // One byte of body for each five bytes of framing.
        ("", "1\r\na\r\n"),
        ("5\r\nhello\r\n0\r\nx: ", "y"),
    ] {
        let mut client = gate.client();
        client.send(in_chunks(&signature)).send(begin);
        for _ in 0..32 {
            // The last writes fail.
            let _ = client.try_send(rest.repeat(16 * 1024 / rest.len()));
        }
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (400, true), "{rest:?}");
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_genuine_delivery_in_the_smallest_chunks_passes() {
    let app = App::content();
    let gate = Gate::before(&app);
    for (length, size) in [(3_000, 1), (100_000, 8), (1_000_000, 100)] {
        let body = vec![b'a'; length];
        let answer = gate.client().ask(genuine_in_chunks(&body, size));
        assert_eq!(answer.status, 200, "{length} in chunks of {size}");
    }
}

#[test]
fn framing_that_nobody_asked_for_is_not_decoded_to_its_end() {
    let app = App::content();
    let gate = Gate::before(&app);
    // The gate rejects this at its head. It must drop the rest without decoding it; otherwise the
    // 401 would be slow.
    let mut client = gate.client();
    client.send(in_chunks("")).send("0".repeat(900 * 1024));
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (401, true));
    client.end().is_closed();
}
