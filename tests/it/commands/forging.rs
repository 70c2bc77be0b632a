//! `cartgate send --forge`.

use super::Bench;
use super::server::{HEADER, Server, is_true, verifying};

#[test]
fn every_forgery_is_rejected_by_a_server_that_verifies() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    let ran = bench
        .run(&[
            "send",
            &server.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(0);
    assert_eq!(ran.stdout.lines().count(), 17, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("rejected").count(), 15, "{}", ran.stdout);
    assert_eq!(ran.stderr, "");

    let requests = server.requests();
    assert_eq!(requests.len(), 16);
    let lines = |count| {
        requests
            .iter()
            .filter(|raw| raw.headers.get_all(HEADER).iter().count() == count)
            .count()
    };
    assert_eq!(
        (lines(0), lines(2)),
        (1, 1),
        "missing is none, duplicate is two lines"
    );
    let passed: Vec<_> = requests
        .iter()
        .filter(|raw| is_true(raw))
        .map(|raw| &*raw.method)
        .collect();
    assert_eq!(passed, ["PUT"], "only the replay");
}

#[test]
fn a_forgery_that_gets_in_is_a_no() {
    let (bench, open) = (Bench::new(), Server::tcp(|_| "200 OK"));
    let ran = bench
        .run(&[
            "send",
            &open.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(1);
    assert_eq!(ran.stdout.matches("GOT IN").count(), 15, "{}", ran.stdout);
    assert!(ran.stderr.contains("15 passed"), "{}", ran.stderr);
    let one = bench
        .run(&[
            "send",
            &open.url,
            "--secret-file",
            "secret",
            "--forge",
            "hex",
            "--json",
        ])
        .ends(1)
        .json();
    assert_eq!(one["forgeries"][0]["verdict"], "got-in");
}

#[test]
fn an_answer_that_judged_nothing_is_no_refusal() {
    for status in [
        "404 Not Found",
        "502 Bad Gateway",
        "503 Service Unavailable",
    ] {
        let server = Server::tcp(move |_| status);
        let ran = Bench::new()
            .run(&[
                "send",
                &server.url,
                "--secret-file",
                "secret",
                "--forge",
                "sha1",
            ])
            .ends(1);
        assert!(ran.stdout.contains("unclear"), "{status}: {}", ran.stdout);
    }
}

#[test]
fn a_gate_with_another_secret_is_noticed() {
    let server =
        Server::tcp(|_| "401 Unauthorized\r\nProxy-Status: cartgate; error=http_request_denied");
    let ran = Bench::new()
        .run(&[
            "send",
            &server.url,
            "--secret-file",
            "secret",
            "--forge",
            "all",
        ])
        .ends(0);
    assert!(
        ran.stderr.contains("the receiver has another secret"),
        "{}",
        ran.stderr
    );
}

#[test]
fn forgeries_of_a_body_that_is_no_json_skip_what_needs_it() {
    let (bench, server) = (Bench::new(), Server::tcp(verifying));
    bench.file("text", "plain text");
    let args = [
        "send",
        &server.url,
        "--secret-file",
        "secret",
        "--body",
        "text",
        "--forge",
    ];
    let ran = bench.run(&[&args[..], &["all"]].concat()).ends(0);
    assert!(ran.stdout.contains("not sent"), "{}", ran.stdout);
    bench
        .run(&[&args[..], &["re-serialized-json"]].concat())
        .ends(2);
}
