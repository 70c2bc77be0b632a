//! The sandbox of a gate: attempts to escape from it, and the running program in it.

mod escape;
mod running;
