//! The admission of connections and bodies: places for connections, memory for bodies, and the
//! order in which their holders lose them.

pub(crate) mod connections;
pub(crate) mod memory;
mod share;
mod standing;

pub(crate) use connections::{ConnectionPermit, Connections};
pub(crate) use memory::{HeldMemory, Memory};
pub(crate) use share::Holder;
