//! The state that all clones of a service share.

use std::sync::Arc;

use http::{Response, request::Parts};

use crate::{Observe, Policy, ProblemJson, Rejection, RejectionBody, Respond};

/// The policies, the observer and the responder of a layer.
#[derive(Debug)]
pub(crate) struct Shared<P, O, R> {
    pub(crate) policies: Arc<P>,
    pub(crate) observe: Arc<O>,
    pub(crate) respond: Arc<R>,
}

impl<P> Shared<P, (), ProblemJson> {
    pub(super) fn new(policies: P) -> Self {
        Self {
            policies: Arc::new(policies),
            observe: Arc::new(()),
            respond: Arc::new(ProblemJson),
        }
    }
}

impl<P, O: Observe, R: Respond> Shared<P, O, R> {
    /// Reports a rejection and returns the response to it, with the rejection in its extensions.
    pub(super) fn reject(
        &self,
        rejection: Rejection,
        head: &Parts,
        policy: Option<&Policy>,
    ) -> Response<RejectionBody> {
        self.observe.rejected(&rejection, head);
        let mut response = self.respond.respond(&rejection, policy);
        response.extensions_mut().insert(rejection);
        response
    }
}
