//! The endpoints of one configuration, and the look-up of a request's endpoint by path and host.
//!
//! The look-up costs the same for one endpoint and for a thousand. The more exact route wins,
//! whatever the order: a path before `/*`, a host before any host.

use std::{collections::HashMap, sync::Arc};

use subtle::ConstantTimeEq as _;
use tower_cartgate::{Secret, SecretName};

use super::{
    host::{Host, host_name},
    path_rule::PathRule,
    settings::Endpoint,
};

/// The indices of the endpoints with one path: one for each host, and one for any host.
#[derive(Debug, Default)]
struct Hosts {
    by_host: HashMap<Host, usize>,
    any_host: Option<usize>,
}

impl Hosts {
    fn add(&mut self, index: usize, host: Option<&Host>) {
        match host {
            Some(host) => self.by_host.entry(host.clone()).or_insert(index),
            None => self.any_host.get_or_insert(index),
        };
    }

    fn find(&self, host: &str) -> Option<usize> {
        let named = if self.by_host.is_empty() {
            None
        } else {
            self.by_host.get(&*host_name(host))
        };
        named.copied().or(self.any_host)
    }
}

/// The endpoints of one configuration.
#[derive(Debug, Clone)]
pub struct Endpoints {
    all: Arc<[Arc<Endpoint>]>,
    exact: Arc<HashMap<String, Hosts>>,
    every_path: Arc<Hosts>,
}

impl Endpoints {
    /// Takes the endpoints in the order of the configuration.
    #[must_use]
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let all: Arc<[_]> = endpoints.into_iter().map(Arc::new).collect();
        let (mut exact, mut every_path) = (HashMap::<_, Hosts>::new(), Hosts::default());
        for (index, endpoint) in all.iter().enumerate() {
            let hosts = match &endpoint.path {
                PathRule::Exact(path) => exact.entry(path.clone()).or_default(),
                PathRule::All => &mut every_path,
            };
            hosts.add(index, endpoint.host.as_ref());
        }
        Self {
            all,
            exact: Arc::new(exact),
            every_path: Arc::new(every_path),
        }
    }

    /// Finds the endpoint of a request to `host` for `path`.
    ///
    /// The path is compared as it was sent. It is not decoded or normalized, so no other spelling
    /// of a path reaches an endpoint. (hyper removes a fragment before.)
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Endpoint>> {
        self.all.get(self.index(host, path)?)
    }

    /// Finds the index of the endpoint of a request.
    pub(crate) fn index(&self, host: &str, path: &str) -> Option<usize> {
        let exact = self.exact.get(path);
        exact
            .and_then(|hosts| hosts.find(host))
            .or_else(|| self.every_path.find(host).filter(|_| path.starts_with('/')))
    }

    /// Returns the secrets that several endpoints accept, each with the names of those endpoints.
    /// Secrets are compared by their bytes, not by their names.
    #[must_use]
    pub fn sharing(&self) -> Vec<(SecretName, Vec<String>)> {
        let mut groups: Vec<(&SecretName, &Secret, Vec<String>)> = Vec::new();
        for endpoint in self.iter() {
            for (name, secret) in &endpoint.secrets {
                let same = |one: &&Secret| bool::from(one.expose().ct_eq(secret.expose()));
                match groups.iter_mut().find(|group| same(&group.1)) {
                    Some(group) => group.2.push(endpoint.name.to_string()),
                    None => groups.push((name, secret, vec![endpoint.name.to_string()])),
                }
            }
        }
        groups
            .into_iter()
            .filter(|(.., endpoints)| endpoints.len() > 1)
            .map(|(name, _, endpoints)| (name.clone(), endpoints))
            .collect()
    }

    /// Returns all endpoints.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(routes: &[(&str, Option<&str>)]) -> Endpoints {
        let of = |&(path, host): &(&str, Option<&str>)| {
            let secret = Secret::new("a secret of the tests").expect("not empty");
            let keyring = tower_cartgate::Keyring::single(secret);
            let address = "http://127.0.0.1:1".parse().expect("an address");
            let settings = crate::destination::Settings::default();
            let destination = crate::destination::Destination::new("app", address, settings, 1);
            Endpoint {
                host: host.map(|host| host.parse().expect("a host")),
                ..Endpoint::new(
                    format!("{path} {}", host.unwrap_or("any")),
                    path.parse().expect("a path"),
                    tower_cartgate::Policy::new(keyring),
                    Vec::new(),
                    Arc::new(destination.expect("plain HTTP needs no certificate")),
                )
            }
        };
        Endpoints::new(routes.iter().map(of).collect())
    }

    #[test]
    fn the_more_exact_route_wins_wherever_it_stands() {
        let endpoints = endpoints(&[
            ("/*", None),
            ("/*", Some("a.example")),
            ("/hooks", None),
            ("/hooks", Some("a.example")),
            ("/b-only", Some("b.example")),
        ]);
        for (host, path, found) in [
            ("a.example:8080", "/hooks", "/hooks a.example"),
            ("c.example", "/hooks", "/hooks any"),
            ("A.example", "/other", "/* a.example"),
            ("c.example", "/other", "/* any"),
            ("b.example", "/b-only", "/b-only b.example"),
            ("c.example", "/b-only", "/* any"),
            ("c.example", "/hooks/", "/* any"),
            ("c.example", "/%68ooks", "/* any"),
        ] {
            let endpoint = endpoints.find(host, path).expect("one for every path");
            assert_eq!(&*endpoint.name, found, "{host} {path}");
        }
        assert!(endpoints.find("c.example", "*").is_none());
    }

    #[test]
    fn without_one_for_every_host_another_host_has_none() {
        let endpoints = endpoints(&[("/hooks", Some("a.example"))]);
        assert!(endpoints.find("a.example", "/hooks").is_some());
        assert!(endpoints.find("b.example", "/hooks").is_none());
    }
}
