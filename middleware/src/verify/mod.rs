//! The middleware that lets only genuine deliveries through to a service.
//!
//! [`VerifyLayer`] makes a [`VerifyService`]; its future collects and judges a body, its [`ResponseBody`] is the inner
//! service's or a refusal. The judgement itself is not here.

mod body;
mod future;
mod late;
mod layer;
mod service;

pub use body::ResponseBody;
pub use future::VerifyFuture;
pub use layer::VerifyLayer;
pub use service::VerifyService;

use std::sync::Arc;

/// What all clones of a service share: who says what to judge by, who watches, and who answers.
#[derive(Debug)]
pub(crate) struct Bench<P, O, R> {
    pub(crate) policies: Arc<P>,
    pub(crate) observe: Arc<O>,
    pub(crate) respond: Arc<R>,
}
