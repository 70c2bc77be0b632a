//! Bytes of attackers in every field that the page shows: they are text, and the content policy has
//! nothing to report.

use serde_json::{Value, json};

use crate::{
    gate::Gate,
    page::Page,
    support::{App, Then, app::answer, sign},
};

/// Markup that would run a script wherever it becomes part of a page.
const MARKUP: &str = r#"<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>"#;

/// Markup in the characters of a path.
const IN_PATH: &str = "/%3Cscript%3E'onerror=window.attacked=1'//javascript:window.attacked=1";

/// Returns an app whose responses hold markup.
fn hostile_app(status: &'static str) -> App {
    App::tcp(move |_, wire| {
        let line = format!("X-App: {MARKUP}\r\nContent-Type: text/html\r\n");
        wire.write_all(&answer(status, &line, MARKUP.as_bytes()))?;
        Ok(Then::Keep)
    })
}

/// Returns a payload with markup in a key, in a value, in an array and in the event's name.
fn payload() -> Vec<u8> {
    let mut payload = json!({
        "event": "order.processed",
        "id": MARKUP,
        "list": [MARKUP, {"deep": MARKUP}],
        "__proto__": {"polluted": true},
        "control": "\u{1b}[31m\u{202e}\u{0}</textarea><svg onload=window.attacked=1>",
    });
    payload[MARKUP] = json!(MARKUP);
    payload.to_string().into_bytes()
}

#[track_caller]
fn is_unharmed(page: &Page) {
    page.browser.is_content();
    let script = "return [window.attacked ?? null, ({}).polluted ?? null,
        document.querySelectorAll('#view img, #view script, #view iframe, #view svg[onload]').length]";
    assert_eq!(page.browser.run(script), json!([null, null, 0]));
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn hostile_bytes_of_a_stored_delivery_are_text() {
    let app = hostile_app("500 Internal Server Error");
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let body = payload();
    let lines = format!("X-Hostile: {MARKUP}\r\nUser-Agent: {MARKUP}\r\nX-High: \u{e9}\u{ff}\r\n");
    let (status, id) = gate.send("/hooks", &sign(&body), &lines, &body);
    assert_eq!(status, 200);
    page.shows(&id);
    is_unharmed(&page);
    // The first attempt fails with the markup of the app; the last one makes a dead letter of it.
    page.open("inbox");
    page.browser.wait_for(&format!(
        "document.querySelector(\"#inbox-rows > tr[data-id='{id}'][data-state=dead]\")"
    ));
    is_unharmed(&page);
    page.open(&format!("delivery/{id}"));
    page.browser
        .wait_for("document.querySelector('main').innerText.includes('onerror')");
    page.browser.click("#delivery-body-show");
    page.browser
        .wait_for("document.querySelector('#delivery-body')?.innerText.includes('onload')");
    is_unharmed(&page);
    // In each form of the body.
    let forms = page
        .browser
        .run("return document.querySelectorAll('#view [role=tab], #view [data-form]').length");
    for form in 0..forms.as_u64().expect("a number") {
        page.browser.run_with(
            "document.querySelectorAll('#view [role=tab], #view [data-form]')[arguments[0]].click()",
            &[json!(form)],
        );
        page.browser
            .wait_for("document.querySelector('#delivery-body')?.innerText.length > 0");
        is_unharmed(&page);
    }
    page.open("profile");
    page.browser
        .wait_for("document.querySelector('main').innerText.length > 0");
    is_unharmed(&page);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn hostile_bytes_of_a_rejected_request_are_text() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let body = payload();
    let lines = format!("X-Hostile: {MARKUP}\r\n");
    // These are unsigned.
    let (status, unknown) = gate.send(IN_PATH, &sign(b"other"), &lines, &body);
    assert_eq!(status, 404);
    let (status, saved) = gate.send(
        "/hooks?'onerror=window.attacked=1'",
        &sign(b"other"),
        &lines,
        &body,
    );
    assert_eq!(status, 401);
    page.shows(&unknown);
    page.shows(&saved);
    is_unharmed(&page);
    page.open("rejected");
    let row = format!("document.querySelector(\"#rejected-rows > tr[data-id='{saved}']\")");
    page.browser.wait_for(&row);
    is_unharmed(&page);
    for id in [&unknown, &saved] {
        page.open(&format!("delivery/{id}"));
        page.browser.wait_for(
            "document.querySelector('main').innerText.toLowerCase().includes('x-hostile')",
        );
        is_unharmed(&page);
    }
    page.browser.click("#delivery-body-show");
    page.browser
        .wait_for("document.querySelector('#delivery-body')?.innerText.includes('onload')");
    is_unharmed(&page);
    assert_eq!(app.count(), 0);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_hostile_response_to_a_test_is_text() {
    let app = hostile_app("200 OK");
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let test = json!({"endpoint": "carts", "sample": "order", "body": MARKUP});
    let (status, result) = page.fetch("POST", "/api/v1/test", Some(&test));
    assert_eq!(status, 200, "{result}");
    assert_eq!(result["body"], MARKUP);
    page.open("health");
    page.browser
        .wait_for("document.querySelector('#test-send')");
    page.browser.run(
        "
        const endpoint = document.querySelector('#test-endpoint');
        endpoint.value = 'carts';
        endpoint.dispatchEvent(new Event('change', {bubbles: true}));
        endpoint.dispatchEvent(new Event('input', {bubbles: true}));
    ",
    );
    page.browser.click("#test-send");
    page.browser
        .wait_for("document.querySelector('#test-result')?.innerText.includes('onerror')");
    is_unharmed(&page);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_hostile_address_of_the_page_is_text() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let encoded = "%3Cimg%20src%3Dx%20onerror%3Dwindow.attacked%3D1%3E";
    for address in [
        format!("live?q={encoded}&endpoint={encoded}&verdict={encoded}&reason={encoded}"),
        format!("inbox?state={encoded}&destination={encoded}"),
        format!("rejected?q={encoded}"),
        format!("delivery/{encoded}"),
        format!("compare/{encoded}/{encoded}"),
        "__proto__/%E0%A4%A/constructor".to_owned(),
    ] {
        page.browser.open(&gate.page(&format!("/#/{address}")));
        page.browser.run("location.reload()");
        page.browser.wait_for(
            "document.readyState === 'complete' && document.documentElement.dataset.view \
             && document.querySelector('#view').childElementCount > 0",
        );
        is_unharmed(&page);
    }
    let views: Value = page.browser.run("return location.protocol");
    assert_eq!(views, "http:");
}
