//! Every row of the table of responses, in its order, and the rules below the table.

mod connections;
pub(crate) mod destination;
mod head;
mod malformed;
mod signature;
mod size;
mod timeouts;
