//! The limit of a body, by its declared and by its counted length.

use crate::support::{App, Gate, Setup, genuine, genuine_in_chunks, signature_line};

const LIMIT: usize = 100_000;

fn gate(app: &App) -> Gate {
    Setup::before(app)
        .with(|setup| setup.policy = Box::new(|policy| policy.with_max_body(LIMIT as u64)))
        .start()
}

#[test]
fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    let app = App::content();
    let gate = gate(&app);
    let fits = vec![b'a'; LIMIT];
    let too_large = vec![b'a'; LIMIT + 1];
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(&fits)).status, 200);
    for size in [7, 1000, LIMIT] {
        assert_eq!(client.ask(genuine_in_chunks(&fits, size)).status, 200);
    }
    assert!(app.requests().iter().all(|request| request.body == fits));
    assert_eq!(app.count(), 4);

    for request in [
        genuine(&too_large),
        genuine_in_chunks(&too_large, 7),
        genuine_in_chunks(&too_large, 1000),
        genuine_in_chunks(&too_large, LIMIT + 1),
    ] {
        let mut client = gate.client();
        let answer = client.ask(request);
        assert_eq!((answer.status, answer.closes()), (413, true));
        client.end();
        client.is_closed();
    }
    assert_eq!(app.count(), 4);
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    let app = App::content();
    let gate = gate(&app);
    for length in [LIMIT as u64 + 1, 1 << 40, u64::MAX - 2] {
        let signature = signature_line(b"");
        let mut client = gate.client();
        let answer = client.ask(format!(
            "POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: {length}\r\n{signature}\r\n"
        ));
        assert_eq!((answer.status, answer.closes()), (413, true));
        client.is_closed();
    }
}

#[test]
fn a_body_without_a_length_is_refused_as_soon_as_it_is_too_large() {
    let app = App::content();
    let gate = gate(&app);
    let whole = genuine_in_chunks(&vec![b'a'; LIMIT * 2], 1000);
    let mut client = gate.client();
    // Not all of it: the response arrives while the body is still on its way.
    client.send(&whole[..LIMIT * 3 / 2]);
    assert_eq!(client.answer().status, 413);
}

#[test]
fn a_limit_of_one_mebibyte_is_the_default() {
    let app = App::content();
    let gate = Gate::before(&app);
    let body = vec![b'a'; 1024 * 1024 + 1];
    assert_eq!(gate.client().ask(genuine(&body[1..])).status, 200);
    let mut client = gate.client();
    client.send(genuine(&body));
    assert_eq!(client.answer().status, 413);
    assert_eq!(app.only().body.len(), 1024 * 1024);
}
