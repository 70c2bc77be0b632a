//! What the gate protects: endpoints, each a path (and perhaps a host) with its policy and its destination. How one is
//! found is `route`'s.

mod host;
mod layer;
mod route;

use std::sync::Arc;

use tower_cartgate::{Policies, Policy, Secret, SecretName};

use crate::{destination::Destination, exchange::Exchange};

pub use host::{Host, HostError};
pub(crate) use layer::find_endpoint;
pub use route::{Endpoints, PathRule, PathRuleError};

/// A path of the gate with what its deliveries are judged by and where verified ones go.
#[derive(Debug)]
pub struct Endpoint {
    /// What logs and destinations call it.
    pub name: Arc<str>,
    /// Which paths are its.
    pub path: PathRule,
    /// Which host is its; none for every host.
    pub host: Option<Host>,
    /// What its requests are judged by.
    pub policy: Arc<Policy>,
    /// Its secrets by name, for the doctor; the policy holds only their keyed state.
    pub secrets: Vec<(SecretName, Secret)>,
    /// Where verified deliveries go.
    pub destination: Arc<Destination>,
}

impl Endpoint {
    /// The names of its secrets, for people.
    #[must_use]
    pub fn secret_names(&self) -> String {
        let names: Vec<_> = self.policy.keyring().names().map(AsRef::as_ref).collect();
        names.join(", ")
    }
}

/// Gives the layer the policy of the endpoint that was found for the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointPolicies;

impl Policies for EndpointPolicies {
    fn policy(&self, head: &http::request::Parts) -> Option<Arc<Policy>> {
        let endpoint = Exchange::of(&head.extensions)?.endpoint()?;
        Some(Arc::clone(&endpoint.policy))
    }
}
