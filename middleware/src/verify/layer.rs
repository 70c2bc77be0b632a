//! How the middleware is put together, before there is a service to wrap.

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{Bench, VerifyService};
use crate::{Observe, Policy, PolicySource, ProblemJson, Respond, StaticPolicy};

/// Lets only genuine deliveries through to the service that it wraps.
///
/// ```
/// # use tower_cartgate::{Keyring, Policy, Secret, VerifyLayer};
/// let secret = Secret::from_line("the text from the dashboard\n")?;
/// let layer = VerifyLayer::new(Policy::new(Keyring::single(secret)));
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
pub struct VerifyLayer<P = StaticPolicy, O = (), R = ProblemJson> {
    bench: Arc<Bench<P, O, R>>,
}

impl VerifyLayer {
    /// Judges every request by this policy (or this `Arc` of one).
    #[must_use]
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        Self::with_policy_source(StaticPolicy::new(policy))
    }
}

impl<P: PolicySource> VerifyLayer<P> {
    /// Judges each request by the policy that this gives for its head: many shops, secrets that change, several endpoints.
    #[must_use]
    pub fn with_policy_source(policies: P) -> Self {
        Self::of(Bench {
            policies: Arc::new(policies),
            observe: Arc::new(()),
            respond: Arc::new(ProblemJson),
        })
    }
}

impl<P, O, R> VerifyLayer<P, O, R> {
    /// Tells each verdict to this one, in place of whom it told before.
    #[must_use]
    pub fn observe<N: Observe>(self, observe: N) -> VerifyLayer<P, N, R> {
        let Bench {
            policies, respond, ..
        } = &*self.bench;
        VerifyLayer::of(Bench {
            policies: Arc::clone(policies),
            observe: Arc::new(observe),
            respond: Arc::clone(respond),
        })
    }

    /// Answers refused requests in this way.
    #[must_use]
    pub fn respond<N: Respond>(self, respond: N) -> VerifyLayer<P, O, N> {
        let Bench {
            policies, observe, ..
        } = &*self.bench;
        VerifyLayer::of(Bench {
            policies: Arc::clone(policies),
            observe: Arc::clone(observe),
            respond: Arc::new(respond),
        })
    }

    fn of(bench: Bench<P, O, R>) -> Self {
        Self {
            bench: Arc::new(bench),
        }
    }
}

impl<S, P, O, R> Layer<S> for VerifyLayer<P, O, R> {
    type Service = VerifyService<S, P, O, R>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyService::of(inner, Arc::clone(&self.bench))
    }
}

impl<P, O, R> Clone for VerifyLayer<P, O, R> {
    fn clone(&self) -> Self {
        Self {
            bench: Arc::clone(&self.bench),
        }
    }
}

impl<P, O, R> fmt::Debug for VerifyLayer<P, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyLayer").finish_non_exhaustive()
    }
}
