//! The middleware that passes only genuine deliveries to a service.
//!
//! [`VerifyLayer`] creates a [`VerifyService`]. Its future receives and verifies a body, and its
//! [`ResponseBody`] is that of the inner service or of a rejection.

mod body;
mod future;
mod late;
mod layer;
mod service;
mod shared;

pub use body::ResponseBody;
pub use future::VerifyFuture;
pub use layer::VerifyLayer;
pub use service::VerifyService;
