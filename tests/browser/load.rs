//! A thousand deliveries a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    gate::Gate,
    page::Page,
    support::{App, request, signature_line},
};

/// Deliveries per second.
const RATE: u64 = 1_000;

/// The connections that they arrive on.
const SENDERS: u64 = 16;

/// The deliveries of one measurement.
const MEASURED: u64 = 4 * RATE;

/// The share of the rate that the senders must reach, or the measurement does not count. Other
/// programs may need the machine.
const REACHED: f64 = 0.8;

/// The number of measurements, of which one must count.
const ROUNDS: usize = 12;

/// The longest time without a frame, and the longest time until the page handles a key, in
/// milliseconds. The machine also runs the gate, its senders and the browser itself.
const FREEZE_MS: f64 = 1_000.0;

/// Begins another measurement.
const RESET: &str = "Object.assign(measured, {gap: 0, frames: 0, delay: 0, inputs: 0})";

/// Notes the longest gap between two frames, and the longest delay of an input event.
const MEASURE: &str = "
    window.measured = {gap: 0, frames: 0, delay: 0, inputs: 0};
    let last = performance.now();
    requestAnimationFrame(function next() {
        const now = performance.now();
        measured.gap = Math.max(measured.gap, now - last);
        measured.frames += 1;
        last = now;
        requestAnimationFrame(next);
    });
    addEventListener('keydown', event => {
        measured.delay = Math.max(measured.delay, performance.now() - event.timeStamp);
        measured.inputs += 1;
    }, {capture: true});
";

/// Senders that keep the rate until they are dropped.
struct Flood {
    stopped: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    senders: Vec<JoinHandle<()>>,
}

impl Flood {
    fn of(gate: &Gate) -> Self {
        let (stopped, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let body = br#"{"event":"order.processed","note":"one of many"}"#;
        let delivery = request("POST /direct HTTP/1.1", &signature_line(body), body);
        let senders = (0..SENDERS).map(|_| {
            let (stopped, sent) = (Arc::clone(&stopped), Arc::clone(&sent));
            let (mut client, delivery) = (gate.client(), delivery.clone());
            thread::spawn(move || {
                let (mut begun, mut own) = (Instant::now(), 0);
                while !stopped.load(Relaxed) {
                    let due = Duration::from_millis(own * 1_000 * SENDERS / RATE);
                    let late = begun.elapsed().checked_sub(due);
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                    // A sender that cannot keep the rate does not send faster later.
                    if late.is_some_and(|late| late > Duration::from_secs(1)) {
                        (begun, own) = (Instant::now(), 0);
                    }
                    assert_eq!(client.ask(&delivery).status, 200);
                    own += 1;
                    sent.fetch_add(1, Relaxed);
                }
            })
        });
        let senders = senders.collect();
        Self {
            stopped,
            sent,
            senders,
        }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    fn stop(self) {
        self.stopped.store(true, Relaxed);
        for sender in self.senders {
            sender.join().expect("each delivery is accepted");
        }
    }
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_thousand_deliveries_a_second_do_not_freeze_the_page() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    let flood = Flood::of(&gate);
    page.browser
        .wait_for("document.querySelectorAll('#live-rows > tr').length >= 100");
    page.browser.run(MEASURE);
    let mut rates = Vec::new();
    let measured = (0..ROUNDS).find_map(|_| {
        page.browser.run(RESET);
        let (begun, first) = (Instant::now(), flood.sent());
        while flood.sent() < first + MEASURED {
            // A key that does nothing, as often as a user types.
            page.browser.press(&["x"]);
        }
        let rate = MEASURED as f64 / begun.elapsed().as_secs_f64();
        rates.push(rate);
        let measured = page.browser.run("return window.measured");
        (rate > REACHED * RATE as f64).then_some(measured)
    });
    flood.stop();
    let measured = measured.unwrap_or_else(|| panic!("the machine is too busy: {rates:?}"));
    let number = |name: &str| measured[name].as_f64().expect("a number");
    assert!(
        number("inputs") >= 5.0 && number("frames") >= 10.0,
        "{measured}"
    );
    assert!(number("gap") < FREEZE_MS, "{measured}");
    assert!(number("delay") < FREEZE_MS, "{measured}");
    // A bounded table: the page stays as large as it was.
    let rows = page
        .browser
        .run("return document.querySelectorAll('#live-rows > tr').length");
    assert!(rows.as_u64().expect("a number") <= 1_000, "{rows}");
    // The page shows the last delivery in the end.
    let (status, last) = gate.deliver("/hooks", br#"{"event":"order.processed"}"#);
    assert_eq!(status, 200);
    page.shows(&last);
    page.browser.is_content();
}
