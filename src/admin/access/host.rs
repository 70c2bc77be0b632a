//! The host names of the admin listeners.

use std::net::IpAddr;

use http::{HeaderMap, header::HOST, uri::Authority};

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
/// `localhost` as the Host.
pub(in crate::admin) fn names_us(headers: &HeaderMap, hosts: &[String]) -> bool {
    authority(headers).is_some_and(|authority| {
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
    fn a_name_that_others_can_give_is_not_ours() {
        let ours = |values: &[&str]| {
            let values = values.iter().map(|value| {
                let value = HeaderValue::from_str(value).expect("a value");
                (HOST, value)
            });
            names_us(&values.collect(), &["gate.internal".to_owned()])
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
