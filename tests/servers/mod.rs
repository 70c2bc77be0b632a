//! Servers that a test can stop, cut off and start again on the same address. The library's own tests take them in as
//! well, so nothing here knows the gate.

pub(crate) mod cutter;
pub(crate) mod door;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod wait;
