//! The sockets that a gate listens on.

mod acceptor;
mod address;
mod bound;
mod open;
mod probe;
mod socket_file;
mod tcp;

pub(crate) use acceptor::{Acceptor, Incoming};
pub use address::{ListenAddress, ListenAddressError};
pub use bound::Listener;
