//! The outcome of a request: the reason for a rejection or failure, and the problem response that
//! reports it.

pub(crate) mod problem;
pub(crate) mod reject_reason;
pub(crate) mod shared_reasons;
