//! What clients may take, together and each: connections (`roster`), memory (`memory`), and one
//! body's time, rate and bytes (`body`).

mod body;
mod memory;
mod roster;
mod share;
mod standing;

pub(crate) use body::{GuardedBody, skip_rest};
pub(crate) use memory::Memory;
pub(crate) use roster::{Member, Roster};
pub(crate) use share::Holder;
