//! The attempts of an event, as the API and the commands show them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::json;

use super::{
    api::owner,
    commands::{CONFIG, ids, inbox},
};
use crate::{
    program::Program,
    support::{App, SECRET, Then, app::answer, request, signature_line, wait_until},
};

/// Starts an app that rejects its first request.
fn app() -> App {
    let requests = AtomicUsize::new(0);
    App::tcp(move |_, wire| {
        let response = match requests.fetch_add(1, SeqCst) {
            0 => answer("500 Broken", "", b"\r\nout of stock\r\nand more"),
            _ => answer("204 No Content", "", b""),
        };
        wire.write_all(&response)?;
        Ok(Then::Keep)
    })
}

#[test]
fn each_attempt_is_shown_with_its_status_reason_and_duration() {
    let app = app();
    let shop = format!("url = \"{}\"\nretry = [\"1s\"]\n", app.url);
    let config = CONFIG.replace("url = \"http://127.0.0.1:1\"\n", &shop);
    let gate = Program::serve_file(&config, &[("secret", SECRET)]);
    let body = b"an order";
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
    assert_eq!(gate.client().ask(delivery).status, 200);
    let id = &ids(&gate)[0];
    let event = || owner(&gate, &format!("GET /api/v1/inbox/events/{id}")).ok(200);
    wait_until("it is delivered", || {
        event()["deliveries"][0]["state"] == "delivered"
    });
    let event = event();
    let mut attempts = event["attempts"].clone();
    let all = attempts.as_array_mut().expect("a list").iter_mut();
    let mut before = event["received"].as_str().expect("a time").to_owned();
    for one in all {
        let started = one["started"].take();
        let started = started.as_str().expect("a time").to_owned();
        assert!(started >= before, "{event}");
        before = started;
        let ms = one["ms"].take().as_f64().expect("a number");
        assert!(ms > 0.0 && ms < 30_000.0, "{event}");
    }
    assert_eq!(
        attempts,
        json!([
            {
                "destination": "shop", "number": 1, "started": null, "ms": null,
                "result": "failed", "status": 500, "reason": "destination-answered",
                "response": "out of stock",
            },
            {
                "destination": "shop", "number": 2, "started": null, "ms": null,
                "result": "delivered", "status": 204, "reason": null, "response": null,
            },
        ])
    );
    let shown = owner(&gate, &format!("GET /api/v1/deliveries/{id}")).ok(200);
    assert_eq!(shown["event"]["attempts"], event["attempts"]);
    let printed = inbox(&gate, &["show", id, "--json"]).ends(0).json();
    assert_eq!(printed[0]["attempts"], event["attempts"]);
    let text = inbox(&gate, &["show", id]).ends(0);
    for part in [
        "shop: attempt 1 failed after ",
        " ms (destination-answered 500: out of stock)\n",
        "shop: attempt 2 delivered after ",
        " ms (204)\n",
    ] {
        assert!(text.text().contains(part), "{part}: {}", text.text());
    }

    // Only the gate that made the attempts remembers them.
    gate.signal("TERM");
    let show = || inbox(&gate, &["show", id, "--json"]);
    wait_until("the command opens the store itself", || {
        let shown = show();
        shown.status == 0 && shown.json()[0]["attempts"] == json!([])
    });
    assert_eq!(show().json()[0]["deliveries"][0]["attempts"], 2);
}
