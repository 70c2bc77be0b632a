//! The credentials that a gate makes at its start.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tower_cartgate::Secret;

use super::codes::Codes;
use crate::{proxy::config::admin::AdminAccess, secret::random::random};

/// The token that applies if the configuration has none, and the one-time codes of links.
#[derive(Debug)]
pub struct Credentials {
    own_token: Secret,
    codes: Codes,
}

impl Credentials {
    /// Makes the credentials of a gate.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn random() -> io::Result<Self> {
        Ok(Self {
            own_token: random::<32>()?,
            codes: Codes::default(),
        })
    }

    /// Returns the token that applies if the configuration has none.
    #[must_use]
    pub fn own_token(&self) -> &Secret {
        &self.own_token
    }

    /// Makes a link that opens one session at a listener, within a quarter of an hour.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn link(&self, listener: SocketAddr) -> io::Result<String> {
        self.link_from(&origin(listener))
    }

    /// Makes a link below an origin.
    pub(in crate::admin) fn link_from(&self, origin: &str) -> io::Result<String> {
        let code = self.codes.issue()?;
        let code = String::from_utf8_lossy(code.expose());
        Ok(format!("{origin}/login?code={code}"))
    }

    /// Returns the token in force.
    pub(in crate::admin) fn token(&self, access: &AdminAccess) -> Secret {
        access.token.as_ref().unwrap_or(&self.own_token).clone()
    }

    /// Spends a one-time code; returns whether it was valid.
    pub(in crate::admin) fn spend(&self, code: &str) -> bool {
        self.codes.spend(code.as_bytes())
    }
}

/// Returns the origin at which a browser of this machine finds a listener.
pub(in crate::admin) fn origin(mut listener: SocketAddr) -> String {
    match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listener.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listener.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{listener}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_an_address_that_a_browser_can_open() {
        for (listener, expected) in [
            ("127.0.0.1:9180", "http://127.0.0.1:9180"),
            ("10.0.0.1:1", "http://10.0.0.1:1"),
            ("0.0.0.0:9180", "http://127.0.0.1:9180"),
            ("[::]:9180", "http://[::1]:9180"),
        ] {
            assert_eq!(origin(listener.parse().expect("an address")), expected);
        }
    }

    #[test]
    fn the_configured_token_replaces_our_own() {
        let credentials = Credentials::random().expect("randomness");
        let mut access = AdminAccess::default();
        let own = credentials.token(&access);
        assert_eq!(own.expose(), credentials.own_token().expose());
        access.token = Some(Secret::new("planted-token").expect("a token"));
        assert_eq!(credentials.token(&access).expose(), b"planted-token");
    }
}
