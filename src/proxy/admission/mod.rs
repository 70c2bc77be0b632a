//! What clients may take, together and each: connections (`roster`), memory (`memory`), and one
//! body's time, rate and bytes (`body`).

pub(crate) mod connections;
pub(crate) mod memory;
mod share;
mod standing;

pub(crate) use connections::{ConnectionPermit, Connections};
pub(crate) use memory::Memory;
pub(crate) use share::Holder;
