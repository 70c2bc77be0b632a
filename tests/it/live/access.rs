//! Access to the stream: it tells as much as the rest of the API.

use cartgate::proxy::config::admin::ConsoleMode;
use tower_cartgate::Secret;

use super::{Events, get_with, setup};
use crate::{
    admin::browser::{send, session},
    support::{App, BODY, genuine, wait_until},
};

#[test]
fn only_operators_get_the_stream_and_the_list() {
    let app = App::content();
    let gate = setup(&app).start();
    gate.client().ask(genuine(BODY));
    for lines in ["", "Authorization: Bearer planted\r\n"] {
        assert_eq!(Events::request(&gate, lines).status(), 401);
        assert_eq!(get_with(&gate, "/deliveries", lines).status, 401);
    }
}

#[test]
fn a_page_of_another_origin_cannot_open_the_stream() {
    let app = App::content();
    let gate = setup(&app).start();
    let token = super::authorization(&gate);
    for page in [
        "Origin: http://evil.example\r\n",
        "Origin: http://localhost:1\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        let refused = Events::request(&gate, &format!("{token}{page}"));
        assert_eq!(refused.status(), 403, "{page}");
    }
    let own = format!("{token}Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(Events::request(&gate, &own).status(), 200);
}

/// Reads a stream to its end.
fn drain(mut events: Events) {
    wait_until("the stream ends", || events.next().is_none());
}

#[test]
fn a_stream_ends_with_the_token_that_opened_it() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut events = Events::open(&gate);
    events.named("rates");
    let mut config = (**gate.config.borrow()).clone();
    config.admin.token = Some(Secret::new("another-planted-token").expect("a token"));
    gate.config.send_replace(config.into());
    drain(events);
}

#[test]
fn a_stream_ends_with_its_session() {
    let app = App::content();
    let gate = setup(&app).start();
    let own = "Sec-Fetch-Site: same-origin\r\n";
    let (closed, other) = (session(&gate), session(&gate));
    let open = |lines: &str| {
        let events = Events::request(&gate, &format!("{lines}{own}"));
        assert_eq!(events.status(), 200);
        events
    };
    let (mut first, mut second) = (open(&closed), open(&other));
    first.named("rates");
    let logout = format!("{closed}{own}Content-Length: 0\r\n");
    assert_eq!(send(&gate, "POST /logout", &logout).status, 204);
    drain(first);
    second.named("rates");
    let mut config = (**gate.config.borrow()).clone();
    config.admin.console = ConsoleMode::Off;
    gate.config.send_replace(config.into());
    drain(second);
}
