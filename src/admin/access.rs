//! Access to the admin listener: its host names, its token, and the addresses that it may listen
//! on.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, HOST, ORIGIN},
    uri::Authority,
};
use subtle::ConstantTimeEq as _;
use tower_cartgate::Secret;

use crate::{net::listener::ListenAddress, proxy::config::admin::AdminAccess};

/// The error of an admin listener that other machines can reach and no token protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "other machines can reach the admin listener there; give it a token, or an address such as \
     127.0.0.1:9180 or unix:/path"
)]
pub struct NeedsToken;

/// Checks whether an admin listener may use `address`. Without a token, only this machine may be
/// able to reach it.
///
/// # Errors
///
/// [`NeedsToken`], also when a name could resolve to another address than loopback.
pub fn may_listen(address: &ListenAddress, has_token: bool) -> Result<(), NeedsToken> {
    let local = match address {
        ListenAddress::Unix(_) => true,
        ListenAddress::Tcp(text) => is_loopback(text),
        // The systemd unit, which is unknown here, defines the address.
        ListenAddress::Systemd(_) => false,
    };
    if has_token || local {
        Ok(())
    } else {
        Err(NeedsToken)
    }
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

fn ip(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// The error of a token that no request can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected visible ASCII characters without spaces in one line, as a bearer token needs")]
pub struct TokenError;

/// Checks whether a request can carry `token`. A header cannot carry a space or a second line of
/// it.
///
/// # Errors
///
/// [`TokenError`], which does not quote the token.
pub fn may_be_token(token: &Secret) -> Result<(), TokenError> {
    let visible = token.expose().iter().all(u8::is_ascii_graphic);
    visible.then_some(()).ok_or(TokenError)
}

/// Returns whether the Host of a request names this listener. The name of a web page in an
/// operator's browser can resolve to 127.0.0.1 (DNS rebinding), so that the page could read the
/// responses; but the page cannot send an address or `localhost` as the Host.
pub(super) fn names_us(headers: &HeaderMap, settings: &AdminAccess) -> bool {
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    let host = authority.host();
    let known = |name: &String| name.eq_ignore_ascii_case(host);
    !authority.as_str().contains('@')
        && (ip(host).is_some()
            || host.eq_ignore_ascii_case("localhost")
            || settings.hosts.iter().any(known))
}

/// The header that a request for a change must carry. A web page can send it to another site only
/// with its permission (CORS), which this listener never grants.
pub(crate) const CHANGE: HeaderName = HeaderName::from_static("x-cartgate-admin");

/// Returns whether a request for a change may come from a web page in an operator's browser.
/// Browsers mark the requests of pages with `Origin` or `Sec-Fetch-Site`. Old ones do not, but
/// prevent pages from adding a header.
pub(super) fn may_be_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN)
        || headers.contains_key("sec-fetch-site")
        || !headers.contains_key(CHANGE)
}

/// Returns whether a request carries the token, if the listener has one.
pub(super) fn has_token(headers: &HeaderMap, settings: &AdminAccess) -> bool {
    let Some(token) = &settings.token else {
        return true;
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    bearer(value).is_some_and(|given| given.ct_eq(token.expose()).into())
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| {
            let value = HeaderValue::from_str(value).expect("a value");
            (name.clone(), value)
        });
        values.collect()
    }

    #[test]
    fn only_this_machine_is_listened_to_without_a_token() {
        for local in [
            "127.0.0.1:9180",
            "127.9.0.1:1",
            "[::1]:9180",
            "localhost:1",
            "unix:/run/a",
        ] {
            let address = local.parse().expect("an address");
            assert_eq!(may_listen(&address, false), Ok(()), "{local}");
        }
        for open in [
            ":9180",
            "0.0.0.0:1",
            "[::]:1",
            "10.0.0.1:1",
            "admin.example:1",
            "localhost.example:1",
        ] {
            let address = open.parse().expect("an address");
            assert_eq!(may_listen(&address, false), Err(NeedsToken), "{open}");
            assert_eq!(may_listen(&address, true), Ok(()), "{open}");
        }
    }

    #[test]
    fn a_name_that_others_can_give_is_not_ours() {
        let settings = AdminAccess {
            hosts: vec!["gate.internal".into()],
            ..AdminAccess::default()
        };
        let ours = |values: &[&str]| names_us(&headers(&HOST, values), &settings);
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

    #[test]
    fn a_token_that_nobody_could_give_is_none() {
        let may_be = |token: &str| may_be_token(&Secret::new(token).expect("a secret"));
        assert_eq!(may_be("planted-token~/+="), Ok(()));
        for token in ["planted token", "planted ", "planted\n", "pl\u{e4}nted"] {
            assert_eq!(may_be(token), Err(TokenError), "{token}");
        }
    }

    #[test]
    fn a_token_is_asked_for_where_there_is_one() {
        let open = AdminAccess::default();
        assert!(has_token(&HeaderMap::new(), &open));
        let settings = AdminAccess {
            token: Some(Secret::new("planted-token").expect("a token")),
            ..open
        };
        let given = |values: &[&str]| has_token(&headers(&AUTHORIZATION, values), &settings);
        assert!(given(&["Bearer planted-token"]));
        assert!(given(&["bearer  planted-token"]));
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer planted-toke",
            "Basic planted-token",
            "planted-token",
        ] {
            assert!(!given(&[wrong]), "{wrong}");
        }
        assert!(!given(&[]));
        assert!(!given(&["Bearer planted-token", "Bearer planted-token"]));
    }
}
