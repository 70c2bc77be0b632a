//! The host and the path by which a delivery reaches an endpoint.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header::HOST, uri::PathAndQuery};

use crate::{
    client::Outgoing,
    endpoint::{Endpoint, Endpoints, PathRule},
};

/// Hosts for an endpoint that accepts any. Another endpoint may have claimed the first.
const HOSTS: [&str; 2] = ["localhost", "cartgate.invalid"];

/// Paths for an endpoint that accepts any. Another endpoint may have claimed the first.
const PATHS: [&str; 2] = ["/", "/cartgate-test"];

/// The host and the path of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeliveryAddress {
    host: HeaderValue,
    target: PathAndQuery,
}

impl DeliveryAddress {
    /// Returns an address of this endpoint; none if other endpoints take all of its requests.
    pub(crate) fn of(endpoint: &Arc<Endpoint>, endpoints: &Endpoints) -> Option<Self> {
        let own_host = endpoint.host.as_ref().map(ToString::to_string);
        let hosts = own_host.as_deref().map_or(&HOSTS[..], |_| &[]);
        let hosts = own_host.as_deref().into_iter().chain(hosts.iter().copied());
        let (own_path, paths) = match &endpoint.path {
            PathRule::Exact(path) => (Some(path.as_str()), &[][..]),
            PathRule::All => (None, &PATHS[..]),
        };
        let paths = own_path.into_iter().chain(paths.iter().copied());
        let mut all = hosts.flat_map(|host| paths.clone().map(move |path| (host, path)));
        let leads_there = |&(host, path): &(&str, &str)| {
            let found = endpoints.find(host, path);
            found.is_some_and(|found| Arc::ptr_eq(found, endpoint))
        };
        let (host, path) = all.find(leads_there)?;
        Some(Self {
            host: host.parse().ok()?,
            target: path.parse().ok()?,
        })
    }

    /// Addresses a delivery.
    pub(crate) fn apply(self, outgoing: Outgoing) -> Outgoing {
        let mut headers = HeaderMap::with_capacity(outgoing.headers.len() + 1);
        headers.insert(HOST, self.host);
        headers.extend(outgoing.headers);
        Outgoing {
            headers,
            target: Some(self.target),
            ..outgoing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tower_cartgate::{Keyring, Policy, Secret};

    use crate::destination::{Destination, Settings};

    fn endpoints(routes: &[(&str, Option<&str>)]) -> Endpoints {
        let of = |&(path, host): &(&str, Option<&str>)| {
            let secret = Secret::new("a secret of the tests").expect("not empty");
            let address = "http://127.0.0.1:1".parse().expect("an address");
            let destination = Destination::new("app", address, Settings::default(), 1);
            Endpoint {
                host: host.map(|host| host.parse().expect("a host")),
                ..Endpoint::new(
                    path,
                    path.parse().expect("a path"),
                    Policy::new(Keyring::single(secret)),
                    Vec::new(),
                    Arc::new(destination.expect("plain HTTP needs no certificate")),
                )
            }
        };
        Endpoints::new(routes.iter().map(of).collect())
    }

    #[track_caller]
    fn address(routes: &[(&str, Option<&str>)], of: usize) -> Option<(String, String)> {
        let endpoints = endpoints(routes);
        let endpoint = endpoints.iter().nth(of).expect("an endpoint");
        let address = DeliveryAddress::of(endpoint, &endpoints)?;
        let host = address.host.to_str().expect("text").to_owned();
        Some((host, address.target.to_string()))
    }

    fn at(host: &str, path: &str) -> Option<(String, String)> {
        Some((host.to_owned(), path.to_owned()))
    }

    #[test]
    fn an_endpoint_is_addressed_by_its_own_host_and_path() {
        let shop = Some("shop.example");
        assert_eq!(address(&[("/a", None)], 0), at("localhost", "/a"));
        assert_eq!(address(&[("/a", shop)], 0), at("shop.example", "/a"));
        assert_eq!(address(&[("/*", shop)], 0), at("shop.example", "/"));
    }

    #[test]
    fn other_endpoints_are_gone_around() {
        let local = Some("localhost");
        let taken = [("/a", None), ("/a", local)];
        assert_eq!(address(&taken, 0), at("cartgate.invalid", "/a"));
        let root = [("/*", None), ("/", None)];
        assert_eq!(address(&root, 0), at("localhost", "/cartgate-test"));
        let both = [("/*", None), ("/", None), ("/*", local)];
        assert_eq!(address(&both, 0), at("cartgate.invalid", "/cartgate-test"));
    }

    #[test]
    fn an_endpoint_behind_its_twin_has_no_address() {
        assert_eq!(address(&[("/a", None), ("/a", None)], 1), None);
    }
}
