//! The log of the built program: one line per request, and never a secret or a payload.

mod explain;
mod lines;
mod page;
mod planted;
mod stderr;

use serde_json::Value;

use crate::{program::Program, support::Client};

/// Returns the line of a request as JSON.
fn line_of(program: &Program, id: &str) -> Value {
    serde_json::from_str(&program.line(&[id])).expect("a line of JSON")
}

fn asked(client: &mut Client, request: impl AsRef<[u8]>) -> (u16, String) {
    let answer = client.ask(request);
    (
        answer.status,
        answer
            .header("x-cartgate-delivery")
            .expect("an id")
            .to_owned(),
    )
}
