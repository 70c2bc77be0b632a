//! The page finds its way back to a gate that was away.

use std::collections::HashSet;

use crate::{gate::Gate, page::Page, support::App};

#[track_caller]
fn has_each_once(page: &Page, expected: &[String]) {
    for id in expected {
        page.shows(id);
    }
    let ids = page.ids();
    let unique: HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "a duplicate: {ids:?}");
    let newest_first: Vec<_> = expected.iter().rev().cloned().collect();
    assert_eq!(ids, newest_first);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn after_a_restart_of_the_gate_the_page_continues_without_a_gap_or_a_duplicate() {
    let app = App::content();
    let mut gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let deliver = |gate: &Gate, numbers: std::ops::Range<usize>| -> Vec<String> {
        let each = numbers.map(|number| {
            let body = format!(r#"{{"event":"order.processed","number":{number}}}"#);
            let (status, id) = gate.deliver("/hooks", body.as_bytes());
            assert_eq!(status, 200);
            id
        });
        each.collect()
    };
    let mut expected = deliver(&gate, 0..5);
    has_each_once(&page, &expected);
    gate.stop();
    page.browser
        .wait_for("document.documentElement.dataset.stream !== 'live'");
    gate.resume();
    // Before the page is back, and after.
    expected.extend(deliver(&gate, 5..10));
    page.is_live();
    expected.extend(deliver(&gate, 10..15));
    has_each_once(&page, &expected);
    let session = page
        .browser
        .run("return document.documentElement.dataset.session");
    assert_eq!(session, "yes", "the session outlives the restart");
}
