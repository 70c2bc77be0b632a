//! What the gate protects: endpoints, each a path with its policy and its destination, and the
//! look-up from a request's path to its endpoint.

mod layer;
mod query;

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName};
use tower_cartgate::{Policies, Policy, Secret, SecretName};

use crate::{destination::Destination, exchange::Exchange};

pub(crate) use layer::find_endpoint;
pub use query::Query;

/// A path of the gate with what its deliveries are judged by and where verified ones go.
#[derive(Debug)]
pub struct Endpoint {
    /// What logs and destinations call it.
    pub name: Arc<str>,
    /// Which paths are its.
    pub path: PathRule,
    /// What its requests are judged by.
    pub policy: Arc<Policy>,
    /// Its secrets by name, for the doctor; the policy holds only their keyed state.
    pub secrets: Vec<(SecretName, Secret)>,
    /// What becomes of a target's query.
    pub query: Query,
    /// What its deliveries' headers have more or less than other endpoints'.
    pub headers: HeaderChanges,
    /// Where verified deliveries go.
    pub destination: Arc<Destination>,
}

/// What an operator changes in the headers of an endpoint's deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// What every delivery carries, in the place of what the sender says under the same name. Names
    /// that [`header_may_be_set`](crate::destination::header_may_be_set) allows.
    pub add: HeaderMap,
    /// What no delivery carries. Names that
    /// [`header_may_be_dropped`](crate::destination::header_may_be_dropped) allows.
    pub drop: Vec<HeaderName>,
}

impl Endpoint {
    /// An endpoint that passes queries, and changes no headers of its own.
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
            policy: Arc::new(policy),
            secrets,
            query: Query::default(),
            headers: HeaderChanges::default(),
            destination,
        }
    }

    /// The names of its secrets, for people.
    #[must_use]
    pub fn secret_names(&self) -> String {
        let names: Vec<_> = self.policy.keyring().names().map(AsRef::as_ref).collect();
        names.join(", ")
    }
}

/// Which paths belong to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// This path, byte for byte.
    Exact(String),
    /// Every path: written `/*`.
    All,
}

/// The text is no path of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a path such as /webhooks/orders without a query, or /* for every path")]
pub struct PathRuleError;

impl std::str::FromStr for PathRule {
    type Err = PathRuleError;

    fn from_str(text: &str) -> Result<Self, PathRuleError> {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '*');
        match text {
            "/*" => Ok(Self::All),
            _ if text.starts_with('/') && text.chars().all(plain) => {
                Ok(Self::Exact(text.to_owned()))
            }
            _ => Err(PathRuleError),
        }
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::All => f.write_str("/*"),
        }
    }
}

/// The endpoints of one configuration.
#[derive(Debug, Clone)]
pub struct Endpoints {
    all: Arc<[Arc<Endpoint>]>,
}

impl Endpoints {
    /// Looks endpoints up in this order: exact paths win over `/*` wherever it stands.
    #[must_use]
    pub fn new(mut endpoints: Vec<Endpoint>) -> Self {
        endpoints.sort_by_key(|endpoint| endpoint.path == PathRule::All);
        let all = endpoints.into_iter().map(Arc::new).collect();
        Self { all }
    }

    /// The endpoint that a path belongs to. The path is compared as it was sent: nothing is
    /// decoded or normalized, so no second spelling of a path reaches an endpoint.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Arc<Endpoint>> {
        self.all.iter().find(|endpoint| match &endpoint.path {
            PathRule::Exact(own) => own == path,
            PathRule::All => path.starts_with('/'),
        })
    }

    /// Every endpoint.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.all.iter()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_rule_is_a_path_or_all() {
        assert_eq!("/*".parse(), Ok(PathRule::All));
        assert_eq!("/a/b".parse(), Ok(PathRule::Exact("/a/b".into())));
        for text in ["", "a", "/a?b", "/a#b", "/a/*", "/a b", "*", "/é"] {
            assert_eq!(text.parse::<PathRule>(), Err(PathRuleError), "{text}");
        }
    }
}
