//! The counters: they count exactly the events, in series that no client can add to.

use std::{collections::BTreeMap, net::TcpListener};

use super::{get, metrics, openmetrics::Page, setup, with_everything};
use crate::support::{
    App, BODY, Gate, SECRET, Then, app, forged, genuine, request, signature_line, wait_until,
};

/// Returns the series that have grown since, without the connections of the scrapes.
#[track_caller]
fn assert_grown(page: &Page, before: &Page, wanted: &[(&str, f64)]) {
    let mut grown = page.grown_since(before);
    grown.remove("process_cpu_seconds_total");
    grown.remove("cartgate_connections_accepted_total");
    let wanted: BTreeMap<_, _> = wanted
        .iter()
        .map(|(series, by)| ((*series).to_owned(), *by))
        .collect();
    assert_eq!(grown, wanted);
}

fn send(gate: &Gate, request: impl AsRef<[u8]>, status: u16) {
    assert_eq!(gate.client().ask(request).status, status);
}

#[test]
fn each_end_of_a_request_is_counted_once_and_where_it_belongs() {
    let app = App::content();
    let gate = setup(&app).start();
    let before = metrics(&gate);
    for _ in 0..3 {
        send(&gate, genuine(BODY), 200);
    }
    for _ in 0..2 {
        send(&gate, forged(BODY), 401);
    }
    let signed = |line: &str| request("POST /hooks HTTP/1.1", line, BODY);
    send(&gate, signed("X-Cartfunnel-Hmac-SHA256: planted\r\n"), 401);
    send(&gate, signed(""), 401);
    send(&gate, request("GET /hooks HTTP/1.1", "", b""), 405);
    send(
        &gate,
        request("POST /nowhere HTTP/1.1", &signature_line(BODY), BODY),
        404,
    );
    send(&gate, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    send(
        &gate,
        "POST /hooks HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        400,
    );
    send(&gate, "nonsense\r\n\r\n", 400);

    let after = metrics(&gate);
    let refused = |endpoint, reason| {
        format!(
            r#"cartgate_requests_total{{endpoint="{endpoint}",verdict="rejected",reason="{reason}"}}"#
        )
    };
    assert_grown(
        &after,
        &before,
        &[
            (
                r#"cartgate_requests_total{endpoint="hooks",verdict="verified",reason=""}"#,
                3.0,
            ),
            (
                r#"cartgate_matched_total{endpoint="hooks",secret="current"}"#,
                3.0,
            ),
            (
                r#"cartgate_destination_attempts_total{destination="app",result="2xx"}"#,
                3.0,
            ),
            (&refused("hooks", "mismatch"), 2.0),
            (&refused("hooks", "signature-malformed"), 1.0),
            (&refused("hooks", "signature-missing"), 1.0),
            (&refused("hooks", "method"), 1.0),
            (&refused("", "no-endpoint"), 2.0),
            (&refused("", "host"), 1.0),
            (&refused("", "malformed"), 1.0),
        ],
    );
    // Three verified and two forged bodies of five bytes each were read; the rest was not.
    let sizes = |part| {
        after.value(&format!(
            r#"cartgate_body_bytes_{part}{{endpoint="hooks"}}"#
        ))
    };
    assert_eq!((sizes("count"), sizes("sum")), (5.0, 25.0));
    let took = r#"cartgate_request_duration_seconds_count{endpoint="hooks"}"#;
    assert_eq!(after.value(took), 8.0);
    let attempts = r#"cartgate_destination_duration_seconds_count{destination="app"}"#;
    assert_eq!(after.value(attempts), 3.0);
    assert!(after.has(r#"cartgate_last_verified_timestamp_seconds{endpoint="hooks"}"#));
    assert_eq!(after.value("cartgate_memory_limit_bytes"), 268_435_456.0);
    assert_eq!(after.value("cartgate_connections_limit"), 10_000.0);
}

#[test]
fn what_a_destination_did_not_take_is_counted_by_why() {
    let refusing = App::tcp(|_, wire| {
        wire.write_all(&app::answer("500 Internal Server Error", "", b""))?;
        Ok(Then::Keep)
    });
    let gate = setup(&refusing).start();
    let before = metrics(&gate);
    send(&gate, genuine(BODY), 500);
    let verified = r#"cartgate_requests_total{endpoint="hooks",verdict="verified",reason=""}"#;
    let matched = r#"cartgate_matched_total{endpoint="hooks",secret="current"}"#;
    let not_taken = |reason| {
        format!(
            r#"cartgate_not_taken_total{{endpoint="hooks",destination="app",reason="{reason}"}}"#
        )
    };
    let attempts = |result| {
        format!(r#"cartgate_destination_attempts_total{{destination="app",result="{result}"}}"#)
    };
    assert_grown(
        &metrics(&gate),
        &before,
        &[
            (verified, 1.0),
            (matched, 1.0),
            (&not_taken("destination-answered"), 1.0),
            (&attempts("5xx"), 1.0),
        ],
    );

    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let gate = setup(&refusing).with(|setup| setup.upstream = url).start();
    let before = metrics(&gate);
    send(&gate, genuine(BODY), 502);
    assert_grown(
        &metrics(&gate),
        &before,
        &[
            (verified, 1.0),
            (matched, 1.0),
            (&not_taken("destination-refused"), 1.0),
            (&attempts("destination-refused"), 1.0),
        ],
    );
}

#[test]
fn no_client_makes_a_series() {
    let app = App::content();
    let gate = setup(&app).start();
    send(&gate, genuine(BODY), 200);
    let before = metrics(&gate);
    let (mut client, mut refused) = (gate.client(), 0.0);
    for number in 0..200 {
        let method = ["POST", "GET", "PATCH", "BREW"][number % 4];
        let path = ["/hooks", "/random"][number / 4 % 2];
        let unique = format!("planted{number}");
        let first = format!(
            "{method} {path}{} HTTP/1.1",
            if path == "/hooks" { "" } else { &unique }
        );
        let lines = format!("X-Cartfunnel-Hmac-SHA256: {unique}\r\nX-{unique}: {unique}\r\n");
        let host = format!("{first}\r\nHost: {unique}.example\r\nContent-Length: 0\r\n{lines}\r\n");
        assert!(client.ask(host).status >= 401);
        refused += 1.0;
    }
    let after = metrics(&gate);
    assert_eq!(after.names(), before.names());
    let grown = after.grown_since(&before);
    let requests = grown
        .iter()
        .filter(|(series, _)| series.starts_with("cartgate_requests"));
    assert_eq!(requests.map(|(_, by)| by).sum::<f64>(), refused);
    assert!(
        after
            .names()
            .iter()
            .all(|series| !series.contains("planted"))
    );
}

#[test]
fn no_secret_and_nothing_of_a_delivery_is_shown() {
    let app = App::content();
    let token = b"planted-admin-token";
    let gate = setup(&app)
        .with(|setup| {
            let token = tower_cartgate::Secret::new(&token[..]).expect("a token");
            setup.config.admin.token = Some(token);
        })
        .start();
    let lines = signature_line(b"planted-payload") + "X-Shop: planted-header\r\n";
    let first = "POST /hooks?planted-query HTTP/1.1";
    send(&gate, request(first, &lines, b"planted-payload"), 200);
    send(&gate, request(first, &lines, b"planted-forgery"), 401);
    let address = gate.admin();
    for path in ["/metrics", "/api/v1/status", "/healthz", "/readyz"] {
        let lines = "Host: localhost\r\nAuthorization: Bearer planted-admin-token\r\n";
        let reply = super::ask(address, &format!("GET {path}"), lines);
        assert_eq!(reply.status, 200);
        assert!(
            !reply.body.contains("planted") && !reply.head.contains("planted"),
            "{path}"
        );
        let secret = std::str::from_utf8(SECRET).expect("text");
        assert!(!reply.body.contains(secret));
    }
    assert_eq!(get(address, "/metrics").status, 401);
}

#[test]
fn the_documents_list_each_metric_that_there_is() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let gate = with_everything(&app, dir.path());
    let page = metrics(&gate);
    let sample = |family: &String, kind: &String| match kind.as_str() {
        "counter" => format!("{family}_total"),
        _ => family.clone(),
    };
    let there_are: BTreeMap<_, _> = page
        .families
        .iter()
        .map(|(family, (kind, _))| (sample(family, kind), (kind.clone(), labels(&page, family))))
        .collect();
    let documents = include_str!("../../../docs/metrics.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        let kind = cells.next()?.to_owned();
        let labels = cells.next()?.replace('`', "");
        Some((name, (kind, labels)))
    };
    let listed: BTreeMap<_, _> = documents.lines().filter_map(row).collect();
    assert_eq!(listed, there_are);
}

/// Returns the labels of the first series of a family.
fn labels(page: &Page, family: &str) -> String {
    let of_family = |series: &&&str| {
        let name = series.split('{').next().unwrap_or_default();
        let suffix = name.strip_prefix(family);
        suffix.is_some_and(|suffix| ["", "_total", "_count"].contains(&suffix))
    };
    let names = page.names();
    let series = names.iter().find(of_family);
    let series = series.unwrap_or_else(|| panic!("{family} has no series"));
    let labels = series.split_once('{').map_or("", |(_, labels)| labels);
    let names = labels
        .split("\",")
        .filter_map(|label| label.split_once('='));
    names.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

#[test]
fn saved_rejections_are_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = cartgate::rejected::Settings::new(dir.path().join("rejected"));
    let app = App::content();
    let gate = setup(&app)
        .with(|setup| setup.config.rejected = Some(settings))
        .start();
    let saved = r#"cartgate_saved_rejections_total{result="saved"}"#;
    assert!(metrics(&gate).value(saved).abs() < 0.5);
    send(&gate, forged(BODY), 401);
    // The 401 does not wait for the file.
    wait_until("it is saved", || metrics(&gate).value(saved) > 0.5);
}
