//! Any bytes into a real gate over a real socket. The oracle: whatever its destination got is one clean request whose
//! signature is true for just the body that came with it, and a body that somebody has signed at all.
//!
//! Input: what a client writes, byte for byte. The fuzzer does not know the secret; the corpus has signatures for
//! [`BODIES`] in it, as a captured delivery would.

mod app;
mod oracle;
mod site;

pub use app::Received;
pub use oracle::{check, signature};
pub use site::Site;

use std::{cell::OnceCell, time::Duration};

/// All that was ever signed.
pub const BODIES: [&[u8]; 6] = [
    b"",
    br#"{"event":"order.processed","order":{"id":"test-1","total":"19.90"}}"#,
    br#"{"event":"cart.abandoned","cart":{"id":"test-2"}}"#,
    b"\x00\xff\xfe not text \r\n",
    b"0\r\n\r\nPOST /hooks HTTP/1.1\r\nHost: inner\r\nContent-Length: 0\r\n\r\n",
    b"a",
];

/// How long the gate waits for a client: these clients never have more to say.
const CLOCK: Duration = Duration::from_millis(25);

thread_local! {
    static SITE: OnceCell<Site> = const { OnceCell::new() };
}

/// Gives the number of deliveries that passed.
pub fn run(data: &[u8]) -> usize {
    SITE.with(|site| site.get_or_init(|| Site::start(CLOCK)).judge(data))
}
