//! The sockets that a gate listens on.

mod acceptor;
mod bound;
mod listen_address;
mod open;
mod probe;
mod socket_file;
mod tcp;

pub(crate) use acceptor::{Acceptor, Incoming};
pub use bound::Listener;
pub use listen_address::{ListenAddress, ListenAddressError};
