//! The settings of one endpoint.

use std::{sync::Arc, time::Duration};

use tower_cartgate::{Policy, Secret, SecretName};

use super::{host::Host, path_rule::PathRule, query::Query, target::Target};
use crate::{
    delivery::header_changes::{EndpointHeaders, HeaderChanges},
    destination::Destination,
};

/// A path of the gate, with the policy for its deliveries and the target of verified ones.
#[derive(Debug)]
pub struct Endpoint {
    /// The name in logs and toward destinations.
    pub name: Arc<str>,
    /// Its paths.
    pub path: PathRule,
    /// Its host; none for every host.
    pub host: Option<Host>,
    /// The policy for its requests.
    pub policy: Arc<Policy>,
    /// Its secrets, for the doctor. The policy holds only their keyed state.
    pub secrets: Vec<(SecretName, Secret)>,
    /// The treatment of a query.
    pub query: Query,
    /// The changes to the headers of its deliveries.
    pub headers: HeaderChanges,
    /// The target of verified deliveries.
    pub target: Target,
    /// The time without a verified delivery that is an alarm; none for the learned one.
    pub silence: Option<Duration>,
}

impl Endpoint {
    /// Makes an endpoint for every host that sends its deliveries to one destination, passes
    /// queries and changes no headers.
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
            silence: None,
        }
    }

    /// Returns the settings that shape the headers of its deliveries.
    pub(crate) fn delivery_headers(&self) -> EndpointHeaders<'_> {
        EndpointHeaders {
            signature: self.policy.header(),
            changes: &self.headers,
        }
    }

    /// Returns the names of its secrets as one text.
    #[must_use]
    pub fn secret_names(&self) -> String {
        let names: Vec<_> = self.policy.keyring().names().map(AsRef::as_ref).collect();
        names.join(", ")
    }
}
