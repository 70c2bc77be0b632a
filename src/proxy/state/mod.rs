//! The state of one connection, as the rest of the gate may see it.
//!
//! The list of connections reads it to choose the ones to evict, and the connection's own timeouts
//! follow it. It consists of plain atomics, which one worker writes and any thread reads.

mod connection_state;
mod framing;
mod phase;
mod progress;

pub(crate) use connection_state::ConnectionState;
pub(crate) use framing::READ_BUFFER;
pub(crate) use phase::{Phase, Stay};

#[cfg(test)]
mod tests;
