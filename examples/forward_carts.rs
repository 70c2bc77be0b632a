//! Hands abandoned carts on to a Zapier-style hook, without losing one when the hook is down.
//!
//! When to answer 200 is the whole question here. How long Cartfunnel waits, and whether it sends
//! again, is not published. So:
//!
//! - Not first the hook, then 200: a slow hook would make each delivery look failed.
//! - Not first 200, then the hook from memory: a restart would lose what was promised.
//! - First the disk, then 200, then the hook: a 200 means "kept". The cart is written, synced and
//!   renamed into `spool/` before the answer; a thread hands on what lies there, oldest first, and
//!   deletes a file only after the hook's 2xx. What a crash left behind goes out at the next start.
//!
//! The price is that the hook may get a cart twice (the crash came after its 2xx), so each carries an
//! `Idempotency-Key`. A cart that the hook refuses for good (4xx) is set aside as `….refused` for a
//! person to look at, since it would hold up all others. With `SPOOL_LIMIT` carts waiting, the answer is 503.
//!
//! Try it, in three terminals (`nc` plays a hook that takes one request):
//!
//! ```text
//! printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' | nc -l -p 9000 -q 1
//!
//! printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//! HOOK_URL=http://127.0.0.1:9000/hook cargo run --example forward_carts -- secret.txt
//!
//! cargo run -- send http://127.0.0.1:3000/webhooks/carts --secret-file secret.txt --event abandoned-cart
//! cargo run -- send http://127.0.0.1:3000/webhooks/carts --secret-file secret.txt   # an order: 422
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to whoever tries it")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret, Verified, VerifyLayer};
use tower_http::timeout::TimeoutLayer;

const SPOOL_LIMIT: usize = 10_000;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("name the file that holds the secret")?;
    let secret = Secret::from_line(fs::read(file)?)?;
    let hook = Hook::new(env::var("HOOK_URL").map_err(|_| "HOOK_URL is not set")?);
    let spool = Arc::new(Spool::open(Path::new("spool"))?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}, {} carts waiting", listener.local_addr()?, spool.waiting()?.len());
    let outgoing = Arc::clone(&spool);
    let forwarder = thread::current();
    thread::spawn(move || forward(&outgoing, &hook));
    drop(forwarder);
    axum::serve(listener, site(secret, spool)?).await?;
    Ok(())
}
