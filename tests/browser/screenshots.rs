//! Screenshots of each view: for the documents with `CARTGATE_BLESS=1`, else into a temporary
//! directory, which proves that they can be made.

use std::{fs, path::Path, thread, time::Duration};

use cartgate::{
    client::{Envelope, ForgeryKind, Outgoing, forge},
    demo::SampleShop,
};
use http::{HeaderMap, Method};
use tower_cartgate::{Secret, Signature};

use crate::{
    gate::Gate,
    page::Page,
    support::{App, SECRET, Then, app::answer, ms, request, wait_until},
    tool::of_the_project,
};

/// The variable that has generated files written.
const BLESS: &str = "CARTGATE_BLESS";

/// The largest file. Larger ones belong into no repository.
const MOST_BYTES: usize = 300 * 1024;

/// The deliveries before the screenshots.
const DELIVERIES: usize = 72;

/// The time between two deliveries for the documents.
const CALM: Duration = Duration::from_millis(1_350);

/// The secret that the shop shows before the gate knows it.
const NEXT: &[u8] = b"the next secret of the screenshots";

/// The forgeries among them.
const FORGERIES: [ForgeryKind; 6] = [
    ForgeryKind::TamperedBody,
    ForgeryKind::Hex,
    ForgeryKind::WrongSecret,
    ForgeryKind::ReSerializedJson,
    ForgeryKind::Missing,
    ForgeryKind::AppendedNewline,
];

/// A size and a colour scheme of the page.
struct Form {
    name: &'static str,
    width: u32,
    height: u32,
    is_dark: bool,
}

const FORMS: [Form; 3] = [
    Form {
        name: "light",
        width: 1440,
        height: 900,
        is_dark: false,
    },
    Form {
        name: "dark",
        width: 1440,
        height: 900,
        is_dark: true,
    },
    Form {
        name: "narrow",
        width: 320,
        height: 800,
        is_dark: false,
    },
];

/// A gate of a small shop, with calm traffic behind it.
struct Scene {
    gate: Gate,
    _apps: [App; 2],
}

impl Scene {
    fn new() -> Self {
        let fulfilment = App::content();
        // Rejects what it does not like, and needs a second attempt now and then.
        let accounting = App::tcp(|request, wire| {
            let status = match request.body.len() % 11 {
                0 => "410 Gone",
                1 => "500 Internal Server Error",
                _ => "200 OK",
            };
            wire.write_all(&answer(status, "", b"{\"error\":\"no such account\"}"))?;
            Ok(Then::Keep)
        });
        let endpoints = endpoints(&fulfilment.url, &accounting.url);
        let gate = Gate::with_files("act", &endpoints, &[("next", NEXT)]);
        Self {
            gate,
            _apps: [fulfilment, accounting],
        }
    }

    /// Sends the deliveries. For the documents it takes as long as calm traffic does.
    fn play(&self, pause: Duration) {
        let [secret, next] = [SECRET, NEXT].map(|bytes| Secret::new(bytes).expect("a secret"));
        let envelope = Envelope::new(Method::POST, Signature::HEADER, HeaderMap::new());
        let mut shop = SampleShop::new(11);
        let (mut last, mut forgeries) = (None, FORGERIES.iter().cycle());
        for number in 0..DELIVERIES {
            let (path, body) = match number % 4 {
                3 => ("/webhooks/carts", shop.cart()),
                _ => ("/webhooks/orders", shop.order()),
            };
            let outgoing = match number {
                // Cartfunnel has a new secret, and the gate does not know it yet.
                29 | 30 => envelope.genuine(&next, body),
                _ if number % 12 == 5 => {
                    let kind = *forgeries.next().expect("endless");
                    forge(kind, &envelope, &secret, body).expect("JSON allows every kind")
                }
                // The sender repeats a delivery.
                _ if number % 12 == 10 => last
                    .take()
                    .unwrap_or_else(|| envelope.genuine(&secret, body)),
                _ => envelope.genuine(&secret, body),
            };
            self.send(path, &outgoing);
            if number % 12 == 9 {
                last = Some(outgoing);
            }
            thread::sleep(pause);
        }
        self.gate.rewrite(ORDERS_SECRETS, r#"["next", "current"]"#);
        self.gate.post("/api/v1/reload", "");
    }

    fn send(&self, path: &str, outgoing: &Outgoing) {
        // An address for documents, as a load balancer before the gate reports it.
        let mut lines = "X-Forwarded-For: 203.0.113.24\r\n".to_owned();
        for (name, value) in &outgoing.headers {
            let value = value.to_str().expect("text");
            lines.push_str(&format!("{name}: {value}\r\n"));
        }
        let first = format!("{} {path} HTTP/1.1", outgoing.method);
        self.gate
            .client()
            .ask(request(&first, &lines, &outgoing.body));
    }

    /// Returns the id of a dead letter, once there is one.
    fn dead_letter(&self) -> String {
        let mut found = None;
        wait_until("a dead letter", || {
            let dead = self.gate.get("/api/v1/inbox/deliveries?state=dead");
            found = dead["items"][0]["id"].as_str().map(str::to_owned);
            found.is_some()
        });
        found.expect("waited for")
    }
}

/// The secrets of the orders before the reload.
const ORDERS_SECRETS: &str = r#"["current", "previous"]"#;

fn endpoints(fulfilment: &str, accounting: &str) -> String {
    let event = r#"event = { pointer = "/event", order = ["order.processed"], abandoned-cart = ["cart.abandoned"] }"#;
    format!(
        r#"
[secret.next]
file = "DIR/next"
[[endpoint]]
name = "orders"
path = "/webhooks/orders"
secrets = {ORDERS_SECRETS}
{event}
durable = true
unique = "/id"
[[endpoint.destination]]
name = "fulfilment"
url = "{fulfilment}"
[[endpoint.destination]]
name = "accounting"
url = "{accounting}"
retry = ["1s", "30m"]
[[endpoint.destination]]
name = "warehouse"
url = "http://127.0.0.1:1/hooks"
[[endpoint]]
name = "carts"
path = "/webhooks/carts"
secrets = ["current"]
{event}
[[endpoint.destination]]
name = "reminders"
url = "{fulfilment}"
"#
    )
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn every_view_is_photographed_in_light_dark_and_narrow() {
    let is_blessed = std::env::var_os(BLESS).is_some();
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = match is_blessed {
        true => of_the_project("docs/screenshots"),
        false => temporary.path().to_owned(),
    };
    fs::create_dir_all(&dir).expect("a directory");
    let scene = Scene::new();
    let page = Page::live(&scene.gate);
    scene.play(if is_blessed { CALM } else { ms(1) });
    let dead = scene.dead_letter();
    for form in FORMS {
        page.browser.resize(form.width, form.height, form.is_dark);
        for name in ["live", "rejected", "inbox", "delivery", "health", "profile"] {
            let address = match name {
                "delivery" => format!("delivery/{dead}"),
                other => other.to_owned(),
            };
            page.open(&address);
            is_drawn(&page, name);
            save(
                &dir,
                &format!("{name}-{}.png", form.name),
                &page.browser.screenshot(),
            );
            fits(&page, form.width);
        }
    }
    page.browser.is_content();
}

/// Waits until the view shows its content.
fn is_drawn(page: &Page, view: &str) {
    let shown = match view {
        "live" => "document.querySelectorAll('#live-rows > tr').length > 20",
        "rejected" => "document.querySelectorAll('#rejected-rows > tr').length > 2",
        "inbox" => "document.querySelectorAll('#inbox-rows > tr').length > 5",
        "delivery" => {
            page.browser.click("#delivery-body-show");
            "document.querySelector('#delivery-body')?.innerText.includes('order.processed')"
        }
        "health" => "document.querySelector('#test-send')",
        _ => "document.querySelector('main').innerText.includes('/order/number')",
    };
    page.browser.wait_for(shown);
    page.browser
        .wait_for("!document.querySelector('main .wait')");
    page.browser.run("window.scrollTo(0, 0)");
    // Away from everything that a pointer would mark.
    page.browser.point_at(5, 5);
    // Fades have ended, and all is drawn.
    page.browser.wait_for(
        "document.getAnimations().every(one => one.playState !== 'running'
            || one.effect.getComputedTiming().iterations === Infinity)",
    );
}

/// Checks that the page needs no horizontal scroll.
#[track_caller]
fn fits(page: &Page, width: u32) {
    let widest = page
        .browser
        .run("return document.documentElement.scrollWidth");
    assert!(
        widest.as_u64() <= Some(width.into()),
        "{widest} in {width} pixels"
    );
}

fn save(dir: &Path, name: &str, image: &[u8]) {
    assert!(image.starts_with(b"\x89PNG"), "{name} is no PNG");
    assert!(image.len() < MOST_BYTES, "{name} has {} bytes", image.len());
    fs::write(dir.join(name), image).expect("written");
}
