//! Broken and ambiguous HTTP. Each row carries a genuine signature of the body that an attacker
//! would have read, so only the rules of framing can reject it. The gate rejects it, or sends
//! exactly one request with framing rebuilt from the bytes to the app.

mod rows;

use std::panic::AssertUnwindSafe;

use rows::{Expect, ROWS, Row};

use crate::support::{App, BODY, Gate, signature_line};

/// The minimum number of rows, so that a table that shrinks by mistake fails.
const LEAST_ROWS: usize = 100;

#[test]
fn each_row_is_refused_or_passed_as_exactly_one_request() {
    assert!(ROWS.len() >= LEAST_ROWS, "{} rows", ROWS.len());
    let app = App::content();
    let gate = Gate::before(&app);
    let wrong: Vec<String> = ROWS
        .iter()
        .filter_map(|row| {
            try_row(row, &gate, &app)
                .err()
                .map(|why| format!("{}: {why}", row.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} rows are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Returns the faults of a row, so that one run shows all of them.
fn try_row(row: &Row, gate: &Gate, app: &App) -> Result<(), String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| check(row, gate, app))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| "see above".to_owned())
    })
}

fn check(row: &Row, gate: &Gate, app: &App) {
    let seen = app.count();
    let mut client = gate.client();
    // A rejection during the write may break the pipe.
    let _ = client.try_send(row.wire());
    if row.ends {
        client.end();
    }
    for status in row.statuses() {
        let answer = client.answer();
        assert_eq!(answer.status, *status, "{answer:?}");
        assert_eq!(answer.is_the_gates(), *status != 200, "{answer:?}");
    }
    // The gate closes the connection of a rejected row, because the begin of a next request is
    // unknown.
    if !row.is_refused() {
        client.end();
    }
    client.is_closed();
    let requests = app.requests();
    let new: Vec<&[u8]> = requests[seen..]
        .iter()
        .map(|request| &request.body[..])
        .collect();
    assert_eq!(new, row.bodies(), "what reached the app");
    let others = [
        "transfer-encoding",
        "trailer",
        "te",
        "connection",
        "smuggled",
    ];
    for request in &requests[seen..] {
        for name in others {
            assert_eq!(request.header(name), None, "{request:?}");
        }
        assert_eq!(request.header("host"), app.url.strip_prefix("http://"));
    }
}

impl Row {
    fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        let mut rest = self.wire;
        while let Some(place) = rest.windows(2).position(|two| two == b"@\n") {
            wire.extend(&rest[..place]);
            wire.extend(signature_line(self.signed).bytes());
            rest = &rest[place + 2..];
        }
        wire.extend(rest);
        wire
    }

    fn statuses(&self) -> &[u16] {
        match &self.expect {
            Expect::Refused(status) => std::slice::from_ref(status),
            Expect::Passed(_) => &[200],
            Expect::Kept(statuses, _) => statuses,
            Expect::Closed => &[],
        }
    }

    fn bodies(&self) -> Vec<&[u8]> {
        match self.expect {
            Expect::Passed(body) => vec![body],
            Expect::Kept(_, bodies) => bodies.to_vec(),
            Expect::Refused(_) | Expect::Closed => Vec::new(),
        }
    }

    fn is_refused(&self) -> bool {
        matches!(self.expect, Expect::Refused(_) | Expect::Closed)
    }
}

#[test]
fn the_table_would_notice_a_passing_row() {
    // The same request without its oddity passes, so the oddity is the reason for each rejection.
    let app = App::content();
    let gate = Gate::before(&app);
    let signature = signature_line(BODY);
    let sized = format!("POST /h HTTP/1.1\r\nHost: a\r\n{signature}Content-Length: 5\r\n\r\nhello");
    let chunked = format!(
        "POST /h HTTP/1.1\r\nHost: a\r\n{signature}Transfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n"
    );
    for request in [sized, chunked] {
        assert_eq!(gate.client().ask(request).status, 200);
    }
    assert_eq!(app.count(), 2);
}
