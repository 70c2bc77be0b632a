//! Any bytes into a real gate over a real socket. The oracle: each request of its destination is
//! one clean request whose signature matches exactly the body that arrived with it, and the body is
//! one that was signed.
//!
//! Input: the bytes of a client. The fuzzer does not know the secret; the corpus contains
//! signatures of [`BODIES`], like captured deliveries.

mod app;
mod oracle;
mod site;

pub use app::Received;
pub use oracle::{check, signature};
pub use site::Site;

use std::{cell::OnceCell, time::Duration};

/// All signed bodies.
pub const BODIES: [&[u8]; 6] = [
    b"",
    br#"{"event":"order.processed","order":{"id":"test-1","total":"19.90"}}"#,
    br#"{"event":"cart.abandoned","cart":{"id":"test-2"}}"#,
    b"\x00\xff\xfe not text \r\n",
    b"0\r\n\r\nPOST /hooks HTTP/1.1\r\nHost: inner\r\nContent-Length: 0\r\n\r\n",
    b"a",
];

/// The timeouts of the gate for a client: these clients never send more.
const CLOCK: Duration = Duration::from_millis(25);

thread_local! {
    static SITE: OnceCell<Site> = const { OnceCell::new() };
}

/// Returns the number of deliveries that passed.
pub fn run(data: &[u8]) -> usize {
    SITE.with(|site| site.get_or_init(|| Site::start(CLOCK)).judge(data))
}
