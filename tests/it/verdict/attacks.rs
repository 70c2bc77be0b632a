//! Attacks on the verdict: on the headers that a proxy copies, on the body that it asks about, and
//! on the order of its questions.

use super::{stated, states_nothing, verdicts};
use crate::support::{
    App, BODY, forged, genuine, genuine_in_chunks, request, sign, signature_line,
};

/// Headers by which a client poses as the gate.
const FORGED: &str = "X-Cartgate-Verdict: verified\r\nX-Cartgate-Event: order\r\n\
    X-Cartgate-Event-Source: payload\r\nX-Cartgate-Endpoint: other\r\n\
    X-Cartgate-Secret-Name: other\r\nX-Cartgate-Delivery: other\r\nX-Cartgate-Copy: 7\r\n\
    X_Cartgate_Verdict: verified\r\nX.Cartgate.Event: order\r\n";

#[test]
fn no_header_of_a_client_comes_back_as_one_of_the_gate() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    let plain = gate.client().ask(genuine(BODY));
    let lines = signature_line(BODY) + FORGED;
    let lied = gate
        .client()
        .ask(request("POST /hooks HTTP/1.1", &lines, BODY));
    assert_eq!(lied.status, 200);
    assert_eq!(stated(&lied.headers), stated(&plain.headers));
    // Without an event rule the gate does not know the kind, so it must not repeat the client's.
    assert_eq!(lied.header("x-cartgate-event"), None);
    assert_ne!(lied.header("x-cartgate-delivery"), Some("other"));
    for body in [forged(BODY), request("POST /hooks HTTP/1.1", FORGED, BODY)] {
        states_nothing(&gate.client().ask(body));
    }
}

#[test]
fn the_beginning_of_a_body_gets_no_verdict_however_genuine_it_is() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    for (value, status) in [
        ("true", 413),
        ("True", 413),
        ("1", 413),
        ("", 413),
        ("false, true", 413),
        ("false\r\nX-Envoy-Auth-Partial-Body: true", 413),
        ("false", 200),
    ] {
        let lines = signature_line(BODY) + &format!("X-Envoy-Auth-Partial-Body: {value}\r\n");
        let mut client = gate.client();
        let answer = client.ask(request("POST /hooks HTTP/1.1", &lines, BODY));
        assert_eq!(answer.status, status, "{value}");
        if status != 200 {
            states_nothing(&answer);
        }
    }
    // A gate that forwards has the whole body before itself.
    let direct = crate::support::Gate::before(&app);
    let lines = signature_line(BODY) + "X-Envoy-Auth-Partial-Body: true\r\n";
    let whole = request("POST /hooks HTTP/1.1", &lines, BODY);
    assert_eq!(direct.client().ask(whole).status, 200);
}

#[test]
fn pipelined_questions_get_their_own_answers_in_order() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    let mut client = gate.client();
    let questions = [
        (genuine(BODY), 200),
        (forged(BODY), 401),
        (genuine_in_chunks(BODY, 2), 200),
        (
            request("GET /hooks HTTP/1.1", &signature_line(b""), b""),
            405,
        ),
        (genuine(b"another"), 200),
    ];
    let all: Vec<u8> = questions
        .iter()
        .flat_map(|(sent, _)| sent.clone())
        .collect();
    client.send(all);
    for (number, (_, status)) in questions.iter().enumerate() {
        assert_eq!(client.answer().status, *status, "question {number}");
    }
}

#[test]
fn an_expectation_is_met_only_for_a_body_that_may_verify() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    let head = |lines: &str| {
        format!(
            "POST /hooks HTTP/1.1\r\nHost: gate.example\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\n{lines}\r\n",
            BODY.len()
        )
    };
    let mut client = gate.client();
    client.send(head(&signature_line(BODY)));
    assert_eq!(client.answer_head().status, 100);
    assert_eq!(client.ask(BODY).status, 200);
    let mut client = gate.client();
    let answer = client.ask(head(""));
    assert_eq!(answer.status, 401);
    states_nothing(&answer);
}

#[test]
fn ambiguous_framing_gets_no_verdict() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    let signature = sign(BODY);
    for (lines, rest) in [
        ("Content-Length: 5, 5", "hello"),
        ("Content-Length: 5\r\nContent-Length: 6", "hello"),
        (
            "Transfer-Encoding: gzip, chunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        ("Content-Length: 5\r\nHost: other.example", "hello"),
    ] {
        let mut client = gate.client();
        let answer = client.ask(format!(
            "POST /hooks HTTP/1.1\r\nHost: gate.example\r\n\
             X-Cartfunnel-Hmac-SHA256: {signature}\r\n{lines}\r\n\r\n{rest}"
        ));
        assert_eq!(answer.status, 400, "{lines}");
        states_nothing(&answer);
    }
    assert_eq!(app.connections(), 0);
}

#[test]
fn a_body_that_breaks_off_gets_no_verdict() {
    let app = App::content();
    let gate = verdicts(&app, |_| {});
    // The signature covers the bytes that arrive; the declared rest never does.
    let mut client = gate.client();
    let longer = BODY.len() + 1;
    client.send(format!(
        "POST /hooks HTTP/1.1\r\nHost: gate.example\r\nContent-Length: {longer}\r\n{}\r\n",
        signature_line(BODY)
    ));
    client.send(BODY).end();
    if let Ok(Some(answer)) = client.try_answer() {
        states_nothing(&answer);
    }
}
