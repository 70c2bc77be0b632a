//! What the gate protects: endpoints, each a path (and perhaps a host) with its policy and its destination. How one is
//! found is `route`'s.

mod host;
mod query;
mod route;
pub(crate) mod target;

use std::sync::Arc;

use tower_cartgate::{Policy, Secret, SecretName};

use crate::{
    delivery::header_changes::{EndpointHeaders, HeaderChanges},
    destination::Destination,
};

pub use host::{Host, HostError};
pub use query::Query;
pub use route::{Endpoints, PathRule, PathRuleError};
pub use target::{Durable, Target};

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
    /// What becomes of a target's query.
    pub query: Query,
    /// What its deliveries' headers have more or less than other endpoints'.
    pub headers: HeaderChanges,
    /// Where verified deliveries go.
    pub target: Target,
}

impl Endpoint {
    /// An endpoint of every host, which hands its deliveries to one destination, passes queries and changes no headers of
    /// its own.
    pub fn new(
        name: impl Into<Arc<str>>,
        path: PathRule,
        policy: Policy,
        secrets: Vec<(SecretName, Secret)>,
        destination: Arc<Destination>,
    ) -> Self {
        Self {
            name: name.into(),
            path,
            host: None,
            policy: Arc::new(policy),
            secrets,
            query: Query::default(),
            headers: HeaderChanges::default(),
            target: Target::Direct(destination),
        }
    }

    /// Returns the settings that shape the headers of its deliveries.
    pub(crate) fn delivery_headers(&self) -> EndpointHeaders<'_> {
        EndpointHeaders {
            signature: self.policy.header(),
            changes: &self.headers,
        }
    }

    /// The names of its secrets, for people.
    #[must_use]
    pub fn secret_names(&self) -> String {
        let names: Vec<_> = self.policy.keyring().names().map(AsRef::as_ref).collect();
        names.join(", ")
    }
}
