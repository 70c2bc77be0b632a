//! Endpoints that only respond with a verdict, for a proxy that forwards the delivery itself.

mod asking;
mod attacks;
mod configuration;
mod proxies;

use crate::support::{Answer, App, Gate, Setup};

/// Starts a gate that only responds with verdicts. `app` must never get a request.
fn verdicts(app: &App, change: impl FnOnce(&mut Setup)) -> Gate {
    Setup::before(app)
        .with(|setup| setup.verdict = true)
        .with(change)
        .start()
}

/// Returns the headers of the gate about the delivery, except its id, which differs each time.
fn stated(headers: &[(String, String)]) -> Vec<(String, String)> {
    let own = headers.iter().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_stated = name.starts_with("x-cartgate-") && name != "x-cartgate-delivery";
        is_stated.then(|| (name, value.clone()))
    });
    let mut own: Vec<_> = own.collect();
    own.sort();
    own
}

/// Checks that a response says nothing that a proxy could take for a verdict.
#[track_caller]
fn states_nothing(answer: &Answer) {
    assert_ne!(answer.status / 100, 2, "{answer:?}");
    assert!(stated(&answer.headers).is_empty(), "{answer:?}");
}
