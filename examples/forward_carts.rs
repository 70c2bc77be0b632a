//! An app that forwards abandoned carts to a Zapier-style hook, and loses none while the hook is
//! down.
//!
//! The main decision is when to respond 200. Cartfunnel publishes neither its timeout nor its
//! retries. Therefore:
//!
//! - Calling the hook before the 200 is wrong: a slow hook would make each delivery fail.
//! - Calling the hook from memory after the 200 is wrong: a restart would lose accepted carts.
//! - The app stores the cart, responds 200, and then calls the hook. It writes, syncs and renames
//!   the cart into `spool/` before the response. A thread forwards the stored carts, oldest first,
//!   and deletes a file only after a 2xx of the hook. Carts left by a crash are forwarded at the
//!   next start.
//!
//! The hook may get a cart twice (after a crash that followed its 2xx), so each request has an
//! `Idempotency-Key`. A cart that the hook rejects permanently (4xx) is renamed to `….rejected` for
//! an operator, because it would block all others. With [`MAX_WAITING`] carts in the spool, the
//! response is 503.
//!
//! Try it, in three terminals (the first is the hook; start it late, or stop it):
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
    reason = "an example prints to the terminal"
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
use tower_http::timeout::RequestBodyDeadlineLayer;

const MAX_WAITING: usize = 10_000;
const MIN_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("give the file with the secret")?;
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
    axum::serve(listener, site(secret, Intake { spool, wake })?).await?;
    Ok(())
}

fn site(secret: Secret, intake: Intake) -> Result<Router, Box<dyn Error>> {
    // The signed content decides, so a captured order cannot be sent to this path.
    let rule = EventRule::pointer("/event")?
        .abandoned_cart(["cart.abandoned"])
        .only([EventKind::AbandonedCart]);
    let policy = Policy::new(Keyring::single(secret)).with_event_rule(rule);
    Ok(Router::new()
        .route("/webhooks/carts", post(store_cart).put(store_cart))
        .with_state(intake)
        .route_layer(VerifyLayer::new(policy))
        // Outside of the layer, which has no timer.
        .layer(RequestBodyDeadlineLayer::new(Duration::from_secs(10))))
}

/// The state of the handler: the spool, and a channel that wakes the forwarder. (`Thread::unpark`
/// does not work, because the HTTP client parks the same thread and would consume the wake-up.)
#[derive(Clone)]
struct Intake {
    spool: Arc<Spool>,
    wake: SyncSender<()>,
}

impl Intake {
    fn store(&self, cart: &Verified) -> io::Result<()> {
        self.spool.store(cart)?;
        // If the channel is full, the forwarder will run anyway.
        let _ = self.wake.try_send(());
        Ok(())
    }
}

/// Responds 200 once the cart would survive a power failure.
async fn store_cart(State(intake): State<Intake>, cart: Verified) -> StatusCode {
    match tokio::task::spawn_blocking(move || intake.store(&cart)).await {
        Ok(Ok(())) => StatusCode::OK,
        Ok(Err(error)) => {
            eprintln!("a cart was not stored: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The directory of carts that wait for the hook, one file each. A `.json` file is complete and
/// synced, because it is renamed last.
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

    fn store(&self, cart: &Verified) -> io::Result<()> {
        if self.waiting.fetch_add(1, Relaxed) >= MAX_WAITING {
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
        // The name is part of the directory, which needs a sync of its own.
        File::open(&self.dir)?.sync_all()
    }

    /// Returns a name. Names sort by age.
    fn fresh_name(&self) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let number = self.next.fetch_add(1, Relaxed);
        format!("{:020}-{number:06}.part", now.as_nanos())
    }

    /// Returns the waiting carts, oldest first.
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
        fs::rename(cart, cart.with_extension("rejected"))?;
        self.waiting.fetch_sub(1, Relaxed);
        Ok(())
    }
}

/// Forwards the waiting carts until the server ends. Waits longer after each failure.
#[expect(clippy::disallowed_methods, reason = "this thread has no other work")]
fn forward(spool: &Spool, hook: &Hook, woken: &Receiver<()>) {
    let mut wait = MIN_WAIT;
    loop {
        match forward_all(spool, hook) {
            Ok(()) => {
                wait = MIN_WAIT;
                // Without a sender, the server has ended.
                if woken.recv().is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("the hook did not accept a cart: {error}; retry in {wait:?}");
                thread::sleep(wait);
                wait = (wait * 2).min(MAX_WAIT);
            }
        }
    }
}

fn forward_all(spool: &Spool, hook: &Hook) -> Result<(), Box<dyn Error>> {
    for cart in spool.carts()? {
        let id = cart.file_stem().unwrap_or_default().to_string_lossy();
        let status = hook.send(&id, &fs::read(&cart)?)?;
        // A 408 or 429 is temporary. Any other 4xx is permanent.
        match status.as_u16() {
            200..=299 => {
                spool.done(&cart)?;
                println!("forwarded {id}");
            }
            400..=499 if !matches!(status.as_u16(), 408 | 429) => {
                spool.set_aside(&cart)?;
                eprintln!("the hook rejected {id} with {status}; set aside");
            }
            _ => return Err(format!("it responded {status}").into()),
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
            // A redirect would turn the POST into a GET. Set its target as HOOK_URL instead.
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
