//! The certificate authority of the tests, for apps and gates under TLS.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use cartgate::net::{certificate::Certificate, connect::Trust};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, pki_types::CertificateDer,
    pki_types::PrivateKeyDer, pki_types::PrivatePkcs8KeyDer,
};

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The certificate of a server, with its key.
pub(crate) struct Leaf {
    pub(crate) der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
        }
    }

    /// Returns a certificate for `name` that does not expire.
    pub(crate) fn leaf(&self, name: &str) -> Leaf {
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        self.sign(&params)
    }

    /// Returns a certificate with this expiry.
    pub(crate) fn leaf_until(&self, name: &str, end: SystemTime) -> Leaf {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.not_after = end.into();
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Leaf {
            der: certificate.der().clone(),
            pem: certificate.pem(),
            key,
        }
    }

    /// Returns the configuration of an app with a certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        let Leaf { der, key, .. } = self.leaf(name);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .expect("a configuration")
    }

    /// Returns the configuration of a client that trusts only this authority and has only these
    /// versions.
    pub(crate) fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let own = self.issuer.der().clone();
        roots.add(own).expect("a certificate");
        ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// Returns the trust of an `https` destination in this authority.
    pub(crate) fn file(&self, dir: &Path) -> Trust {
        let path = dir.join("ca.pem");
        std::fs::write(&path, self.pem()).expect("written");
        Trust::CaFile(path)
    }

    /// Returns its certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }
}

impl Leaf {
    /// Writes certificate and key as an operator would; only the owner can read the key.
    pub(crate) fn files(&self, dir: &Path) -> (PathBuf, PathBuf) {
        let (chain, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&chain, &self.pem).expect("written");
        crate::program::write_secret(&key, self.key.serialize_pem().as_bytes());
        (chain, key)
    }

    /// Returns the certificate as the gate loads it.
    pub(crate) fn certificate(&self) -> Arc<Certificate> {
        let dir = tempfile::tempdir().expect("a directory");
        let (chain, key) = self.files(dir.path());
        let (certificate, _) = Certificate::load(&chain, &key).expect("usable");
        Arc::new(certificate)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
