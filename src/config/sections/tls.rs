//! `tls` of `[server]`: the files of the gate's certificate.

use std::{path::PathBuf, sync::LazyLock};

use crate::config::{
    places::Places,
    setting::{
        definition::{Group, Section, Setting},
        kinds::path,
        scalar::scalar,
    },
};

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The chain, the gate's own certificate first.
    pub cert: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

static GROUPS: LazyLock<Vec<Group<TlsPlan>>> = LazyLock::new(|| {
    let files = [
        Setting::new(
            "cert",
            "PEM file with the certificate chain, the gate's own certificate first",
            scalar(path(), |tls: &mut TlsPlan| &mut tls.cert),
        )
        .required("the PEM file with the certificate chain")
        .flag("--tls-cert"),
        Setting::new(
            "key",
            "PEM file with the private key of the certificate",
            scalar(path(), |tls: &mut TlsPlan| &mut tls.key),
        )
        .required("the PEM file with the private key of the certificate")
        .flag("--tls-key"),
    ];
    vec![Group::new("TLS", files)]
});

impl Section for TlsPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            cert: PathBuf::new(),
            key: PathBuf::new(),
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
