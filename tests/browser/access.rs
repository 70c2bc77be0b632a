//! Access to the console: links, sessions, other origins, other hosts, frames, and sessions that may
//! only look.

use serde_json::json;

use crate::{
    browser::Browser,
    elsewhere::Elsewhere,
    gate::{Gate, TOKEN},
    page::Page,
    support::App,
};

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_link_works_once_and_leaves_nothing_in_the_address() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let link = gate.link();
    let (_, code) = link.split_once("code=").expect("a code");
    let browser = Browser::start();
    browser.open(&link);
    browser.wait_for("document.documentElement.dataset.session === 'yes'");
    assert!(!browser.url().contains(code), "{}", browser.url());
    assert!(!browser.url().contains("key="), "{}", browser.url());
    assert_eq!(browser.run("return document.referrer"), "");
    assert_eq!(browser.run("return document.cookie"), "", "scripts see it");
    let [cookie] = &browser.cookies()[..] else {
        panic!("{:?}", browser.cookies());
    };
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Strict");
    let value = cookie["value"].as_str().expect("text");
    assert!(!value.contains(TOKEN) && !value.contains(code));

    let second = Browser::start();
    second.open(&link);
    // The page states how to get another link.
    second.wait_for("document.body.innerText.includes('cartgate console')");
    assert!(second.cookies().is_empty());
    let status = second.run_async("return (await fetch('/api/v1/status')).status");
    assert_eq!(status, 401);
    let lines = gate.program().lines();
    assert!(
        lines
            .iter()
            .all(|line| !line.contains(TOKEN) && !line.contains(code))
    );
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn the_logged_link_signs_a_browser_in() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let line = gate.program().line(&["/login?code="]);
    let begin = line.find("http://").expect("an address");
    let link: String = line[begin..]
        .chars()
        .take_while(|c| !c.is_whitespace() && *c != '"')
        .collect();
    let browser = Browser::start();
    browser.open(&link);
    browser.wait_for("document.documentElement.dataset.session === 'yes'");
    browser.is_content();
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn the_token_signs_a_browser_in_and_a_wrong_one_does_not() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let browser = Browser::start();
    browser.open(&gate.page("/"));
    browser.wait_for("document.documentElement.dataset.session === 'no'");
    let login = |token: &str| {
        let body = json!({"token": token}).to_string();
        let script = format!(
            "const response = await fetch('/login', {{method: 'POST', body: {body:?},
             headers: {{'Content-Type': 'application/json'}}}});
             if (response.ok) localStorage.setItem('cartgate-key', (await response.json()).key);
             return response.status"
        );
        browser.run_async(&script)
    };
    assert_eq!(login("a wrong token of this length, by chance"), 403);
    assert!(browser.cookies().is_empty());
    assert_eq!(login(TOKEN), 200);
    browser.open(&gate.page("/"));
    browser.wait_for("document.documentElement.dataset.session === 'yes'");
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_logout_ends_the_session_in_every_tab_and_for_every_copy() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::live(&gate);
    let [cookie] = &page.browser.cookies()[..] else {
        panic!("{:?}", page.browser.cookies());
    };
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let cookie = format!("{}={}", text(&cookie["name"]), text(&cookie["value"]));
    let key = text(
        &page
            .browser
            .run("return localStorage.getItem('cartgate-key')"),
    );
    let status = || {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let request = agent.get(gate.page("/api/v1/status"));
        let request = request
            .header("Cookie", &cookie)
            .header("X-Cartgate-Key", &key);
        request.call().expect("a response").status().as_u16()
    };
    assert_eq!(status(), 200);
    page.browser.click("#sign-out");
    page.browser
        .wait_for("document.documentElement.dataset.session === 'no'");
    assert_eq!(status(), 401);
    assert_eq!(
        page.browser
            .run("return localStorage.getItem('cartgate-key')"),
        json!(null)
    );
}

/// A page of another server on the same host, which gets the cookie of its visitor, uses it.
#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_server_on_another_port_gets_no_half_that_it_could_use() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::live(&gate);
    let elsewhere = Elsewhere::serving("<!doctype html><title>Elsewhere</title><body>");
    page.browser.open(&elsewhere.url());
    let [cookie] = &page.browser.cookies()[..] else {
        panic!(
            "a browser sends it to every port: {:?}",
            page.browser.cookies()
        );
    };
    let pair = format!(
        "{}={}",
        cookie["name"].as_str().expect("text"),
        cookie["value"].as_str().expect("text")
    );
    assert_eq!(
        page.browser
            .run("return localStorage.getItem('cartgate-key')"),
        json!(null)
    );
    let stolen = ureq::post(gate.page("/api/v1/reload"))
        .header("Cookie", &pair)
        .header("Sec-Fetch-Site", "same-origin")
        .send_empty();
    assert!(
        matches!(stolen, Err(ureq::Error::StatusCode(401))),
        "{stolen:?}"
    );
}

/// The attempts of a page of another origin. The browser sends the cookie with them, because a site has no port.
const ATTACK: &str = "
    const results = {};
    const attempt = async (name, path, options) => {
        try {
            const response = await fetch(gate + path, {credentials: 'include', ...options});
            results[name] = response.type === 'opaque' ? 'opaque' : `read ${response.status}`;
        } catch { results[name] = 'failed'; }
    };
    await attempt('read', '/api/v1/status', {});
    await attempt('preflighted', '/api/v1/test', {method: 'POST', body: '{}',
        headers: {'Content-Type': 'application/json'}});
    await attempt('posted', '/api/v1/inbox/jobs', {method: 'POST', mode: 'no-cors',
        headers: {'Content-Type': 'text/plain'}, body: job});
    await attempt('tested', '/api/v1/test', {method: 'POST', mode: 'no-cors',
        headers: {'Content-Type': 'text/plain'}, body: test});
    await attempt('reloaded', '/api/v1/reload', {method: 'POST', mode: 'no-cors'});
    results.stream = await new Promise(done => {
        const source = new EventSource(gate + '/api/v1/events', {withCredentials: true});
        source.onopen = () => done('open');
        source.onmessage = () => done('message');
        source.onerror = () => done('failed');
    });
    const load = element => new Promise(done => {
        element.onload = () => done('loaded');
        element.onerror = () => done('failed');
        document.body.append(element);
    });
    const script = document.createElement('script');
    script.src = gate + '/console.js';
    results.script = await load(script);
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = gate + '/console.css';
    results.style = await load(style);
    return results;
";

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_page_of_another_origin_can_neither_read_nor_act() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::of(&gate);
    let (status, job) = gate_job(&page);
    assert_eq!(status, 201, "its own page may: {job}");
    let elsewhere = Elsewhere::serving("<!doctype html><title>Elsewhere</title><body>");
    page.browser.open(&elsewhere.url());
    let job = json!({"action": "purge", "selection": {}}).to_string();
    let test = json!({"endpoint": "carts", "sample": "order"}).to_string();
    let script = format!(
        "const gate = {:?}, job = {job:?}, test = {test:?}; {ATTACK}",
        format!("http://{}", gate.admin())
    );
    let results = page.browser.run_async(&script);
    assert_eq!(
        results,
        json!({
            "read": "failed", "preflighted": "failed", "posted": "failed", "tested": "failed",
            "reloaded": "failed", "stream": "failed", "script": "failed", "style": "failed",
        })
    );
    let jobs = gate.get("/api/v1/inbox/jobs");
    let jobs = jobs["items"]
        .as_array()
        .or(jobs.as_array())
        .expect("a list");
    assert_eq!(jobs.len(), 1, "only that of its own page: {jobs:?}");
    assert_eq!(app.count(), 0, "no test was sent");
}

/// Counts a job from the page of the gate itself.
fn gate_job(page: &Page) -> (u16, serde_json::Value) {
    let job = json!({"action": "retry", "selection": {}});
    page.fetch("POST", "/api/v1/inbox/jobs", Some(&job))
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_form_of_another_origin_cannot_act() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let page = Page::of(&gate);
    let html = format!(
        "<!doctype html><form method=post enctype=text/plain action='{}'>
         <input name='{{\"endpoint\":\"carts\",\"sample\":\"order\",\"method\":\"' value='POST\"}}'>
         <button id=send>Send</button></form>",
        gate.page("/api/v1/test")
    );
    let elsewhere = Elsewhere::serving(&html);
    page.browser.open(&elsewhere.url());
    page.browser.click("#send");
    page.browser
        .wait_for(&format!("location.port === '{}'", gate.admin().port()));
    let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
    assert_eq!(page.browser.run(script), 403);
    assert_eq!(app.count(), 0);
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_rebound_host_name_is_rejected() {
    let app = App::content();
    let gate = Gate::start(&app, "act");
    let rebound = Browser::with(&["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
    let port = gate.admin().port();
    rebound.open(&format!("http://evil.example:{port}/"));
    assert_eq!(rebound.run("return location.hostname"), "evil.example");
    for path in ["/", "/console.js", "/api/v1/status", "/api/v1/events"] {
        let status = rebound.run_async(&format!("return (await fetch({path:?})).status"));
        assert_eq!(status, 421, "{path}");
    }
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn the_console_shows_in_no_frame() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let page = Page::of(&gate);
    let html = format!("<!doctype html><iframe src='{}'></iframe>", gate.page("/"));
    let elsewhere = Elsewhere::serving(&html);
    page.browser.open(&elsewhere.url());
    page.browser.enter_frame();
    page.browser
        .wait_for("location.protocol === 'chrome-error:'");
}

#[test]
#[ignore = "needs chromium; make test runs it"]
fn a_session_that_may_only_look_cannot_act() {
    let app = App::content();
    let gate = Gate::start(&app, "look");
    let (status, id) = gate.deliver("/hooks", br#"{"event":"order.processed"}"#);
    assert_eq!(status, 200);
    app.wait_for(1);
    let page = Page::of(&gate);
    page.shows(&id);
    let test = json!({"endpoint": "carts", "sample": "order"});
    let job = json!({"action": "purge", "selection": {}});
    for (path, body) in [
        ("/api/v1/test", &test),
        ("/api/v1/inbox/jobs", &job),
        ("/api/v1/reload", &json!({})),
        ("/api/v1/links", &json!({})),
    ] {
        let (status, problem) = page.fetch("POST", path, Some(body));
        assert_eq!(status, 403, "{path}: {problem}");
    }
    let (_, problem) = page.fetch("POST", "/api/v1/test", Some(&test));
    assert_eq!(problem["reason"], "console-looks-only");
    // Buttons that act explain why they do not.
    for view in ["inbox", "health", "rejected"] {
        page.open(view);
        let may = "[...document.querySelectorAll('[data-act]')]
            .filter(button => button.getAttribute('aria-disabled') !== 'true').length === 0";
        page.browser
            .wait_for("document.querySelector('#look-only:not([hidden])')");
        page.browser.wait_for(may);
    }
    page.open("health");
    page.browser.click("#test-send");
    page.browser
        .wait_for("document.querySelector('dialog[open]')");
    assert_eq!(app.count(), 1, "only the delivery itself");
    page.browser.is_content();
}
