//! The changes that an operator configures for a delivery's head (queries, headers, `Host`, a
//! second signature), and its trace.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use cartgate::{
    destination::{HostRule, webhooks::Signer},
    endpoint::Query,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use tower_cartgate::Secret;

use crate::support::{
    App, BODY, Recorded, Setup, Then, app::answer, genuine, genuine_in_chunks, request,
    signature_line,
};

/// Sends a delivery with these header lines; returns the request that the app got.
fn delivered(setup: Setup, app: &App, lines: &str) -> Recorded {
    let lines = signature_line(BODY) + lines;
    let wire = request("POST /hooks?a=b HTTP/1.1", &lines, BODY);
    assert_eq!(setup.start().client().ask(wire).status, 200);
    app.only()
}

fn with_query(app: &App, query: Query) -> Setup {
    Setup::before(app).with(|setup| setup.query = query)
}

#[test]
fn a_query_is_passed_unless_the_endpoint_says_otherwise() {
    for (query, expected) in [
        (Query::Pass, ["/a?b=c", "/a?", "/a", "/?x"]),
        (Query::Drop, ["/a", "/a", "/a", "/"]),
    ] {
        let app = App::content();
        let gate = with_query(&app, query).start();
        for target in ["/a?b=c", "/a?", "/a", "http://gate.example?x"] {
            let line = format!("POST {target} HTTP/1.1");
            let wire = request(&line, &signature_line(BODY), BODY);
            assert_eq!(gate.client().ask(wire).status, 200, "{target}");
        }
        let targets: Vec<_> = app.requests().into_iter().map(|r| r.target).collect();
        assert_eq!(targets, expected);
    }
}

#[test]
fn a_destinations_own_query_stays_whatever_becomes_of_the_clients() {
    let app = App::content();
    let setup = Setup::at(&format!("{}/in?key=1", app.url));
    let setup = setup.with(|setup| setup.query = Query::Drop);
    assert_eq!(delivered(setup, &app, "").target, "/in?key=1");
}

#[test]
fn a_refused_query_costs_no_reading() {
    watch_the_log();
    let app = App::content();
    let gate = with_query(&app, Query::Refuse).start();
    for target in [
        &*format!("/{MARK}/refused?planted"),
        "/hooks?",
        "http://gate.example?",
    ] {
        // The body never arrives, so the response can only be to the head.
        let wire = request(
            &format!("POST {target} HTTP/1.1"),
            &signature_line(BODY),
            b"",
        );
        let wire = String::from_utf8(wire).expect("text");
        let wire = wire.replace("Content-Length: 0", "Content-Length: 5");
        let answer = gate.client().ask(wire);
        assert_eq!(answer.status, 400, "{target}");
        let denied = Some("cartgate; error=http_request_denied");
        assert_eq!(answer.header("proxy-status"), denied);
    }
    assert_eq!(app.count(), 0);
    let lines = marked("/refused");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("reason=\"query\""), "{lines:#?}");
    assert!(!lines[0].contains("planted"), "{lines:#?}");
}

#[test]
fn a_refused_query_does_not_cost_the_connection() {
    let app = App::content();
    let gate = with_query(&app, Query::Refuse).start();
    let mut client = gate.client();
    let refused = request("POST /hooks?a=b HTTP/1.1", &signature_line(b""), b"");
    assert_eq!(client.ask(refused).status, 400);
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    assert_eq!(app.only().target, "/hooks");
}

#[test]
fn an_endpoint_adds_and_drops_headers() {
    let app = App::content();
    let setup = Setup::before(&app).with(|setup| {
        let add = &mut setup.headers.add;
        add.insert("x-shop", HeaderValue::from_static("north"));
        add.insert("x-tag", HeaderValue::from_static("one"));
        add.append("x-tag", HeaderValue::from_static("two"));
        setup.headers.drop = ["user-agent", "x-noise"]
            .map(HeaderName::from_static)
            .into();
    });
    let lines =
        "X-Shop: forged\r\nx-shop: forged too\r\nUser-Agent: a\r\nX-Noise: b\r\nX-Own: c\r\n";
    let request = delivered(setup, &app, lines);
    assert_eq!(request.header("x-shop"), Some("north"));
    assert_eq!(all(&request, "x-tag"), ["one", "two"]);
    assert_eq!(request.header("user-agent"), None);
    assert_eq!(request.header("x-noise"), None);
    assert_eq!(request.header("x-own"), Some("c"));
}

#[test]
fn no_added_header_takes_the_place_of_the_gates_word() {
    let app = App::content();
    let setup = Setup::before(&app).with(|setup| {
        for name in ["x-cartgate-verdict", "content-length", "host", "webhook-id"] {
            let value = HeaderValue::from_static("forged");
            setup.headers.add.insert(name, value);
            let secret = Secret::new("forged").expect("a secret");
            let name = HeaderName::from_static(name);
            let inserted = setup.settings.headers.insert(name, &secret);
            inserted.expect("a value");
        }
        setup.settings.sign = Some(signer(SIGNING));
    });
    let request = delivered(setup, &app, "");
    assert_eq!(request.header("x-cartgate-verdict"), Some("verified"));
    assert_eq!(request.header("content-length"), Some("5"));
    assert_eq!(request.header("host"), app.url.strip_prefix("http://"));
    assert_eq!(
        request.header("webhook-id"),
        request.header("x-cartgate-delivery")
    );
}

fn all<'a>(request: &'a Recorded, name: &str) -> Vec<&'a str> {
    let named = request
        .headers
        .iter()
        .filter(|(own, _)| own.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

/// The mark of each line in the test of the log, and of the secret that no line may contain.
const MARK: &str = "heads-7f3a";
const TOKEN: &str = "Bearer planted-heads-7f3a";

#[test]
fn a_destinations_fixed_header_is_in_its_requests_and_in_no_log() {
    watch_the_log();
    let app = App::tcp(|request, wire| {
        match request.body.len() {
            0 => return Ok(Then::Close),
            5 => wire.write_all(&answer("200 OK", "", b""))?,
            _ => wire.write_all(&answer("422 Unprocessable Content", "", b""))?,
        }
        Ok(Then::Keep)
    });
    let setup = Setup::before(&app).with(|setup| {
        let token = Secret::new(TOKEN).expect("a secret");
        let inserted = setup
            .settings
            .headers
            .insert(http::header::AUTHORIZATION, &token);
        inserted.expect("a value");
        setup.settings.sign = Some(signer(SIGNING));
    });
    let gate = setup.config(&[("current", b"any")]);
    let shown = format!("{:?} {gate:#?} {:#?}", setup.settings, gate.endpoints);
    assert!(shown.contains("authorization"), "{shown}");
    assert!(
        !shown.contains("planted") && !shown.contains("C2FV"),
        "{shown}"
    );

    let gate = setup.start();
    for (body, status) in [(&b""[..], 502), (BODY, 200), (b"six***", 422)] {
        let lines = signature_line(body) + "Authorization: theirs\r\n";
        let wire = request(&format!("POST /{MARK} HTTP/1.1"), &lines, body);
        assert_eq!(gate.client().ask(wire).status, status);
    }
    for request in app.requests() {
        assert_eq!(request.header("authorization"), Some(TOKEN));
    }
    let lines = marked("");
    assert!(lines.len() >= 3, "{lines:#?}");
    assert!(
        lines.iter().all(|line| !line.contains("planted")),
        "{lines:#?}"
    );
}

/// The marked lines of this process. All lines would be too many.
static MARKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn marked(also: &str) -> Vec<String> {
    let lines = MARKED.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = lines.iter().filter(|line| line.contains(also));
    lines.cloned().collect()
}

struct Marked;

impl io::Write for Marked {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if text.contains(MARK) {
            let mut lines = MARKED.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the lines of the whole process, because the workers of a gate have their own threads.
fn watch_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false);
        log.with_writer(|| Marked).init();
    });
}

#[test]
fn host_is_the_destinations_the_clients_or_a_fixed_one() {
    let fixed = HostRule::fixed("shop.example:8443").expect("a host");
    for (rule, expected) in [
        (HostRule::Own, None),
        (HostRule::Preserve, Some("gate.example")),
        (fixed, Some("shop.example:8443")),
    ] {
        let app = App::content();
        let setup = Setup::before(&app).with(|setup| setup.settings.host = rule);
        let request = delivered(setup, &app, "");
        let expected = expected.or(app.url.strip_prefix("http://"));
        assert_eq!(request.header("host"), expected);
        assert_eq!(request.header("x-forwarded-host"), Some("gate.example"));
    }
}

const SIGNING: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NEXT: &str = "whsec_bmV4dCBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4=";

fn signer(secret: &str) -> Signer {
    Signer::new(&Secret::new(secret).expect("a secret")).expect("it signs")
}

fn signing(app: &App, signer: Signer) -> Setup {
    Setup::before(app).with(|setup| setup.settings.sign = Some(signer))
}

/// Returns whether an independent implementation accepts the request that the app got.
fn is_believed(secret: &str, request: &Recorded) -> bool {
    let lines = request.headers.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().expect("a name");
        let value: HeaderValue = value.parse().expect("a value");
        (name, value)
    });
    let headers: HeaderMap = lines.collect();
    let theirs = Webhook::new(secret).expect("a secret");
    theirs.verify(&request.body, &headers).is_ok()
}

#[test]
fn another_implementation_believes_what_was_signed_anew() {
    let app = App::content();
    let gate = signing(&app, signer(SIGNING)).start();
    let large = vec![b'x'; 300_000];
    for wire in [
        genuine(BODY),
        genuine(b""),
        genuine(&large),
        genuine_in_chunks(BODY, 1),
        genuine_in_chunks(&large, 100_000),
    ] {
        let answer = gate.client().ask(wire);
        assert_eq!(answer.status, 200);
        let mut request = app.requests().pop().expect("it came");
        assert!(is_believed(SIGNING, &request), "{:?}", request.headers);
        let id = answer.header("x-cartgate-delivery");
        assert_eq!(request.header("webhook-id"), id);
        assert!(!is_believed(NEXT, &request));
        request.body.push(b'x');
        assert!(!is_believed(SIGNING, &request));
    }
    assert_eq!(app.count(), 5);
}

#[test]
fn an_app_may_hold_either_secret_while_one_follows_the_other() {
    let app = App::content();
    let next = Secret::new(NEXT).expect("a secret");
    let both = signer(SIGNING).also(&next).expect("it signs");
    let request = delivered(signing(&app, both), &app, "");
    assert!(is_believed(SIGNING, &request) && is_believed(NEXT, &request));
}

const THEIRS: &str = "Webhook-Id: theirs\r\nWebhook-Timestamp: 1\r\nWebhook-Signature: v1,theirs\r\n\
     Webhook-Anything: theirs\r\n";

#[test]
fn a_senders_webhook_headers_are_never_passed() {
    let app = App::content();
    let request = delivered(signing(&app, signer(SIGNING)), &app, THEIRS);
    assert!(is_believed(SIGNING, &request));
    assert_eq!(request.header("webhook-anything"), None);
    let app = App::content();
    let request = delivered(Setup::before(&app), &app, THEIRS);
    for (name, _) in &request.headers {
        assert!(!name.to_ascii_lowercase().starts_with("webhook-"), "{name}");
    }
}

#[test]
fn a_valid_trace_is_passed_and_another_started() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let app = App::content();
    let lines = format!("Traceparent: {PARENT}\r\ntracestate: a=1\r\nTraceState: b=2\r\n");
    let passed = delivered(Setup::before(&app), &app, &lines);
    assert_eq!(passed.header("traceparent"), Some(PARENT));
    assert_eq!(all(&passed, "tracestate"), ["a=1", "b=2"]);

    for lines in [
        String::new(),
        "tracestate: a=1\r\n".to_owned(),
        format!("traceparent: {PARENT}\r\n{lines}"),
        "traceparent: 00-1-2-00\r\ntracestate: a=1\r\n".to_owned(),
    ] {
        let app = App::content();
        let started = delivered(Setup::before(&app), &app, &lines);
        let id = started.header("x-cartgate-delivery").expect("an id");
        let id = id.replace('-', "");
        let expected = format!("00-{id}-{}-00", &id[16..]);
        assert_eq!(started.header("traceparent"), Some(&*expected), "{lines}");
        assert_eq!(started.header("tracestate"), None, "{lines}");
    }
}
