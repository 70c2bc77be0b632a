//! `cartgate sign` and `cartgate verify`.

use std::process::Command;

use tower_cartgate::{Secret, Signer};

use super::{Bench, SECRET, signature};

#[test]
fn sign_prints_the_value_and_nothing_else() {
    // RFC 4231, test case 2.
    let bench = Bench::new();
    bench.file("jefe", "Jefe");
    bench.file("body", "what do ya want for nothing?");
    let ran = bench
        .run(&["sign", "--secret-file", "jefe", "body"])
        .ends(0);
    assert_eq!(ran.stdout, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=\n");
    assert!(
        ran.stderr.contains("warning"),
        "a short secret is warned of: {}",
        ran.stderr
    );
}

#[test]
fn the_secret_may_be_in_a_file_or_the_environment_and_the_body_in_a_pipe() {
    let bench = Bench::new();
    let expected = format!("{}\n", signature(b"a body\n"));
    let from_file = bench
        .run_with(&["sign", "--secret-file", "secret"], b"a body\n", &[])
        .ends(0);
    assert_eq!(from_file.stdout, expected);
    let from_variable = bench
        .run_with(&["sign", "-"], b"a body\n", &[("CARTGATE_SECRET", SECRET)])
        .ends(0);
    assert_eq!(from_variable.stdout, expected);
    let file_from_variable = bench
        .run_with(
            &["sign"],
            b"a body\n",
            &[("CARTGATE_SECRET_FILE", "secret")],
        )
        .ends(0);
    assert_eq!(file_from_variable.stdout, expected);
}

#[test]
fn a_shell_runs_the_curl_line_as_it_is_meant() {
    let bench = Bench::new();
    bench.file("it's a body.json", "{}");
    let args = [
        "sign",
        "--secret-file",
        "secret",
        "--curl",
        "http://127.0.0.1:1/a?b&c",
        "it's a body.json",
    ];
    let line = bench.run(&args).ends(0).stdout;
    let script = format!("curl() {{ for word; do printf '<%s>' \"$word\"; done; }}; {line}");
    let shown = Command::new("/bin/sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(
        shown.contains("<--data-binary><@it's a body.json>"),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("<X-Cartfunnel-Hmac-SHA256: {}>", signature(b"{}"))),
        "{shown}"
    );
    assert!(shown.ends_with("<http://127.0.0.1:1/a?b&c>"), "{shown}");
}

#[test]
fn verify_answers_by_its_status_and_names_the_cause() {
    let bench = Bench::new();
    bench.file("body", "{\"a\":1}");
    let value = signature(b"{\"a\":1}");
    let verify = |value: &str| {
        bench.run(&[
            "verify",
            "--secret-file",
            "shop=secret",
            "--signature",
            value,
            "body",
        ])
    };
    let yes = verify(&value).ends(0);
    assert!(yes.stdout.contains("shop"), "{}", yes.stdout);
    let no = verify(&signature(b"{\"a\": 1}")).ends(1);
    assert!(
        no.stdout.contains("parsed and written anew"),
        "{}",
        no.stdout
    );
    assert!(
        verify("garbage")
            .ends(1)
            .stdout
            .contains("neither Base64 nor hex")
    );
    assert!(
        bench
            .run(&["verify", "--secret-file", "secret", "body"])
            .ends(1)
            .stdout
            .contains("no signature header")
    );
}

#[test]
fn verify_finds_a_newline_in_the_secret_of_the_sender() {
    let bench = Bench::new();
    let with_newline = Secret::new(format!("{SECRET}\n").into_bytes()).expect("a secret");
    let value = Signer::new(&with_newline).sign(b"body").to_string();
    let args = [
        "verify",
        "--json",
        "--secret-file",
        "secret",
        "--signature",
        &value,
    ];
    let no = bench.run_with(&args, b"body", &[]).ends(1);
    assert_eq!(no.json()["verified"], false);
    assert_eq!(no.json()["diagnosis"]["cause"], "sender-secret-newline");
    assert_eq!(no.json()["diagnosis"]["certainty"], "proved");
}
