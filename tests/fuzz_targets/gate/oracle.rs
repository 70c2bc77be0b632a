//! The properties of every request that a destination gets.

use http::{HeaderMap, Method};
use tower_cartgate::{Keyring, Policy, Secret, Signature, Signer, verify};

use super::{BODIES, Received};

pub const PATH: &str = "/hooks";

const SECRET: &str = "a secret for fuzzing";

pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

pub fn policy() -> Policy {
    Policy::new(Keyring::single(secret()))
}

/// Returns the genuine signature of a body, which only the holder of the secret can compute.
pub fn signature(body: &[u8]) -> Signature {
    Signer::new(&secret()).sign(body)
}

/// Returns the number of signatures in an input, which is the limit of the deliveries that may
/// pass.
pub fn signatures_in(data: &[u8]) -> usize {
    let count = |text: String| {
        data.windows(text.len())
            .filter(|window| *window == text.as_bytes())
            .count()
    };
    BODIES
        .iter()
        .map(|body| count(signature(body).encode()))
        .sum()
}

/// Checks a request.
///
/// # Panics
///
/// When the request should never have passed.
pub fn check(received: &Received) {
    let Received {
        method,
        target,
        headers,
        body,
    } = received;
    assert!(
        [Method::POST, Method::PUT]
            .iter()
            .any(|one| one.as_str() == method),
        "{method}"
    );
    assert_eq!(target.split('?').next(), Some(PATH));
    for name in [Signature::HEADER.as_str(), "host", "content-length"] {
        assert_eq!(count(headers, name), 1, "{name}");
    }
    for name in ["verdict", "endpoint", "secret-name", "delivery"] {
        assert_eq!(count(headers, &format!("x-cartgate-{name}")), 1, "{name}");
    }
    // The endpoint has no event rule, so a header with the kind could only come from the sender.
    for name in ["event", "event-source"] {
        assert_eq!(count(headers, &format!("x-cartgate-{name}")), 0, "{name}");
    }
    assert_eq!(headers["x-cartgate-verdict"], "verified");
    headers
        .keys()
        .for_each(|name| assert!(may_pass(name.as_str()), "{name}"));
    assert!(
        BODIES.contains(&body.as_slice()),
        "nobody signed this body: {body:?}"
    );
    verify(&policy(), headers, body.clone()).expect("the signature is true");
}

fn count(headers: &HeaderMap, name: &str) -> usize {
    headers.get_all(name).iter().count()
}

fn may_pass(name: &str) -> bool {
    const NEVER: [&str; 12] = [
        "connection",
        "cookie",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-http-method-override",
        "x-original-url",
        "x-rewrite-url",
    ];
    !NEVER.contains(&name) && !name.contains('_')
}
