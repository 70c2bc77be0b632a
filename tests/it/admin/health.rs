//! Liveness and readiness, on the admin listener and on the health path of the public port.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{ask, get, metrics, setup};
use crate::support::{
    App, BODY, Gate, PATIENCE, Setup, genuine, request, signature_line, wait_until,
};

const HOST: &str = "Host: gate.example\r\n";

fn with_health_path(setup: Setup) -> Gate {
    setup
        .with(|setup| setup.config.health_path = Some("/up".to_owned()))
        .start()
}

/// Returns the response of the public port, without the checks for deliveries.
fn probe(gate: &Gate, method: &str) -> super::Reply {
    ask(&gate.listen, &format!("{method} /up"), HOST)
}

#[test]
fn a_gate_on_its_way_out_lives_but_is_not_ready() {
    let app = App::content();
    let mut gate = with_health_path(setup(&app).with(|setup| {
        setup.config.timeouts.drain_delay = Duration::from_secs(60);
    }));
    assert_eq!(get(gate.admin(), "/readyz").status, 200);
    assert_eq!(probe(&gate, "GET").status, 200);
    assert_eq!(metrics(&gate).value("cartgate_ready"), 1.0);
    gate.stop();
    wait_until("it is not ready", || {
        get(gate.admin(), "/readyz").status == 503
    });
    assert_eq!(probe(&gate, "GET").status, 503);
    assert_eq!(get(gate.admin(), "/healthz").status, 200);
    assert_eq!(metrics(&gate).value("cartgate_ready"), 0.0);
    // It reports the drain, and still accepts requests.
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
}

#[test]
fn the_admin_listener_answers_while_the_last_deliveries_end() {
    let (app, hold) = App::holding();
    let mut gate = setup(&app).start();
    let mut client = gate.client();
    client.send(genuine(BODY));
    app.wait_for(1);
    gate.stop();
    wait_until("it is not ready", || {
        get(gate.admin(), "/readyz").status == 503
    });
    assert_eq!(metrics(&gate).value("cartgate_connections"), 1.0);
    hold.open();
    assert_eq!(client.answer().status, 200);
    gate.join();
}

#[test]
fn the_health_path_says_only_that() {
    let app = App::content();
    let gate = with_health_path(setup(&app));
    let before = metrics(&gate);
    for method in ["GET", "HEAD", "OPTIONS"] {
        let reply = probe(&gate, method);
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{method}");
        let names = reply.head.lines().skip(1);
        let mut names: Vec<_> = names
            .filter_map(|line| line.split(':').next())
            .map(str::to_ascii_lowercase)
            .collect();
        // hyper declares the length of a body only if one could follow.
        names.retain(|name| name != "content-length");
        names.sort();
        assert_eq!(names, ["connection", "date"], "{method}");
    }
    let mut grown = metrics(&gate).grown_since(&before);
    grown.remove("process_cpu_seconds_total");
    assert_eq!(
        grown.into_keys().collect::<Vec<_>>(),
        ["cartgate_connections_accepted_total"]
    );
    // All other methods and paths are unchanged.
    assert_eq!(
        gate.client()
            .ask(request("POST /up HTTP/1.1", "", b""))
            .status,
        404
    );
    assert_eq!(
        gate.client()
            .ask(request("GET /up/ HTTP/1.1", "", b""))
            .status,
        404
    );
}

#[test]
fn the_health_path_takes_nothing_from_an_endpoint_but_its_question() {
    let app = App::content();
    let gate = with_health_path(setup(&app).with(|setup| {
        setup.path = "/*".parse().expect("every path");
    }));
    assert_eq!(probe(&gate, "GET").status, 200);
    let delivery = request("POST /up HTTP/1.1", &signature_line(BODY), BODY);
    assert_eq!(gate.client().ask(delivery).status, 200);
    assert_eq!(app.only().target, "/up");
}

#[test]
fn without_a_health_path_there_is_none() {
    let app = App::content();
    let gate = setup(&app).start();
    assert_eq!(
        gate.client()
            .ask(request("GET /up HTTP/1.1", "", b""))
            .status,
        404
    );
}

/// Returns the whole response to these bytes. The connection must end after it.
fn raw(gate: &Gate, bytes: &str) -> String {
    let mut stream = TcpStream::connect(gate.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(bytes.as_bytes()).expect("it takes it");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    response
}

#[test]
fn plain_health_checks_without_a_host_are_answered_and_closed() {
    let app = App::content();
    let gate = with_health_path(setup(&app));
    for request in [
        // HAProxy's `option httpchk` with a path, and with a method.
        "OPTIONS /up HTTP/1.0\r\n\r\n",
        "GET /up HTTP/1.0\r\n\r\n",
        "HEAD /up HTTP/1.0\r\nUser-Agent: monitor\r\n\r\n",
        "GET /up HTTP/1.1\r\n\r\n",
        "GET /up HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /up HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        // Bytes after ambiguous framing are never read as a request.
        "GET /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nGET /up HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let response = raw(&gate, request);
        assert!(response.contains(" 200 OK\r\n"), "{request:?}: {response}");
        assert_eq!(
            response.matches("HTTP/1").count(),
            1,
            "{request:?}: {response}"
        );
    }
    // Only the health path is exempt.
    let response = raw(&gate, "GET / HTTP/1.0\r\n\r\n");
    assert!(response.contains(" 400 "), "{response}");
}
