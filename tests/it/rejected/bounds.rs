//! Tests of the files and of their limits.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{OLD_SECRET, Site, rejected, saved};
use crate::support::{BODY, Gate, SECRET, Setup, forged, genuine, request, sign_with};

fn forged_by(source: &str, body: &[u8]) -> Vec<u8> {
    let signature = sign_with(OLD_SECRET, b"something else");
    let lines =
        format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\nX-Forwarded-For: 9.9.9.9, {source}\r\n");
    request("POST /hooks HTTP/1.1", &lines, body)
}

#[test]
fn a_mismatch_is_saved_as_received_and_for_its_owner_alone() {
    let site = Site::new();
    let gate = site.gate();
    let body = [b"\0\xff\r\n\r\nplanted".as_slice(), &[b'a'; 200_000]].concat();
    let signature = sign_with(OLD_SECRET, &body);
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {signature}\r\nX-Twice: 1\r\nX-Twice: 2\r\n\
         X-Cartgate-Source: 9.9.9.9\r\nX-Cartgate-Verdict: verified\r\n"
    );
    let request = request("PUT /hooks?shop=%201 HTTP/1.1", &lines, &body);
    let id = rejected(&mut gate.client(), request);
    let file = site.file(&id);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&site.settings.dir)), (0o600, 0o700));
    let rejection = saved(&file);
    assert!(rejection.bytes() == body, "the body is another");
    assert_eq!(
        (rejection.method.as_str(), rejection.target.as_str()),
        ("PUT", "/hooks?shop=%201")
    );
    assert_eq!(rejection.headers["x-cartfunnel-hmac-sha256"], signature);
    assert_eq!(rejection.headers["host"], "gate.example");
    assert_eq!(rejection.headers.get_all("x-twice").iter().count(), 2);
    assert_eq!(
        (rejection.endpoint.as_bytes(), rejection.peer.as_bytes()),
        (&b"hooks"[..], &b"127.0.0.1"[..])
    );
    assert_eq!(rejection.source.to_string(), "127.0.0.1");

    // The file is itself a request. The gate rejects it as before, and drops its own lines.
    let again = gate.client().ask(fs::read(&file).expect("a file"));
    assert_eq!(again.status, 401);
    let again = saved(&site.file(again.header("x-cartgate-delivery").expect("an id")));
    assert_eq!(again.headers, rejection.headers);
}

#[test]
fn only_well_formed_signatures_that_match_no_secret_are_saved() {
    let site = Site::new();
    let gate = site.gate();
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    for lines in ["", "X-Cartfunnel-Hmac-SHA256: c2hvcnQ=\r\n"] {
        rejected(
            &mut gate.client(),
            request("POST /hooks HTTP/1.1", lines, BODY),
        );
    }
    let id = rejected(&mut gate.client(), forged(BODY));
    let only = site.file(&id);
    assert_eq!(site.files(), [only]);
}

#[test]
fn nothing_is_saved_unless_configured() {
    let site = Site::new();
    rejected(&mut Gate::before(&site.app).client(), forged(BODY));
    assert!(!site.settings.dir.exists());
}

#[test]
fn a_flood_from_one_source_leaves_the_others_alone_also_over_a_restart() {
    let mut site = Site::new();
    site.settings.count = 16;
    site.settings.bytes = 64 * 1024;
    for round in 0..2 {
        let gate = site.gate_behind_a_proxy();
        let mut client = gate.client();
        if round == 0 {
            rejected(&mut client, forged_by("192.0.2.1", BODY));
        }
        let mut last = String::new();
        (0..6).for_each(|_| last = rejected(&mut client, forged_by("198.51.100.1", BODY)));
        site.file(&last);
        let flood = ["198.51.100.1"; 4];
        assert_eq!(
            site.sources(),
            [&["192.0.2.1"][..], &flood].concat(),
            "round {round}"
        );
    }
}

#[test]
fn count_and_bytes_hold_whoever_floods() {
    for (count, bytes) in [(8, 1024 * 1024), (1000, 16 * 1024)] {
        let mut site = Site::new();
        (site.settings.count, site.settings.bytes) = (count, bytes);
        let gate = site.gate_behind_a_proxy();
        let mut client = gate.client();
        rejected(&mut client, forged_by("192.0.2.1", &[b'a'; 1000]));
        let mut last = String::new();
        for subnet in 0..24 {
            let source = format!("2001:db8:0:{subnet:x}::1");
            last = rejected(&mut client, forged_by(&source, &[b'a'; 1000]));
        }
        site.file(&last);
        let files = site.files();
        let length = |file: &PathBuf| fs::metadata(file).expect("there").len();
        assert!(files.len() as u64 <= count, "{} files", files.len());
        assert!(files.iter().map(length).sum::<u64>() <= bytes);
        assert!(files.len() >= 7, "{} files", files.len());
    }
}

#[test]
fn a_gate_that_cannot_save_does_not_start() {
    let site = Site::new();
    fs::write(&site.settings.dir, b"a file").expect("written");
    let mut config = Setup::before(&site.app).config(&[("current", SECRET)]);
    std::sync::Arc::make_mut(&mut config).rejected = Some(site.settings.clone());
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
    let error = ended.expect_err("it cannot save").to_string();
    assert!(
        error.contains(&site.settings.dir.display().to_string()),
        "{error}"
    );
}

#[test]
fn the_memory_of_saved_and_dropped_rejections_is_released() {
    let mut site = Site::new();
    site.settings.share = 1;
    let settings = site.settings.clone();
    let gate = Setup::before(&site.app)
        .with(|setup| {
            setup.config.limits.memory = 8 * 1024 * 1024;
            setup.config.rejected = Some(settings);
        })
        .start();
    let body = [b'a'; 200_000];
    // Far more than the budget, and more than the limit of files that wait for the disk.
    for _ in 0..60 {
        rejected(&mut gate.client(), forged(&body));
    }
    assert_eq!(gate.client().ask(genuine(&body)).status, 200);
}
