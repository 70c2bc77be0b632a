//! The address that a listener is given.

use std::{fmt, path::PathBuf, str::FromStr};

/// An address to listen on: `ADDRESS:PORT`, `:PORT` for every address, `localhost:PORT` for both loopback addresses,
/// `unix:/path`, or `systemd` for inherited sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A host or address, and a port. Without a host: every address, IPv6 and IPv4. A host means all of its addresses.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
    /// The sockets that systemd hands over: `systemd:NAME` those of that `FileDescriptorName`, `systemd` all
    /// that no other address names.
    Systemd(Option<String>),
}

/// The text is no address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected ADDRESS:PORT (127.0.0.1:8080, [::]:8080, :8080), unix:/path, systemd or systemd:NAME"
)]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = path.starts_with('/');
            return absolute
                .then(|| Self::Unix(path.into()))
                .ok_or(ListenAddressError);
        }
        if text == "systemd" {
            return Ok(Self::Systemd(None));
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddressError)?;
        // A host could have that name, and a socket's name could be a number: nobody should have either.
        if host == "systemd" && !port.is_empty() {
            return Ok(Self::Systemd(Some(port.to_owned())));
        }
        port.parse::<u16>().map_err(|_| ListenAddressError)?;
        Ok(Self::Tcp(text.to_owned()))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(None) => f.write_str("systemd"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}
