//! The credentials that a gate makes at its start.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tower_cartgate::Secret;

use super::{
    codes::Codes, revoked::Revoked, session::SessionId, token::is_token, wrong_tokens::WrongTokens,
};
use crate::{proxy::config::admin::AdminAccess, secret::random::random};

/// The token that applies if the configuration has none, the one-time codes of links, the sessions
/// that were closed, and the wrong tokens of the login.
#[derive(Debug)]
pub struct Credentials {
    own_token: Secret,
    codes: Codes,
    revoked: Revoked,
    wrong_tokens: WrongTokens,
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
            revoked: Revoked::default(),
            wrong_tokens: WrongTokens::default(),
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
    pub fn link(&self, listener: SocketAddr, access: &AdminAccess) -> io::Result<String> {
        self.link_from(&origin(listener), access)
    }

    /// Makes a link below an origin. It ends with the token that is in force now.
    pub(in crate::admin) fn link_from(
        &self,
        origin: &str,
        access: &AdminAccess,
    ) -> io::Result<String> {
        let code = self.codes.issue(&self.token(access))?;
        let code = String::from_utf8_lossy(code.expose());
        Ok(format!("{origin}/login?code={code}"))
    }

    /// Returns the token in force.
    pub(in crate::admin) fn token(&self, access: &AdminAccess) -> Secret {
        access.token.as_ref().unwrap_or(&self.own_token).clone()
    }

    /// Spends a one-time code; returns whether it was valid.
    pub(in crate::admin) fn spend(&self, code: &str, access: &AdminAccess) -> bool {
        self.codes.spend(code.as_bytes(), &self.token(access))
    }

    /// Compares a token of the login with the one in force.
    pub(in crate::admin) fn try_token(&self, given: &str, access: &AdminAccess) -> TokenTry {
        if !self.wrong_tokens.allow_another() {
            return TokenTry::TooMany;
        }
        match is_token(given.as_bytes(), &self.token(access)) {
            true => TokenTry::Right,
            false => TokenTry::Wrong {
                unlogged: self.wrong_tokens.count(),
            },
        }
    }

    /// Closes a session for good. `now` is in seconds.
    pub(in crate::admin) fn revoke(&self, session: SessionId, now: u64) {
        self.revoked.add(session, now);
    }

    /// Returns whether a session was closed.
    pub(in crate::admin) fn is_revoked(&self, session: &SessionId) -> bool {
        self.revoked.contains(session)
    }
}

/// The result of a login by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum TokenTry {
    /// It is the token in force.
    Right,
    /// It is another one. The log may have a line about this number of wrong tokens now.
    Wrong { unlogged: Option<u64> },
    /// It was not compared: there were too many wrong ones within a second.
    TooMany,
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
