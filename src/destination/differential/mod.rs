//! Compares this client with hyper's: both read the same bytes of an app. Only the tests and the
//! fuzz target `response` build this module.
//!
//! The two agree on the status, the headers, the bytes of the body and its end, and on whether the
//! connection can be reused, or this client rejects. `agreement` lists the permitted differences.

mod agreement;
mod hyper_client;
mod input;
mod own_client;
#[cfg(test)]
mod tests;
mod view;

use self::{agreement::compare, input::Input};

/// Lets both clients read a fuzz input.
///
/// # Panics
///
/// When they differ in a way that is not permitted.
pub fn run(data: &[u8]) {
    let Some(input) = Input::parse(data) else {
        return;
    };
    let (own, other) = (own_client::read(&input), hyper_client::read(&input));
    if let Err(difference) = compare(&input, &own, &other) {
        panic!("{difference}\nours: {own:#?}\nhyper: {other:#?}\nbytes: {input:?}");
    }
}
