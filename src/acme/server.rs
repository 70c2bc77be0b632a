//! The ACME server, named by the URL of its directory.

use std::{fmt, str::FromStr};

use instant_acme::LetsEncrypt;
use ring::digest::{SHA256, digest};

use crate::net::destination_address::{Address, Transport};

/// An ACME server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AcmeServer {
    /// Let's Encrypt.
    #[default]
    Production,
    /// Let's Encrypt's server for trials, whose certificates no client trusts.
    Staging,
    /// Another server.
    Other {
        /// The URL of its directory.
        directory: String,
        /// The host and the port.
        place: String,
    },
}

/// The text names no ACME server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected \"production\" or \"staging\" (Let's Encrypt), or the https URL of a directory")]
pub struct AcmeServerError;

impl AcmeServer {
    /// Returns the URL of the directory.
    pub(super) fn directory(&self) -> &str {
        match self {
            Self::Production => LetsEncrypt::Production.url(),
            Self::Staging => LetsEncrypt::Staging.url(),
            Self::Other { directory, .. } => directory,
        }
    }

    /// Returns the port of the directory.
    #[must_use]
    pub fn port(&self) -> u16 {
        let address: Option<Address> = self.directory().parse().ok();
        match address.as_ref().map(Address::transport) {
            Some(Transport::Tcp { port, .. }) => *port,
            _ => 443,
        }
    }

    /// Returns whether the server connects to port 443 and to no other.
    #[must_use]
    pub fn needs_port_443(&self) -> bool {
        // A private server may be told another port.
        !matches!(self, Self::Other { .. })
    }

    /// Returns a name for the server's files.
    pub(super) fn folder(&self) -> String {
        match self {
            Self::Production | Self::Staging => self.to_string(),
            Self::Other { directory, place } => format!("{place}-{}", short_digest(directory)),
        }
    }
}

/// Returns eight digits that tell texts apart.
pub(super) fn short_digest(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter().take(4);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

impl FromStr for AcmeServer {
    type Err = AcmeServerError;

    fn from_str(text: &str) -> Result<Self, AcmeServerError> {
        match text {
            "production" => return Ok(Self::Production),
            "staging" => return Ok(Self::Staging),
            _ => {}
        }
        let address: Address = text.parse().map_err(|_| AcmeServerError)?;
        match address.transport() {
            Transport::Tcp {
                host,
                port,
                tls: true,
            } if address.target().is_some() => Ok(Self::Other {
                directory: text.to_owned(),
                place: format!("{}-{port}", host.replace(':', "_")),
            }),
            _ => Err(AcmeServerError),
        }
    }
}

impl fmt::Display for AcmeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Other { directory, .. } => directory,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_folder() {
        let server = |text: &str| text.parse::<AcmeServer>();
        let urls = [
            "https://[::1]:14000/dir",
            "https://ca.internal/a",
            "https://ca.internal/b",
        ];
        let mut folders = Vec::new();
        for text in ["production", "staging"].iter().chain(&urls) {
            let server = server(text).expect("a server");
            assert_eq!(server.to_string(), *text);
            let folder = server.folder();
            assert!(!folder.contains(['/', ':']), "{folder}");
            folders.push(folder);
        }
        folders.sort_unstable();
        folders.dedup();
        assert_eq!(folders.len(), 5);
        for text in [
            "",
            "live",
            "http://ca.internal/a",
            "https://ca.internal",
            "unix:/x",
            "https://a@b/c",
        ] {
            assert_eq!(server(text), Err(AcmeServerError), "{text}");
        }
    }
}
