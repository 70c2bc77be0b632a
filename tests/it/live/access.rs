//! Access to the stream: it tells as much as the rest of the API.

use super::{Events, get_with, setup};
use crate::support::{App, BODY, genuine};

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
