//! The address of a destination: a URL or a Unix socket, parsed into the parts that an attempt
//! needs.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery},
};

/// A destination's address: `http://host[:port][/path]`, `https://…`, or `unix:/socket[:/path]`.
///
/// With a path, every request is sent to exactly that path. Without one, a request keeps its
/// target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    transport: Transport,
    target: Option<PathAndQuery>,
    host: HeaderValue,
}

/// The transport to a destination, without the request's target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP, with or without TLS.
    Tcp {
        /// A name, an IPv4 address, or an IPv6 address without its brackets.
        host: String,
        /// The port. It defaults to that of the scheme.
        port: u16,
        /// Whether the URL's scheme is `https`.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// The reason why a text is not an address. It does not contain the text, because a URL may hold a
/// password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text begins with neither `http://`, `https://` nor `unix:/`.
    #[error("expected http://HOST[:PORT][/PATH], https://… or unix:/SOCKET[:/PATH]")]
    Scheme,
    /// The URL contains a user name or a password.
    #[error(
        "a user name or password in a URL would end up in logs; in the file, a destination takes it as \
         `headers = {{ authorization = {{ file = \"…\" }} }}`"
    )]
    Userinfo,
    /// The host or the port is missing or invalid.
    #[error("the URL's host or port is not valid")]
    Authority,
    /// The path cannot be a request's target.
    #[error("the URL's path is not valid")]
    Path,
}

impl Address {
    /// Returns the address of a Unix socket, without a target.
    #[must_use]
    pub fn unix(socket: &Path) -> Self {
        Self {
            transport: Transport::Unix(socket.to_owned()),
            target: None,
            host: HeaderValue::from_static("localhost"),
        }
    }

    /// Returns the address with dots instead of a query, which may contain a token.
    #[must_use]
    pub fn without_query(&self) -> Self {
        let shown = self.target.as_ref().map(|target| match target.query() {
            Some(_) => PathAndQuery::try_from(format!("{}?...", target.path())),
            None => Ok(target.clone()),
        });
        Self {
            target: shown.and_then(Result::ok),
            ..self.clone()
        }
    }

    /// Returns the address with dots instead of a path and a query, which may be a secret.
    #[must_use]
    pub fn without_target(&self) -> Self {
        let dots = self.target.as_ref().filter(|target| *target != "/");
        Self {
            target: dots.map(|_| PathAndQuery::from_static("/...")),
            ..self.clone()
        }
    }

    /// Returns the transport.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Returns the target of every request, if the address contains a path.
    #[must_use]
    pub fn target(&self) -> Option<&PathAndQuery> {
        self.target.as_ref()
    }

    /// Returns the `Host` of requests to this destination. For a Unix socket it is `localhost`.
    #[must_use]
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Returns whether the connection uses TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tcp { tls: true, .. })
    }

    /// Returns whether the destination can only be on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.transport {
            Transport::Unix(_) => true,
            Transport::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some(rest) => parse_unix(rest),
            None => parse_url(text),
        }
    }
}

/// Parses `/socket` or, as nginx writes it, `/socket:/path`.
fn parse_unix(rest: &str) -> Result<Address, AddressError> {
    let (socket, target) = match rest.split_once(":/") {
        Some((socket, _)) => (socket, Some(&rest[socket.len() + 1..])),
        None => (rest, None),
    };
    if !socket.starts_with('/') {
        return Err(AddressError::Scheme);
    }
    Ok(Address {
        transport: Transport::Unix(PathBuf::from(socket)),
        target: target
            .map(|path| path.parse().map_err(|_| AddressError::Path))
            .transpose()?,
        host: HeaderValue::from_static("localhost"),
    })
}

fn parse_url(text: &str) -> Result<Address, AddressError> {
    let tls = match text.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
        _ => return Err(AddressError::Scheme),
    };
    let uri: Uri = text.parse().map_err(|_| AddressError::Authority)?;
    let authority = uri.authority().ok_or(AddressError::Authority)?;
    if authority.as_str().contains('@') {
        return Err(AddressError::Userinfo);
    }
    let port = port(authority, tls)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(AddressError::Authority);
    }
    Ok(Address {
        transport: Transport::Tcp { host, port, tls },
        target: named_path(text, &uri),
        host: HeaderValue::from_str(authority.as_str()).map_err(|_| AddressError::Authority)?,
    })
}

/// Parses the port. `Authority::port` would ignore one that is not a number or too large.
fn port(authority: &Authority, tls: bool) -> Result<u16, AddressError> {
    let after_brackets = authority.as_str().rsplit(']').next().unwrap_or_default();
    match after_brackets.split_once(':') {
        None => Ok(if tls { 443 } else { 80 }),
        Some((_, port)) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(AddressError::Authority),
    }
}

/// Returns the path, if the text contains one. `Uri` gives every URL a `/`.
fn named_path(text: &str, uri: &Uri) -> Option<PathAndQuery> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    after_scheme
        .contains(['/', '?'])
        .then(|| uri.path_and_query().cloned())
        .flatten()
}

/// Omits the target, which may be confidential.
impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(socket) => write!(f, "unix:{}", socket.display()),
            Self::Tcp { host, port, tls } => {
                let scheme = if *tls { "https" } else { "http" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Unix(socket) => {
                write!(f, "unix:{}", socket.display())?;
                if self.target.is_some() {
                    f.write_str(":")?;
                }
            }
            Transport::Tcp { tls, .. } => {
                let scheme = if *tls { "https" } else { "http" };
                write!(f, "{scheme}://{}", self.host.to_str().unwrap_or_default())?;
            }
        }
        match &self.target {
            Some(target) => f.write_str(target.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn a_transport_shows_neither_path_nor_query() {
        for (text, shown) in [
            (
                "http://app.example/hooks?key=planted",
                "http://app.example:80",
            ),
            ("https://[::1]/a", "https://[::1]:443"),
            ("unix:/run/app.sock:/hooks", "unix:/run/app.sock"),
        ] {
            assert_eq!(parsed(text).transport().to_string(), shown);
        }
    }

    #[test]
    fn a_query_can_be_left_out() {
        for (text, shown) in [
            (
                "http://app.example/hooks?key=planted",
                "http://app.example/hooks?...",
            ),
            (
                "unix:/run/app.sock:/hooks?key=planted",
                "unix:/run/app.sock:/hooks?...",
            ),
            ("http://app.example/hooks", "http://app.example/hooks"),
            ("http://app.example", "http://app.example"),
        ] {
            assert_eq!(parsed(text).without_query().to_string(), shown);
        }
    }

    #[test]
    fn a_secret_path_can_be_left_out() {
        for (text, shown) in [
            (
                "https://hooks.example/T0/planted?key=planted",
                "https://hooks.example/...",
            ),
            ("unix:/run/app.sock:/planted", "unix:/run/app.sock:/..."),
            ("https://hooks.example:8443", "https://hooks.example:8443"),
        ] {
            assert_eq!(parsed(text).without_target().to_string(), shown);
        }
    }

    #[test]
    fn a_url_without_a_path_names_no_target() {
        for text in [
            "http://127.0.0.1:3000",
            "https://app.example",
            "unix:/run/app.sock",
        ] {
            let address = parsed(text);
            assert_eq!(address.target(), None, "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_written_path_is_the_target() {
        assert_eq!(parsed("http://h/").target().expect("a path"), "/");
        assert_eq!(parsed("http://h/a?b=c").target().expect("a path"), "/a?b=c");
        let unix = parsed("unix:/run/app.sock:/hooks");
        assert_eq!(unix.target().expect("a path"), "/hooks");
        assert_eq!(unix.to_string(), "unix:/run/app.sock:/hooks");
    }

    #[test]
    fn default_ports_and_brackets() {
        let tcp = |text: &str| match parsed(text).transport().clone() {
            Transport::Tcp { host, port, tls } => (host, port, tls),
            Transport::Unix(_) => panic!("not TCP"),
        };
        assert_eq!(tcp("http://a"), ("a".into(), 80, false));
        assert_eq!(tcp("HTTP://a"), ("a".into(), 80, false));
        assert_eq!(tcp("https://a"), ("a".into(), 443, true));
        assert_eq!(tcp("http://[::1]:81/x"), ("::1".into(), 81, false));
        assert_eq!(parsed("http://[::1]:81/x").host(), "[::1]:81");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for (text, expected) in [
            ("127.0.0.1:3000", AddressError::Scheme),
            ("ftp://a", AddressError::Scheme),
            ("unix:relative", AddressError::Scheme),
            ("http://", AddressError::Authority),
            ("http://a:0", AddressError::Authority),
            ("http://a:99999", AddressError::Authority),
            ("http://user:hunter2@a", AddressError::Userinfo),
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn loopback_is_told_from_elsewhere() {
        for text in [
            "http://localhost:1",
            "http://127.9.9.9",
            "http://[::1]",
            "unix:/s",
        ] {
            assert!(parsed(text).is_loopback(), "{text}");
        }
        for text in ["http://10.0.0.1", "https://localhost.example"] {
            assert!(!parsed(text).is_loopback(), "{text}");
        }
    }
}
