//! The address of a listener.

use std::{fmt, path::PathBuf, str::FromStr};

/// An address to listen on: `ADDRESS:PORT`, `:PORT` for every address, `localhost:PORT` for both
/// loopback addresses, `unix:/path`, or `systemd` for inherited sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A host or address, and a port. A host stands for all of its addresses, and an empty one for
    /// every address of the machine, IPv6 and IPv4.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
    /// Sockets that systemd passes: `systemd:NAME` for those with that `FileDescriptorName`,
    /// `systemd` for all that no other address names.
    Systemd(Option<String>),
}

/// The text is not an address to listen on.
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
        // `systemd:80` means a socket named 80, not port 80 of a host named systemd.
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
