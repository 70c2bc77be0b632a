//! The live view: rows, filters and the pause.

use std::time::Instant;

use serde_json::json;

use crate::{
    gate::Gate,
    page::{Page, row},
    support::{App, ms},
};

/// The time within which a delivery has to appear.
const SOON: u64 = 1_000;

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_row_appears_within_a_second_of_its_delivery() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    for number in 0..5 {
        let body = format!(r#"{{"event":"order.processed","id":"{number}"}}"#);
        let begun = Instant::now();
        let (status, id) = gate.deliver("/hooks", body.as_bytes());
        assert_eq!(status, 200);
        page.shows(&id);
        let took = begun.elapsed();
        assert!(took < ms(SOON), "{took:?}");
        let text = page.row_text(&id);
        assert!(text.contains("stored") && text.contains("orders"), "{text}");
    }
    page.browser.is_content();
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_rejection_shows_its_reason_and_cause() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    // A signature under an older secret that this endpoint does not accept is a mere mismatch, but
    // the doctor knows the signature of an empty body.
    let (status, id) = gate.send("/direct", &crate::support::sign(b""), "", b"{}");
    assert_eq!(status, 401);
    page.shows(&id);
    let shown = format!("{}.innerText.includes('mismatch')", row(&id));
    page.browser.wait_for(&shown);
    let caused = format!("{}.innerText.toLowerCase().includes('empty')", row(&id));
    page.browser.wait_for(&caused);
    let verdict = page
        .browser
        .run(&format!("return {}.dataset.verdict", row(&id)));
    assert_eq!(verdict, "rejected");
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn filters_are_in_the_address_and_survive_a_reload() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    let (_, stored) = gate.deliver("/hooks", br#"{"event":"order.processed"}"#);
    let (_, direct) = gate.deliver("/direct", b"{}");
    let (_, rejected) = gate.send("/direct", "malformed", "", b"{}");
    for id in [&stored, &direct, &rejected] {
        page.shows(id);
    }
    page.browser.click("[data-word=rejected]");
    let only_rejected = format!(
        "{} && !{} && !{}",
        row(&rejected),
        row(&stored),
        row(&direct)
    );
    page.browser.wait_for(&only_rejected);
    assert!(page.browser.url().contains("verdict=rejected"));
    page.browser.run("location.reload()");
    page.browser.wait_for(&format!(
        "document.readyState === 'complete' && {only_rejected}"
    ));
    // The id is a filter, too.
    page.open(&format!("live?q={direct}"));
    page.browser
        .wait_for(&format!("{} && !{}", row(&direct), row(&stored)));
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_paused_page_keeps_its_rows_and_catches_up() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    let (_, before) = gate.deliver("/direct", b"{}");
    page.shows(&before);
    page.browser.click("#live-pause");
    page.browser
        .wait_for("document.querySelector('#live-pause[aria-pressed=true]')");
    let (_, meanwhile) = gate.deliver("/direct", b"[]");
    // The page counts what it holds back.
    page.browser
        .wait_for("document.body.innerText.includes('1 new')");
    assert_eq!(page.ids(), std::slice::from_ref(&before));
    page.browser.click("#live-pause");
    page.shows(&meanwhile);
    assert_eq!(page.ids(), [meanwhile, before]);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_direct_delivery_is_shown_by_its_head_alone() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let lines = "Authorization: Bearer planted-in-a-header\r\nX-Seen: yes\r\n";
    let body = br#"{"note":"planted-in-a-direct-body"}"#;
    let (status, id) = gate.send("/direct", &crate::support::sign(body), lines, body);
    assert_eq!(status, 200);
    page.shows(&id);
    page.open(&format!("delivery/{id}"));
    page.browser
        .wait_for("document.body.innerText.toLowerCase().includes('x-seen')");
    let text = page.browser.text("main");
    assert!(!text.contains("planted-in"), "{text}");
    let (_, detail) = page.fetch("GET", &format!("/api/v1/deliveries/{id}"), None);
    assert!(!detail.to_string().contains("planted-in"), "{detail}");
    assert_eq!(detail["event"], json!(null));
    page.browser.is_content();
}
