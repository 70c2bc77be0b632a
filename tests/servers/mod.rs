//! Servers that a test can stop, cut off and start again on the same address. The library's own
//! tests include them as well, so nothing here depends on the gate.

pub(crate) mod cutter;
pub(crate) mod door;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod wait;
