//! The parts that the tests of the proxy share: a gate in this process (`gate`), an app behind it
//! that records its requests (`app`), and a client that writes bytes unchanged and checks the
//! properties of every response (`client`, `answer`). The tests use blocking sockets of the
//! standard library, so that they share no runtime with the gate.

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod gate;
pub(crate) mod session;
pub(crate) mod stop;
pub(crate) mod wire;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tower_cartgate::{Secret, Signer};

pub(crate) use answer::Answer;
pub(crate) use app::{App, Hold, Recorded, Then};
pub(crate) use client::Client;
pub(crate) use gate::{Gate, Setup};

/// The timeout of a test. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The secret of the gates.
pub(crate) const SECRET: &[u8] = b"planted-secret-of-the-proxy-tests";

/// All secrets of the gates: an app accepts a request with a signature by any of them.
pub(crate) const SECRETS: [&[u8]; 4] = [
    SECRET,
    b"another planted secret of the tests",
    b"an older planted secret of the tests",
    b"another older planted secret of the tests",
];

/// Any body.
pub(crate) const BODY: &[u8] = b"hello";

/// Returns the signature of `body` as the value of the header.
pub(crate) fn sign(body: &[u8]) -> String {
    sign_with(SECRET, body)
}

/// Returns the signature of `body` under another secret.
pub(crate) fn sign_with(secret: &[u8], body: &[u8]) -> String {
    let secret = Secret::new(secret).expect("a secret");
    Signer::new(&secret).sign(body).to_string()
}

/// Returns a header line with the signature of `body`.
pub(crate) fn signature_line(body: &[u8]) -> String {
    format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign(body))
}

/// Returns a whole request with these header lines, each ended by CRLF. Its length is declared.
pub(crate) fn request(first_line: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{first_line}\r\nHost: gate.example\r\nContent-Length: {length}\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// Returns a genuine delivery to `/hooks`.
pub(crate) fn genuine(body: &[u8]) -> Vec<u8> {
    request("POST /hooks HTTP/1.1", &signature_line(body), body)
}

/// Returns a genuine delivery in chunks of `size`.
pub(crate) fn genuine_in_chunks(body: &[u8], size: usize) -> Vec<u8> {
    let signature = signature_line(body);
    let mut wire = format!(
        "POST /hooks HTTP/1.1\r\nHost: gate.example\r\n{signature}Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(size) {
        wire.extend(format!("{:x}\r\n", chunk.len()).bytes());
        wire.extend(chunk);
        wire.extend(b"\r\n");
    }
    wire.extend(b"0\r\n\r\n");
    wire
}

/// Returns a delivery with a well-formed signature of another body.
pub(crate) fn forged(body: &[u8]) -> Vec<u8> {
    request(
        "POST /hooks HTTP/1.1",
        &signature_line(b"something else"),
        body,
    )
}

/// Waits until `done`, and fails with `what` after the timeout.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns a duration in milliseconds.
pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Held by each test that opens hundreds of sockets, because many systems limit a process to 1,024
/// files.
pub(crate) fn many_sockets() -> MutexGuard<'static, ()> {
    static MANY: Mutex<()> = Mutex::new(());
    // A failed test poisons the lock, which still separates the others.
    MANY.lock().unwrap_or_else(PoisonError::into_inner)
}
