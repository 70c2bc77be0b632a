//! Tests of `verify --delivery` and `send --delivery` with saved rejections.

use std::fs;

use super::{OLD_SECRET, Site, cartgate, rejected};
use crate::support::{App, SECRET, forged, request, sign};

#[test]
fn once_the_secret_is_known_a_saved_rejection_is_sent_on_as_it_was() {
    let site = Site::new();
    let gate = site.gate_with(OLD_SECRET);
    let body = b"\xff\0 an order \r\n";
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {}\r\nContent-Type: text/odd\r\nX-Extra: kept\r\nCookie: a=b\r\n",
        sign(body)
    );
    let id = rejected(
        &mut gate.client(),
        request("PUT /hooks?shop=1 HTTP/1.1", &lines, body),
    );
    let file = site.file(&id).display().to_string();
    let old = site.secret_file("old", OLD_SECRET);
    let new = site.secret_file("new", SECRET);

    let (status, said) = cartgate(&["verify", "--secret-file", &old, "--delivery", &file]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains(&id) && said.contains("no known cause fits"),
        "{said}"
    );
    let secrets = format!("old={old},spring={new}");
    let verify = ["verify", "--secret-file", &secrets, "--delivery", &file];
    let (status, said) = cartgate(&verify);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("matches secret spring"), "{said}");
    let (_, said) = cartgate(&[&verify[..], &["--json"]].concat());
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&said["delivery"]["id"], &said["secret"]),
        (&id.into(), &"spring".into())
    );
    assert_eq!(said["delivery"]["endpoint"], "hooks");

    let app = App::content();
    let (status, said) = cartgate(&["send", &app.url, "--secret-file", &new, "--delivery", &file]);
    assert_eq!(status, 0, "{said}");
    let sent = app.only();
    assert_eq!((&*sent.method, &*sent.target), ("PUT", "/hooks?shop=1"));
    assert_eq!(sent.body, body);
    let mut names: Vec<_> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "host",
            "x-cartfunnel-hmac-sha256",
            "x-extra"
        ]
    );
    assert_eq!(sent.header("content-type"), Some("text/odd"));
    assert_eq!(sent.header("x-cartfunnel-hmac-sha256"), Some(&*sign(body)));

    let elsewhere = format!("{}/elsewhere", app.url);
    let send = [
        "send",
        &elsewhere,
        "--secret-file",
        &new,
        "--delivery",
        &file,
        "--json",
    ];
    assert_eq!(cartgate(&send).0, 0);
    assert_eq!(app.requests()[1].target, "/elsewhere");
}

#[test]
fn nothing_forged_is_sent_on_by_a_slip() {
    let site = Site::new();
    let gate = site.gate();
    let id = rejected(&mut gate.client(), forged(b"planted forgery"));
    let file = site.file(&id).display().to_string();
    let secret = site.secret_file("secret", SECRET);
    let (status, said) = cartgate(&[
        "send",
        &site.app.url,
        "--secret-file",
        &secret,
        "--delivery",
        &file,
    ]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("no known cause fits") && said.contains(&file),
        "{said}"
    );
    assert!(!said.contains("planted"), "{said}");
    assert_eq!(site.app.connections(), 0);
}

#[test]
fn a_file_that_is_no_saved_rejection_is_named_and_not_repeated() {
    let site = Site::new();
    let secret = site.secret_file("secret", SECRET);
    let file = site.dir.path().join("mangled.http");
    fs::write(&file, b"POST / HTTP/1.1\r\nplanted \x01: x\r\n\r\nplanted").expect("written");
    let file = file.display().to_string();
    let missing = format!("{file}.not");
    for (file, command) in [(&file, "verify"), (&file, "send"), (&missing, "verify")] {
        let url: &[&str] = if command == "send" {
            &["http://127.0.0.1:1"]
        } else {
            &[]
        };
        let args = ["--secret-file", &secret, "--delivery", file];
        let (status, said) = cartgate(&[&[command], url, &args].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(file) && !said.contains("planted"), "{said}");
    }
}

#[test]
fn values_of_a_saved_rejection_cannot_be_given_as_arguments() {
    let other = ["--delivery", "file"];
    for more in [
        &["verify", "--signature", "x"][..],
        &["verify", "body"],
        &["send", "http://127.0.0.1:1", "--method", "PUT"],
        &["send", "http://127.0.0.1:1", "--count", "2"],
        &["send", "http://127.0.0.1:1", "--forge", "all"],
        &["send", "http://127.0.0.1:1", "--header", "a: b"],
    ] {
        let (status, said) = cartgate(&[more, &other].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains("cannot be used with"), "{said}");
    }
}
