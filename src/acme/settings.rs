//! The settings of automatic certificates.

use std::path::PathBuf;

use super::{contact::Contact, domain::Domain, server::AcmeServer};
use crate::net::connect::Trust;

/// The settings of automatic certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The names that one certificate is for, at least one.
    pub domains: Vec<Domain>,
    /// The operator's address for the server.
    pub contact: Option<Contact>,
    /// The directory of the account, the keys and the certificates.
    pub dir: PathBuf,
    /// The server.
    pub server: AcmeServer,
    /// The authorities that the server's own certificate may come from.
    pub trust: Trust,
}

impl AcmeSettings {
    /// Returns the names, separated by commas.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.domains.iter().map(Domain::as_str).collect();
        names.join(", ")
    }
}
