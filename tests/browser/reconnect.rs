//! The page finds its way back to a gate that was away.

use std::{collections::HashSet, ops::Range};

use crate::{browser::Browser, gate::Gate, page::Page, servers::cutter::Cutter, support::App};

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

/// Delivers events with these numbers; returns their ids.
fn deliver(gate: &Gate, numbers: Range<usize>) -> Vec<String> {
    let each = numbers.map(|number| {
        let body = format!(r#"{{"event":"order.processed","number":{number}}}"#);
        let (status, id) = gate.deliver("/hooks", body.as_bytes());
        assert_eq!(status, 200);
        id
    });
    each.collect()
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn after_a_restart_of_the_gate_the_page_continues_without_a_gap_or_a_duplicate() {
    let app = App::content();
    let mut gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
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

#[test]
#[ignore = "needs chromium; make test runs it"]
fn after_a_broken_connection_the_page_continues_without_a_gap_or_a_duplicate() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let route = Cutter::before(gate.admin());
    let address = route.address().to_string();
    let link = gate.link().replace(&gate.admin().to_string(), &address);
    let page = Page::by_link(Browser::start(), &link);
    page.is_live();
    let mut expected = deliver(&gate, 0..5);
    has_each_once(&page, &expected);
    for round in 1..=3 {
        route.cut();
        page.browser
            .wait_for("document.documentElement.dataset.stream !== 'live'");
        let first = round * 5;
        expected.extend(deliver(&gate, first..first + 3));
        route.mend();
        page.is_live();
        expected.extend(deliver(&gate, first + 3..first + 5));
        has_each_once(&page, &expected);
    }
}
