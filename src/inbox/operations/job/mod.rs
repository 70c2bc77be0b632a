//! Jobs: operations on any number of deliveries. A job is counted when it is created, and changes
//! nothing before it is started. It then works page by page, no faster than its rate, and can be
//! cancelled between two pages.

mod action;
mod details;
mod error;
mod kept;
mod manager;
mod request;
mod status;
mod work;

pub(crate) use action::Action;
pub(crate) use details::JobDetails;
#[cfg(test)]
pub(crate) use details::Skipped;
pub(crate) use error::JobsError;
pub(crate) use manager::Jobs;
pub(crate) use request::{JobRequest, RequestError};
pub(crate) use status::JobState;
