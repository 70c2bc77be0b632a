//! The host names of the admin listeners.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Uri, header::HOST, uri::Authority};

/// The Host by which the owner of a Unix socket is recognised. No proxy sends it by itself.
pub(in crate::admin) const OWNER_HOST: HeaderValue = HeaderValue::from_static("cartgate");

/// Returns the Host of a request, if there is exactly one and it is valid.
pub(super) fn authority(headers: &HeaderMap) -> Option<Authority> {
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let authority = Authority::try_from(value.as_bytes()).ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

/// Returns whether the Host of a request names this listener: an address, `localhost`, or one of
/// `hosts`. The name of a web page in an operator's browser can resolve to 127.0.0.1 (DNS
/// rebinding), so that the page could read the responses; but the page cannot send an address or
/// `localhost` as the Host. A host in the target itself would replace it, so it must be the same.
pub(in crate::admin) fn names_us(target: &Uri, headers: &HeaderMap, hosts: &[String]) -> bool {
    authority(headers).is_some_and(|authority| {
        if target.authority().is_some_and(|named| *named != authority) {
            return false;
        }
        let host = authority.host();
        let known = |name: &String| name.eq_ignore_ascii_case(host);
        ip(host).is_some() || host.eq_ignore_ascii_case("localhost") || hosts.iter().any(known)
    })
}

/// Parses an address, with or without brackets.
pub(super) fn ip(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_target_may_only_repeat_the_host() {
        let host = HeaderValue::from_static("127.0.0.1:9180");
        let headers = HeaderMap::from_iter([(HOST, host)]);
        let ours = |target| names_us(&Uri::from_static(target), &headers, &[]);
        assert!(ours("http://127.0.0.1:9180/api/v1/status"));
        for foreign in [
            "http://evil.example/",
            "http://127.0.0.1/",
            "http://a@127.0.0.1:9180/",
        ] {
            assert!(!ours(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_name_that_others_can_give_is_not_ours() {
        let ours = |values: &[&str]| {
            let values = values.iter().map(|value| {
                let value = HeaderValue::from_str(value).expect("a value");
                (HOST, value)
            });
            let target = Uri::from_static("/");
            names_us(&target, &values.collect(), &["gate.internal".to_owned()])
        };
        for host in [
            "127.0.0.1",
            "127.0.0.1:9180",
            "[::1]:9180",
            "LOCALHOST:1",
            "gate.internal:9180",
        ] {
            assert!(ours(&[host]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "a@127.0.0.1",
            "",
            "gate.internal.example",
        ] {
            assert!(!ours(&[host]), "{host}");
        }
        assert!(!ours(&[]));
        assert!(!ours(&["127.0.0.1", "127.0.0.1"]));
    }
}
