//! Start, reload and drain of a gate.

pub(crate) mod fd_limit;
pub(crate) mod run;
pub mod service_manager;
