//! `tls` of `[server]`: the gate's certificate, from files or from an ACME server.

use std::{path::PathBuf, sync::LazyLock};

use super::acme::AcmePlan;
use crate::config::{
    finding::Finding,
    places::Places,
    setting::{
        definition::{Group, Section, Setting},
        kinds::path,
        scalar::optional,
        table::optional_table,
    },
};

/// The gate's certificate: both files, or the settings of automatic certificates.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The chain, the gate's own certificate first.
    pub cert: Option<PathBuf>,
    /// The private key of the certificate.
    pub key: Option<PathBuf>,
    /// The settings of automatic certificates.
    pub acme: Option<AcmePlan>,
}

static GROUPS: LazyLock<Vec<Group<TlsPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "cert",
            "PEM file with the certificate chain, the gate's own certificate first",
            optional(path(), |tls: &mut TlsPlan| &mut tls.cert),
        )
        .flag("--tls-cert"),
        Setting::new(
            "key",
            "PEM file with the private key of the certificate",
            optional(path(), |tls: &mut TlsPlan| &mut tls.key),
        )
        .flag("--tls-key"),
        Setting::new(
            "acme",
            "Certificate that the gate orders and renews itself, instead of the files",
            optional_table(|tls: &mut TlsPlan| &mut tls.acme),
        ),
    ];
    vec![Group::new("TLS", settings)]
});

impl TlsPlan {
    /// Returns the files, if the certificate comes from files.
    #[must_use]
    pub fn files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.cert.as_ref().zip(self.key.as_ref())
    }

    /// Returns the files that a load reads. Stored certificates are not among them: the gate takes
    /// them over by itself.
    pub(crate) fn read_files(&self) -> impl Iterator<Item = PathBuf> {
        let ca_file = self.acme.as_ref().and_then(|acme| acme.ca_file.clone());
        let files = [self.cert.clone(), self.key.clone(), ca_file];
        files.into_iter().flatten()
    }
}

impl Section for TlsPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            cert: None,
            key: None,
            acme: None,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    /// Requires both files, or `acme` alone. A key that was written but is not usable was reported.
    fn finish(&mut self, findings: &mut Vec<Finding>) {
        let has = |key, is_set: bool| is_set || self.at.failed(key);
        let has_cert = has("cert", self.cert.is_some());
        let has_key = has("key", self.key.is_some());
        let has_acme = has("acme", self.acme.is_some());
        let (at, message) = match (has_acme, has_cert, has_key) {
            (true, false, false) | (false, true, true) => return,
            (true, ..) => (
                self.at.of("acme"),
                "`acme` replaces `cert` and `key`; remove one or the other",
            ),
            (false, true, false) => (
                self.at.table(),
                "`key` is missing: the PEM file with the private key of the certificate",
            ),
            (false, false, true) => (
                self.at.table(),
                "`cert` is missing: the PEM file with the certificate chain",
            ),
            (false, false, false) => (
                self.at.table(),
                "expected the files `cert` and `key`, or `acme = { domains = [\"hooks.shop.example\"] }`",
            ),
        };
        findings.push(Finding::new(at, message));
    }
}
