//! The first minute of a new user, with `cartgate demo --console`.

use std::process::{Command, Stdio};

use crate::{browser::Browser, demonstration::Demo, page::Page};

#[test]
#[ignore = "needs chromium and curl; make test runs it"]
fn a_new_user_sees_a_forgery_stops_the_app_and_gets_the_order_delivered() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut demo = Demo::start(dir.path(), Stdio::piped());
    let link = demo.line("/login?code=");
    let page = Page::by_link(Browser::start(), &link);
    page.is_live();
    // A forgery, with its reason.
    page.browser.wait_for(
        "[...document.querySelectorAll('#live-rows > tr[data-verdict=rejected]')]
            .some(row => /mismatch|signature-/.test(row.innerText))",
    );
    page.browser
        .wait_for("document.querySelector('#live-rows > tr[data-verdict=stored]')");

    // The app is stopped, and an order waits.
    demo.press_enter();
    demo.line("The app is stopped.");
    page.open("inbox?state=pending");
    page.browser
        .wait_for("document.querySelector('#inbox-rows > tr[data-state=pending]')");
    let id = page
        .browser
        .run("return document.querySelector('#inbox-rows > tr[data-state=pending]').dataset.id");
    let id = id.as_str().expect("an id").to_owned();

    // A retry while the app is stopped keeps it waiting; then it is delivered.
    page.open(&format!("delivery/{id}"));
    page.browser
        .wait_for("document.querySelector('main').innerText.includes('Waits for')");
    demo.press_enter();
    demo.line("The app runs.");
    page.open("inbox?state=delivered");
    page.browser.wait_for(&format!(
        "document.querySelector(\"#inbox-rows > tr[data-id='{id}'][data-state=delivered]\")"
    ));

    // The line for a shell sends the same order again.
    let (status, line) = page.text_of(&format!("/api/v1/deliveries/{id}/curl"));
    assert_eq!(status, 200, "{line}");
    let mut shell = Command::new("/bin/sh");
    let output = shell.args(["-c", &line]).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{line}: {output:?}");
    assert!(!said.contains("error"), "{said}");
    page.open("live?verdict=duplicate");
    page.browser
        .wait_for("document.querySelector('#live-rows > tr[data-verdict=duplicate]')");
    page.browser.is_content();
    demo.end_by("-INT");
    let left = std::fs::read_dir(dir.path()).expect("a directory").count();
    assert_eq!(left, 0);
}
