//! Actions of the console: by the keyboard alone, with a confirmation, and through the front door.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use serde_json::json;

use crate::{
    browser::{ENTER, TAB},
    gate::Gate,
    page::Page,
    support::{App, Then, app::answer, wait_until},
};

/// An app that rejects every request until it is repaired.
fn broken_app() -> (App, Arc<AtomicBool>) {
    let works = Arc::<AtomicBool>::default();
    let switch = Arc::clone(&works);
    let app = App::tcp(move |_, wire| {
        let status = match switch.load(SeqCst) {
            true => "200 OK",
            false => "500 Internal Server Error",
        };
        wire.write_all(&answer(status, "", b"the app's own words"))?;
        Ok(Then::Keep)
    });
    (app, works)
}

/// Makes a dead letter; returns its id.
fn dead_letter(gate: &Gate, page: &Page, number: usize) -> String {
    let body = format!(r#"{{"event":"order.processed","number":{number}}}"#);
    let (status, id) = gate.deliver("/hooks", body.as_bytes());
    assert_eq!(status, 200);
    page.open("inbox");
    page.browser.wait_for(&stored(&id, "dead"));
    id
}

/// Returns an expression for the row of a stored delivery in this state.
fn stored(id: &str, state: &str) -> String {
    format!("document.querySelector(\"#inbox-rows > tr[data-id='{id}'][data-state='{state}']\")")
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn the_keyboard_alone_redelivers_an_event() {
    let (app, works) = broken_app();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let id = dead_letter(&gate, &page, 1);
    let attempts = app.count();
    works.store(true, SeqCst);
    page.browser.press(&["g", "l"]);
    page.shows(&id);
    page.browser.press(&["j"]);
    page.browser.wait_for(&format!(
        "document.activeElement.closest('[data-id]')?.dataset.id === '{id}'"
    ));
    page.browser.press(&["r"]);
    // The count comes first, and nothing has happened yet.
    page.browser
        .wait_for("document.activeElement.id === 'job-start'");
    let dialog = page.browser.text("dialog#job");
    assert!(dialog.contains("1 delivery"), "{dialog}");
    assert_eq!(app.count(), attempts);
    page.browser.press(&[ENTER]);
    wait_until("the app gets it again", || app.count() == attempts + 1);
    page.browser
        .wait_for("document.activeElement.id === 'job-close'");
    page.browser.press(&[ENTER]);
    page.browser.wait_for("!document.querySelector('dialog')");
    page.browser.press(&["g", "i"]);
    page.browser.wait_for(&stored(&id, "delivered"));
    page.browser.is_content();
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn every_control_can_be_reached_by_the_keyboard() {
    let (app, _) = broken_app();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    dead_letter(&gate, &page, 1);
    let controls =
        "[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
        .filter(one => one.checkVisibility() && !one.disabled)";
    for view in ["live", "inbox", "rejected", "health", "profile"] {
        page.open(view);
        page.browser
            .wait_for("document.querySelector('#view').childElementCount > 0");
        // Without new rows, which could move the focus.
        let count = page.browser.run(&format!(
            "document.activeElement.blur(); window.visited = new Set();
             addEventListener('focusin', event => visited.add(event.target));
             return {controls}.length"
        ));
        let count = count.as_u64().expect("a number");
        assert!(count >= 10, "{view}: {count}");
        for _ in 0..count + 20 {
            page.browser.press(&[TAB]);
        }
        let missed = page.browser.run(&format!(
            "return {controls}.filter(one => !visited.has(one)).map(one => one.outerHTML.slice(0, 200))"
        ));
        assert_eq!(missed, json!([]), "{view}");
        page.browser.run(&format!(
            "{controls}.forEach(one => one.dataset.visible = 'yes')"
        ));
        for (html, name) in page.browser.accessible_names("[data-visible]") {
            assert!(
                !name.trim().is_empty(),
                "{view}: a screen reader has no name for {html}"
            );
        }
    }
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_purge_asks_for_the_count_before_it_deletes() {
    let (app, _) = broken_app();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let ids = [1, 2, 3].map(|number| dead_letter(&gate, &page, number));
    page.open("inbox?state=dead");
    page.browser
        .wait_for("document.querySelectorAll('#inbox-rows > tr').length === 3");
    page.browser.run(
        "[...document.querySelectorAll('#view button[data-act]')]
            .find(one => one.textContent.trim().startsWith('Purge') && !one.closest('tr')).click()",
    );
    page.browser
        .wait_for("document.querySelector('#job-typed')");
    let dialog = page.browser.text("dialog#job");
    assert!(dialog.contains("3 deliveries"), "{dialog}");
    let stats = |state: &str| {
        let found = gate.get(&format!("/api/v1/inbox/deliveries?state={state}"));
        found["items"].as_array().expect("a list").len()
    };
    // Enter, the wrong number and the end of the dialog delete nothing.
    page.browser.press(&[ENTER, "7", ENTER]);
    page.browser
        .wait_for("document.querySelector('#job-start').disabled");
    page.browser.click("#job-close");
    page.browser.wait_for("!document.querySelector('dialog')");
    assert_eq!(stats("dead"), 3);

    page.browser.run(
        "[...document.querySelectorAll('#view button[data-act]')]
            .find(one => one.textContent.trim().startsWith('Purge') && !one.closest('tr')).click()",
    );
    page.browser
        .wait_for("document.activeElement.id === 'job-typed'");
    page.browser.press(&["3", ENTER]);
    wait_until("all are deleted", || stats("dead") == 0);
    page.browser
        .wait_for("document.activeElement.id === 'job-close'");
    page.browser.press(&[ENTER]);
    for id in &ids {
        page.browser.wait_for(&format!("!({})", stored(id, "dead")));
    }
    page.browser.is_content();
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_test_shows_the_response_beside_it() {
    let (app, works) = broken_app();
    works.store(true, SeqCst);
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    page.open("health");
    page.browser.click("#test-send");
    page.browser
        .wait_for("document.querySelector('#test-result')?.innerText.includes('200')");
    app.wait_for(1);
    // A forgery is rejected, and the app gets nothing.
    page.browser.run(
        "
        const forgery = document.querySelector('#test-forgery');
        forgery.value = 'wrong-secret';
        forgery.dispatchEvent(new Event('input', {bubbles: true}));
        forgery.dispatchEvent(new Event('change', {bubbles: true}));
    ",
    );
    page.browser.click("#test-send");
    page.browser
        .wait_for("document.querySelector('#test-result')?.innerText.includes('401')");
    page.browser
        .wait_for("document.querySelector('#test-result').innerText.includes('rejected')");
    assert_eq!(app.count(), 1);
    page.browser.is_content();
}
