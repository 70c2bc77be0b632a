//! `acme` of `tls`: certificates that the gate orders from an ACME server.

use std::{path::PathBuf, sync::LazyLock};

use crate::{
    acme::{AcmeServer, AcmeSettings, Contact, Domain},
    config::{
        places::Places,
        setting::{
            definition::{Group, Section, Setting},
            kinds::{acme_server, contact, directory, domain, path},
            list::some,
            scalar::{optional, scalar},
        },
    },
    net::connect::Trust,
};

/// The directory below that of the service.
const DIR: &str = "acme";

/// The directory of the service, if systemd names none.
const STATE: &str = "/var/lib/cartgate";

/// The settings of automatic certificates.
#[derive(Debug, Clone)]
pub struct AcmePlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The names that the certificate is for.
    pub domains: Vec<Domain>,
    /// The operator's address for the server.
    pub contact: Option<Contact>,
    /// The directory of the account, the keys and the certificates; none for the default.
    pub dir: Option<PathBuf>,
    /// The server.
    pub server: AcmeServer,
    /// The authorities for the server's own certificate; none for those of this machine.
    pub ca_file: Option<PathBuf>,
}

static GROUPS: LazyLock<Vec<Group<AcmePlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "domains",
            "Domain of the gate that gets a certificate from an ACME server (Let's Encrypt)",
            some(
                domain(),
                "expected at least one domain",
                |acme: &mut AcmePlan| &mut acme.domains,
            ),
        )
        .required("the domains of the gate, such as [\"hooks.shop.example\"]")
        .details(
            "Port 443 of each must lead to the gate, where the server checks them by TLS-ALPN-01. Using it agrees to \
             the server's terms of service.",
        )
        .flag("--acme-domain"),
        Setting::new(
            "contact",
            "E-mail address of the operator, for the ACME server",
            optional(contact(), |acme: &mut AcmePlan| &mut acme.contact),
        )
        .flag("--acme-contact")
        .example("\"ops@shop.example\""),
        Setting::new(
            "dir",
            "Directory of the ACME account, the keys and the certificates, which only the gate's user can read",
            optional(directory(), |acme: &mut AcmePlan| &mut acme.dir),
        )
        .default("acme in $STATE_DIRECTORY, or in /var/lib/cartgate")
        .flag("--acme-dir")
        .example("\"/var/lib/cartgate/acme\""),
        Setting::new(
            "directory",
            "ACME server: production or staging (Let's Encrypt), or the https URL of a directory",
            scalar(acme_server(), |acme: &mut AcmePlan| &mut acme.server),
        )
        .details("Certificates of staging are for trials, and no client trusts them.")
        .flag("--acme-directory"),
        Setting::new(
            "ca_file",
            "PEM file with the only authorities for the certificate of the ACME server itself",
            optional(path(), |acme: &mut AcmePlan| &mut acme.ca_file),
        )
        .details("Without it: those that this machine trusts.")
        .flag("--acme-ca-file")
        .example("\"/etc/cartgate/acme-ca.pem\""),
    ];
    vec![Group::new("Automatic certificates", settings)]
});

impl AcmePlan {
    /// Returns the settings of the orders.
    pub(crate) fn settings(&self) -> AcmeSettings {
        // A server rejects an order that names a domain twice.
        let mut domains = self.domains.clone();
        domains.sort_unstable();
        domains.dedup();
        AcmeSettings {
            domains,
            contact: self.contact.clone(),
            dir: self.dir.clone().unwrap_or_else(default_dir),
            server: self.server.clone(),
            trust: self.ca_file.clone().map_or(Trust::Platform, Trust::CaFile),
        }
    }
}

/// Returns the directory in that of the service. systemd separates several by colons.
fn default_dir() -> PathBuf {
    let named = std::env::var("STATE_DIRECTORY").unwrap_or_default();
    let first = named.split(':').next().filter(|first| !first.is_empty());
    PathBuf::from(first.unwrap_or(STATE)).join(DIR)
}

impl Section for AcmePlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            domains: Vec::new(),
            contact: None,
            dir: None,
            server: AcmeServer::default(),
            ca_file: None,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
