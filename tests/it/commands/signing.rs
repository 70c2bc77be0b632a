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
        no.stdout.contains("parsed and serialized again"),
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

/// Files that users saved with a mistake, each around the same secret.
const SAVED: &str = "test-hush-_0123456789abcdef";

fn saved_by_mistake() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/commands/secrets");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|file| {
        let path = file.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, std::fs::read(&path).expect("readable"))
    });
    let mut files: Vec<_> = files.collect();
    files.push(("yaml-list".to_owned(), format!("- {SAVED}\n").into_bytes()));
    files.push((
        "assignment".to_owned(),
        format!("SECRET=\"{SAVED}\"\n").into_bytes(),
    ));
    files.push((
        "crlf-escape".to_owned(),
        format!("{SAVED}\\r\\n\n").into_bytes(),
    ));
    let wide: Vec<u8> = SAVED.bytes().flat_map(|byte| [0, byte]).collect();
    files.push(("utf-16-without-mark".to_owned(), wide));
    assert!(files.len() >= 15, "{} files", files.len());
    files
}

#[test]
fn a_secret_file_that_was_saved_by_mistake_is_warned_of_and_explained() {
    let bench = Bench::new();
    let meant = Secret::new(SAVED).expect("a secret");
    let signature = Signer::new(&meant).sign(b"{}").to_string();
    for (name, content) in saved_by_mistake() {
        bench.file("saved", &content);
        let args = [
            "verify",
            "--secret-file",
            "saved",
            "--signature",
            &signature,
            "-",
        ];
        let ran = bench.run_with(&args, b"{}", &[]);
        let said = format!("{name}: {}{}", ran.stdout, ran.stderr);
        assert!(!said.contains("hush"), "{said}");
        if name.contains("little-endian") {
            // HMAC cannot tell the last NUL from its absence.
            assert_eq!(ran.status, 2, "{said}");
            assert!(said.contains("UTF-16"), "{said}");
            continue;
        }
        assert_eq!(ran.status, 1, "{said}");
        assert!(
            ran.stderr
                .contains("cartgate: warning: secret default (saved): the secret"),
            "{said}"
        );
        assert!(ran.stdout.contains("found with secret default"), "{said}");
        assert!(!ran.stdout.contains("another secret"), "{said}");
    }
}

#[test]
fn check_warns_of_a_secret_file_that_was_saved_by_mistake() {
    let bench = Bench::new();
    bench.file(
        "cartgate.toml",
        "[server]\nlisten = \"127.0.0.1:0\"\n[secret.shop]\nfile = \"saved\"\n[[endpoint]]\nname = \"orders\"\n\
         path = \"/hooks\"\nsecrets = [\"shop\"]\n[[endpoint.destination]]\nurl = \"http://127.0.0.1:3000\"\n",
    );
    for (content, word) in [
        (format!("{SAVED}\u{a0}\n"), "invisible"),
        (format!("secret: {SAVED}\n"), "configuration file"),
        (
            format!("# from the dashboard\n{SAVED}\n"),
            "more than one line",
        ),
        (format!("{{\"secret\":\"{SAVED}\"}}\n"), "JSON"),
    ] {
        bench.file("saved", &content);
        let ran = bench.run(&["check", "cartgate.toml"]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("warning") && said.contains(word), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
    bench.file("saved", format!("{SAVED}\n"));
    let ran = bench.run(&["check", "cartgate.toml"]);
    assert!(!ran.stderr.contains("the secret"), "{}", ran.stderr);
}

#[test]
fn a_line_end_after_the_signature_is_no_part_of_it() {
    let bench = Bench::new();
    for end in ["\r", "\n", "\r\n", " \n"] {
        let value = format!("{}{end}", signature(b"body"));
        let args = [
            "verify",
            "--secret-file",
            "secret",
            "--signature",
            &value,
            "-",
        ];
        let yes = bench.run_with(&args, b"body", &[]).ends(0);
        assert!(yes.stdout.starts_with("verified"), "{}", yes.stdout);
    }
}

/// curl itself interprets braces and brackets in an address as a pattern.
#[test]
fn curl_takes_the_address_as_it_is() {
    let (bench, server) = (
        Bench::new(),
        super::server::Server::tcp(super::server::verifying),
    );
    bench.file("body", "{}");
    let address = format!("{}?ids=1,2&of=[1-3]&q={{a,b}}", server.url);
    let args = [
        "sign",
        "--secret-file",
        "secret",
        "--curl",
        &address,
        "body",
    ];
    let line = bench.run(&args).ends(0).stdout;
    let mut shell = Command::new("/bin/sh");
    let ran = shell
        .args(["-c", &line])
        .current_dir(bench.path(""))
        .output()
        .expect("a shell");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with("HTTP/1.1 200"));
    server.only();
}
