//! Alarms of a running gate, and `cartgate alarm test`, against receivers that record each message.

mod command;
#[expect(
    dead_code,
    reason = "shared with tests/machine, which needs more of it"
)]
mod receiver;
mod running;
