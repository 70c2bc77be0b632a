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
//! person to look at, since it would hold up all others. With [`MOST_WAITING`] carts in the spool
//! the answer is 503.
//!
//! Try it, in three terminals (the first plays the hook; start it late, or stop it, and see what happens):
//!
//! ```text
//! node -e 'require("http").createServer((q, a) => q.on("end", () => a.end()).pipe(process.stdout)).listen(9000)'
//!
//! printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//! HOOK_URL=http://127.0.0.1:9000/hook cargo run --example forward_carts -- secret.txt
//!
//! cargo run -- send http://127.0.0.1:3000/webhooks/carts --secret-file secret.txt --event abandoned-cart
//! cargo run -- send http://127.0.0.1:3000/webhooks/carts --secret-file secret.txt   # an order: 422
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to whoever tries it"
)]

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret, Verified, VerifyLayer};
use tower_http::timeout::TimeoutLayer;

const MOST_WAITING: usize = 10_000;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args()
        .nth(1)
        .ok_or("name the file that holds the secret")?;
    let secret = Secret::from_line(fs::read(file)?)?;
    let hook = Hook::new(env::var("HOOK_URL").map_err(|_| "HOOK_URL is not set")?);
    let spool = Arc::new(Spool::open(Path::new("spool"))?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!(
        "listening on {}, {} carts waiting",
        listener.local_addr()?,
        spool.waiting.load(Relaxed)
    );
    let outgoing = Arc::clone(&spool);
    let (wake, woken) = sync_channel(1);
    thread::spawn(move || forward(&outgoing, &hook, &woken));
    axum::serve(listener, site(secret, Keeper { spool, wake })?).await?;
    Ok(())
}

fn site(secret: Secret, keeper: Keeper) -> Result<Router, Box<dyn Error>> {
    // By what is signed, so that nobody can aim a captured order at this path.
    let rule = EventRule::pointer("/event")?
        .abandoned_cart(["cart.abandoned"])
        .only([EventKind::AbandonedCart]);
    let policy = Policy::new(Keyring::single(secret)).with_event_rule(rule);
    let too_slow =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10));
    Ok(Router::new()
        .route("/webhooks/carts", post(keep).put(keep))
        .with_state(keeper)
        .route_layer(VerifyLayer::new(policy))
        .layer(too_slow))
}

/// What the handler needs: where carts are kept, and how the forwarder is woken. (By a channel and not by
/// `Thread::unpark`: the HTTP client parks the same thread, and would use the wake-up up.)
#[derive(Clone)]
struct Keeper {
    spool: Arc<Spool>,
    wake: SyncSender<()>,
}

impl Keeper {
    fn keep(&self, cart: &Verified) -> io::Result<()> {
        self.spool.keep(cart)?;
        // Full, it is about to look anyway.
        let _ = self.wake.try_send(());
        Ok(())
    }
}

/// 200 only once the cart would survive a power cut.
async fn keep(State(keeper): State<Keeper>, cart: Verified) -> StatusCode {
    match tokio::task::spawn_blocking(move || keeper.keep(&cart)).await {
        Ok(Ok(())) => StatusCode::OK,
        Ok(Err(error)) => {
            eprintln!("a cart could not be kept: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Carts that wait for the hook, a file each. A `.json` file is whole and synced: it got its name last.
struct Spool {
    dir: PathBuf,
    waiting: AtomicUsize,
    next: AtomicUsize,
}

impl Spool {
    fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let spool = Self {
            dir: dir.to_owned(),
            waiting: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        };
        spool.waiting.store(spool.carts()?.len(), Relaxed);
        Ok(spool)
    }

    fn keep(&self, cart: &Verified) -> io::Result<()> {
        if self.waiting.fetch_add(1, Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Relaxed);
            return Err(io::Error::other("the spool is full"));
        }
        self.write(cart).inspect_err(|_| {
            self.waiting.fetch_sub(1, Relaxed);
        })
    }

    fn write(&self, cart: &Verified) -> io::Result<()> {
        let unfinished = self.dir.join(self.fresh_name());
        let mut file = File::create_new(&unfinished)?;
        cart.chunks()
            .iter()
            .try_for_each(|chunk| file.write_all(chunk))?;
        file.sync_all()?;
        fs::rename(&unfinished, unfinished.with_extension("json"))?;
        // The name is in the directory, which is synced by itself.
        File::open(&self.dir)?.sync_all()
    }

    /// Names sort by age.
    fn fresh_name(&self) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let number = self.next.fetch_add(1, Relaxed);
        format!("{:020}-{number:06}.part", now.as_nanos())
    }

    /// What waits, oldest first.
    fn carts(&self) -> io::Result<Vec<PathBuf>> {
        let mut carts = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            carts.push(entry?.path());
        }
        carts.retain(|path| path.extension().is_some_and(|end| end == "json"));
        carts.sort();
        Ok(carts)
    }

    fn done(&self, cart: &Path) -> io::Result<()> {
        fs::remove_file(cart)?;
        self.waiting.fetch_sub(1, Relaxed);
        Ok(())
    }

    fn set_aside(&self, cart: &Path) -> io::Result<()> {
        fs::rename(cart, cart.with_extension("refused"))?;
        self.waiting.fetch_sub(1, Relaxed);
        Ok(())
    }
}

/// Hands on what waits, until the server ends. After a failure it waits longer each time.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, with nothing else to do"
)]
fn forward(spool: &Spool, hook: &Hook, woken: &Receiver<()>) {
    let mut wait = SHORTEST_WAIT;
    loop {
        match forward_all(spool, hook) {
            Ok(()) => {
                wait = SHORTEST_WAIT;
                // No sender left: the server has ended.
                if woken.recv().is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("the hook did not take a cart: {error}; next try in {wait:?}");
                thread::sleep(wait);
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn forward_all(spool: &Spool, hook: &Hook) -> Result<(), Box<dyn Error>> {
    for cart in spool.carts()? {
        let id = cart.file_stem().unwrap_or_default().to_string_lossy();
        let status = hook.send(&id, &fs::read(&cart)?)?;
        // 408 and 429 say "later"; the other 4xx say "never".
        match status.as_u16() {
            200..=299 => {
                spool.done(&cart)?;
                println!("handed on {id}");
            }
            400..=499 if !matches!(status.as_u16(), 408 | 429) => {
                spool.set_aside(&cart)?;
                eprintln!("the hook refused {id} with {status}; it is set aside");
            }
            _ => return Err(format!("it answered {status}").into()),
        }
    }
    Ok(())
}

struct Hook {
    url: String,
    client: ureq::Agent,
}

impl Hook {
    fn new(url: String) -> Self {
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            // A redirect would turn the POST into a GET; its target belongs into HOOK_URL.
            .max_redirects(0)
            .build();
        Self {
            url,
            client: client.into(),
        }
    }

    fn send(&self, id: &str, cart: &[u8]) -> Result<StatusCode, ureq::Error> {
        let request = self
            .client
            .post(&self.url)
            .content_type("application/json")
            .header("Idempotency-Key", id);
        Ok(request.send(cart)?.status())
    }
}
