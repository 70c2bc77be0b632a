//! Every row of the table of answers, in its order, and what stands below the table.

mod connections;
pub(crate) mod destination;
mod head;
mod malformed;
mod signature;
mod size;
mod timeouts;
