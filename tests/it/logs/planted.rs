//! Planted secrets and payloads, searched for in all output.

use std::{process::Command, sync::atomic::AtomicUsize};

use crate::{
    program::Program,
    support::{App, SECRET, Then, app::answer, request, sign_with, signature_line, wait_until},
};

/// Returns texts that no output may contain: the secret in each form that a mistake could give it,
/// and marks in each private part of a request.
fn planted() -> Vec<String> {
    use base64::Engine as _;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let decimal = format!("{SECRET:?}");
    let mut texts = vec![
        std::str::from_utf8(SECRET).expect("text").to_owned(),
        hex(SECRET),
        base64[..40].to_owned(),
        decimal[1..40].to_owned(),
    ];
    texts.extend(["body", "query", "cookie", "header", "auth"].map(mark));
    texts
}

fn mark(of: &str) -> String {
    format!("planted-{of}-7f3a")
}

/// Returns requests of each kind, with marks in each private part.
fn private_requests() -> Vec<Vec<u8>> {
    let body = format!(r#"{{"email":"{}"}}"#, mark("body"));
    let body = body.as_bytes();
    let marks = format!(
        "Cookie: a={}\r\nX-Own: {}\r\nAuthorization: Bearer {}\r\n",
        mark("cookie"),
        mark("header"),
        mark("auth")
    );
    let query = format!("/hooks?key={}", mark("query"));
    let kept = [SECRET, b"\n"].concat();
    let of_kept = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(&kept, body));
    let in_place = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", mark("header"));
    let mut requests = Vec::new();
    for signature in [
        signature_line(body),
        of_kept,
        signature_line(b""),
        in_place,
        String::new(),
    ] {
        for line in [
            format!("POST {query} HTTP/1.1"),
            format!("PATCH {query} HTTP/1.1"),
            format!("POST http://gate.example{query} HTTP/1.1"),
            format!("POST http://other{query} HTTP/1.1"),
            format!("POST {query} HTTP/1.2"),
        ] {
            requests.push(request(&line, &(signature.clone() + &marks), body));
        }
    }
    let long = format!("X: {}\r\n", mark("header").repeat(2000));
    requests.push(request("POST /hooks HTTP/1.1", &long, body));
    requests.push(format!("{}\r\n\r\n", mark("header")).into_bytes());
    requests
}

#[track_caller]
fn holds_nothing_planted(text: &str) {
    for planted in planted() {
        assert!(!text.contains(&planted), "{planted:?} in: {text}");
    }
}

#[test]
fn no_secret_and_no_payload_is_in_what_serve_prints() {
    let count = AtomicUsize::new(0);
    let app = App::tcp(move |_, wire| {
        // Accepted, rejected, and without a response: each has its own line.
        let status = match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 3 {
            0 => "200 OK",
            1 => "422 Unprocessable Content",
            _ => return Ok(Then::Close),
        };
        wire.write_all(&answer(status, "", mark("body").as_bytes()))?;
        Ok(Then::Keep)
    });
    for format in ["text", "json"] {
        let args = ["--log-format", format, "--log-level", "debug", "--explain"];
        let secret = std::str::from_utf8(SECRET).expect("text");
        let program = Program::serve_with(&app, &args, &[("CARTGATE_SECRET", secret)]);
        for request in private_requests() {
            let mut client = program.client();
            assert_ne!(client.ask(request).status, 0);
        }
        wait_until("the doctor's word", || {
            program
                .lines()
                .iter()
                .any(|line| line.contains("cartgate::explain"))
        });
        for useless in [[SECRET, b"\0"].concat(), Vec::new()] {
            program.write_secret(&useless);
            program.signal("HUP");
        }
        program.line(&["stays in force"]);
        program.signal("TERM");
        let (_, lines) = program.end();
        assert!(lines.len() > 20, "{lines:#?}");
        holds_nothing_planted(&lines.join("\n"));
    }
}

#[test]
fn no_help_shows_what_the_environment_holds() {
    let secret = std::str::from_utf8(SECRET).expect("text");
    let variables: Vec<(String, &str)> = help(&[], &[])
        .join("\n")
        .split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("CARTGATE_"))
        .map(|word| (word.to_owned(), secret))
        .collect();
    assert!(variables.len() > 10, "{variables:?}");
    holds_nothing_planted(&help(&variables, &["--help", "-h"]).join("\n"));
}

/// Returns the help of each command, with variables set.
fn help(variables: &[(String, &str)], flags: &[&str]) -> Vec<String> {
    let flags = if flags.is_empty() { &["--help"] } else { flags };
    let mut texts = Vec::new();
    for command in ["serve", "send", "sign", "verify", "demo"] {
        for flag in flags {
            let output = Command::new(env!("CARGO_BIN_EXE_cartgate"))
                .env_clear()
                .envs(variables.iter().map(|(name, value)| (name, value)))
                .args([command, flag])
                .output()
                .expect("it runs");
            assert!(output.status.success(), "{output:?}");
            texts.push(String::from_utf8(output.stdout).expect("text"));
            texts.push(String::from_utf8(output.stderr).expect("text"));
        }
    }
    texts
}
