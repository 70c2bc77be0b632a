//! Which deliveries are kept, and how many.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Keeping, OLD_SECRET, kept, refused};
use crate::support::{BODY, Gate, SECRET, Setup, forged, genuine, request, sign_with};

fn forged_by(source: &str, body: &[u8]) -> Vec<u8> {
    let signature = sign_with(OLD_SECRET, b"something else");
    let lines =
        format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\nX-Forwarded-For: 9.9.9.9, {source}\r\n");
    request("POST /hooks HTTP/1.1", &lines, body)
}

#[test]
fn a_mismatch_is_kept_as_it_came_and_for_its_owner_alone() {
    let keeping = Keeping::new();
    let gate = keeping.gate();
    let body = [b"\0\xff\r\n\r\nplanted".as_slice(), &[b'a'; 200_000]].concat();
    let signature = sign_with(OLD_SECRET, &body);
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {signature}\r\nX-Twice: 1\r\nX-Twice: 2\r\n\
         X-Cartgate-Source: 9.9.9.9\r\nX-Cartgate-Verdict: verified\r\n"
    );
    let request = request("PUT /hooks?shop=%201 HTTP/1.1", &lines, &body);
    let id = refused(&mut gate.client(), request);
    let file = keeping.file(&id);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&keeping.settings.dir)), (0o600, 0o700));
    let refused = kept(&file);
    assert!(refused.bytes() == body, "the body is another");
    assert_eq!(
        (refused.method.as_str(), refused.target.as_str()),
        ("PUT", "/hooks?shop=%201")
    );
    assert_eq!(refused.headers["x-cartfunnel-hmac-sha256"], signature);
    assert_eq!(refused.headers["host"], "gate.example");
    assert_eq!(refused.headers.get_all("x-twice").iter().count(), 2);
    assert_eq!(
        (refused.endpoint.as_bytes(), refused.peer.as_bytes()),
        (&b"hooks"[..], &b"127.0.0.1"[..])
    );
    assert_eq!(refused.source.to_string(), "127.0.0.1");

    // As it is, it is a request again: the gate refuses it as before, and forgets what it said itself.
    let again = gate.client().ask(fs::read(&file).expect("a file"));
    assert_eq!(again.status, 401);
    let again = kept(&keeping.file(again.header("x-cartgate-delivery").expect("an id")));
    assert_eq!(again.headers, refused.headers);
}

#[test]
fn only_well_formed_signatures_that_no_secret_makes_are_kept() {
    let keeping = Keeping::new();
    let gate = keeping.gate();
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    for lines in ["", "X-Cartfunnel-Hmac-SHA256: c2hvcnQ=\r\n"] {
        refused(
            &mut gate.client(),
            request("POST /hooks HTTP/1.1", lines, BODY),
        );
    }
    let id = refused(&mut gate.client(), forged(BODY));
    let only = keeping.file(&id);
    assert_eq!(keeping.files(), [only]);
}

#[test]
fn nothing_is_kept_unless_asked() {
    let keeping = Keeping::new();
    refused(&mut Gate::before(&keeping.app).client(), forged(BODY));
    assert!(!keeping.settings.dir.exists());
}

#[test]
fn a_flood_from_one_source_leaves_the_others_alone_also_over_a_restart() {
    let mut keeping = Keeping::new();
    keeping.settings.count = 16;
    keeping.settings.bytes = 64 * 1024;
    for round in 0..2 {
        let gate = keeping.gate_behind_a_proxy();
        let mut client = gate.client();
        if round == 0 {
            refused(&mut client, forged_by("192.0.2.1", BODY));
        }
        let mut last = String::new();
        (0..6).for_each(|_| last = refused(&mut client, forged_by("198.51.100.1", BODY)));
        keeping.file(&last);
        let flood = ["198.51.100.1"; 4];
        assert_eq!(
            keeping.sources(),
            [&["192.0.2.1"][..], &flood].concat(),
            "round {round}"
        );
    }
}

#[test]
fn count_and_bytes_hold_whoever_floods() {
    for (count, bytes) in [(8, 1024 * 1024), (1000, 16 * 1024)] {
        let mut keeping = Keeping::new();
        (keeping.settings.count, keeping.settings.bytes) = (count, bytes);
        let gate = keeping.gate_behind_a_proxy();
        let mut client = gate.client();
        let first = refused(&mut client, forged_by("192.0.2.1", &[b'a'; 1000]));
        let mut last = String::new();
        for subnet in 0..24 {
            let source = format!("2001:db8:0:{subnet:x}::1");
            last = refused(&mut client, forged_by(&source, &[b'a'; 1000]));
        }
        keeping.file(&last);
        let files = keeping.files();
        let length = |file: &PathBuf| fs::metadata(file).expect("there").len();
        assert!(files.len() as u64 <= count, "{} files", files.len());
        assert!(files.iter().map(length).sum::<u64>() <= bytes);
        assert!(files.len() >= 7, "{} files", files.len());
        assert!(
            files[0].display().to_string().contains(&first),
            "the network that holds least stays"
        );
    }
}

#[test]
fn a_gate_that_cannot_keep_does_not_start() {
    let keeping = Keeping::new();
    fs::write(&keeping.settings.dir, b"a file").expect("written");
    let mut config = Setup::before(&keeping.app).config(&[("current", SECRET)]);
    std::sync::Arc::make_mut(&mut config).keep_refused = Some(keeping.settings.clone());
    let (_sender, config) = tokio::sync::watch::channel(config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(cartgate::serve(
        cartgate::Resources::with_listeners(Vec::new()),
        config,
        std::future::ready(()),
    ));
    let error = ended.expect_err("it cannot keep").to_string();
    assert!(
        error.contains(&keeping.settings.dir.display().to_string()),
        "{error}"
    );
}

#[test]
fn the_memory_of_what_was_kept_or_dropped_is_given_back() {
    let mut keeping = Keeping::new();
    keeping.settings.share = 1;
    let settings = keeping.settings.clone();
    let gate = Setup::before(&keeping.app)
        .with(|setup| {
            setup.config.limits.memory = 8 * 1024 * 1024;
            setup.config.keep_refused = Some(settings);
        })
        .start();
    let body = [b'a'; 200_000];
    // Far more than the budget, also beside the most that may wait for the disk.
    for _ in 0..60 {
        refused(&mut gate.client(), forged(&body));
    }
    assert_eq!(gate.client().ask(genuine(&body)).status, 200);
}
