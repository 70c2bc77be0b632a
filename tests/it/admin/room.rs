//! The metrics of the limits: connections, memory, evictions.

use super::{api, metrics, setup};
use crate::support::{App, BODY, Gate, genuine, wait_until};

fn value(gate: &Gate, series: &str) -> f64 {
    metrics(gate).value(series)
}

#[test]
fn who_finds_no_place_and_who_loses_it_is_counted() {
    let (app, hold) = App::holding();
    let gate = setup(&app)
        .with(|setup| setup.config.limits.connections = 1)
        .start();
    let mut idle = gate.client();
    wait_until("it is in", || value(&gate, "cartgate_connections") == 1.0);
    // A new connection replaces an idle one.
    let mut busy = gate.client();
    busy.send(genuine(BODY));
    app.wait_for(1);
    idle.is_gone();
    assert_eq!(value(&gate, "cartgate_evicted_total"), 1.0);
    assert_eq!(value(&gate, "cartgate_connections_accepted_total"), 2.0);
    assert_eq!(value(&gate, "cartgate_connections_refused_total"), 0.0);

    // But not the connection of a verified delivery.
    let mut third = gate.client();
    assert_eq!(third.answer().status, 503);
    assert_eq!(value(&gate, "cartgate_connections_refused_total"), 1.0);
    let full = r#"cartgate_requests_total{endpoint="",verdict="rejected",reason="full"}"#;
    assert_eq!(value(&gate, full), 1.0);
    hold.open();
    assert_eq!(busy.answer().status, 200);
    assert_eq!(value(&gate, "cartgate_connections_limit"), 1.0);
}

#[test]
fn the_memory_of_a_large_body_is_shown_until_it_is_given_back() {
    let app = App::content();
    let gate = setup(&app).start();
    let body = vec![b'x'; 512 * 1024];
    let request = genuine(&body);
    let (most, rest) = request.split_at(request.len() - 1);
    let mut client = gate.client();
    client.send(most);
    let held = "cartgate_memory_held_bytes";
    wait_until("it is held", || value(&gate, held) >= 512.0 * 1024.0);
    assert_eq!(client.ask(rest).status, 200);
    drop(client);
    wait_until("it is given back", || value(&gate, held) == 0.0);
    let large = r#"cartgate_body_bytes_bucket{le="262144.0",endpoint="hooks"}"#;
    assert_eq!(value(&gate, large), 0.0);
    let page = metrics(&gate);
    assert_eq!(page.value(&large.replace("262144", "1048576")), 1.0);
}

#[test]
fn the_logs_dropped_lines_are_shown() {
    let app = App::content();
    let gate = setup(&app).start();
    assert_eq!(value(&gate, "cartgate_log_lines_dropped_total"), 0.0);
    gate.metrics.dropped_lines_from(|| 7);
    assert_eq!(value(&gate, "cartgate_log_lines_dropped_total"), 7.0);
    let report = api(&gate, "GET /api/v1/status");
    assert!(
        report.body.contains(r#""log_lines_dropped":7"#),
        "{report:?}"
    );
}
