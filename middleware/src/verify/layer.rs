//! The layer, which configures the middleware.

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{service::VerifyService, shared::Shared};
use crate::{Observe, Policy, PolicySource, ProblemJson, Respond, StaticPolicy};

/// Passes only genuine deliveries to the service that it wraps.
///
/// ```
/// # use tower_cartgate::{Keyring, Policy, Secret, VerifyLayer};
/// let secret = Secret::from_line("the text from the dashboard\n")?;
/// let layer = VerifyLayer::new(Policy::new(Keyring::single(secret)));
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
pub struct VerifyLayer<P = StaticPolicy, O = (), R = ProblemJson> {
    shared: Arc<Shared<P, O, R>>,
}

impl VerifyLayer {
    /// Returns a layer that applies one policy (or `Arc` of a policy) to all requests.
    #[must_use]
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        Self::with_policy_source(StaticPolicy::new(policy))
    }
}

impl<P: PolicySource> VerifyLayer<P> {
    /// Returns a layer that selects the policy of each request by its head, for several shops or
    /// endpoints, or for secrets that change.
    #[must_use]
    pub fn with_policy_source(policies: P) -> Self {
        Self::of(Shared::new(policies))
    }
}

impl<P, O, R> VerifyLayer<P, O, R> {
    /// Sets the observer of verdicts.
    #[must_use]
    pub fn observe<N: Observe>(self, observe: N) -> VerifyLayer<P, N, R> {
        let Shared {
            policies, respond, ..
        } = &*self.shared;
        VerifyLayer::of(Shared {
            policies: Arc::clone(policies),
            observe: Arc::new(observe),
            respond: Arc::clone(respond),
        })
    }

    /// Sets the responses to rejected requests.
    #[must_use]
    pub fn respond<N: Respond>(self, respond: N) -> VerifyLayer<P, O, N> {
        let Shared {
            policies, observe, ..
        } = &*self.shared;
        VerifyLayer::of(Shared {
            policies: Arc::clone(policies),
            observe: Arc::clone(observe),
            respond: Arc::new(respond),
        })
    }

    fn of(shared: Shared<P, O, R>) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<S, P, O, R> Layer<S> for VerifyLayer<P, O, R> {
    type Service = VerifyService<S, P, O, R>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyService::of(inner, Arc::clone(&self.shared))
    }
}

impl<P, O, R> Clone for VerifyLayer<P, O, R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<P, O, R> fmt::Debug for VerifyLayer<P, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyLayer").finish_non_exhaustive()
    }
}
