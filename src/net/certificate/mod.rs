//! Loads and checks the gate's certificate and key.

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    ConfigBuilder, InconsistentKeys, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ResolvesServerCertUsingSni, WantsServerCert},
    sign::{CertifiedKey, SingleCertAndKey},
};
use x509_cert::{
    Certificate as X509,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use crate::{
    secret::private_file::{self, Exposure, PrivateFile},
    text::file_error::file_error,
};

/// The maximum size of a file. A longer one is no certificate or key, and may be endless.
const MAX_BYTES: u64 = 1024 * 1024;

/// A certificate with its key, ready for handshakes.
pub struct Certificate {
    server: Arc<ServerConfig>,
    validity: Range<SystemTime>,
    /// The host names that it is for, in lower case.
    names: Vec<String>,
    path: PathBuf,
}

impl Certificate {
    /// Reads a PEM chain, which begins with the server's own certificate, and its key. One file may
    /// hold both.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or has the wrong content, or the key does not match the
    /// certificate. An error names the file and the reason, and never contains the content.
    pub fn load(chain: &Path, key: &Path) -> Result<(Self, Vec<Warning>), CertificateError> {
        let certificates = parse_chain(&read(chain)?.bytes, chain)?;
        let key_file = read(key)?;
        let secret = parse_key(&key_file.bytes, key)?;
        let certificate = Self::new(certificates, chain, secret, key)?;
        let exposed = key_file.exposures.into_iter();
        let exposed = exposed.map(|exposure| Warning::Exposed {
            path: key.to_owned(),
            exposure,
        });
        let expired = (certificate.expires() <= SystemTime::now()).then(|| Warning::Expired {
            path: chain.to_owned(),
            since: certificate.expires(),
        });
        let warnings = exposed.chain(expired).collect();
        Ok((certificate, warnings))
    }

    /// Parses the content of a file with a key and its chain, which is or will be at `path`.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub(crate) fn from_pem(content: &[u8], path: &Path) -> Result<Self, CertificateError> {
        let key = parse_key(content, path)?;
        Self::new(parse_chain(content, path)?, path, key, path)
    }

    fn new(
        certificates: Vec<CertificateDer<'static>>,
        chain: &Path,
        secret: PrivateKeyDer<'static>,
        key: &Path,
    ) -> Result<Self, CertificateError> {
        let leaf = parse_leaf(&certificates, chain)?;
        let server = server_config(certificates, secret).map_err(|reason| match reason {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CertificateError::Mismatch {
                    chain: chain.to_owned(),
                    key: key.to_owned(),
                }
            }
            reason => CertificateError::Unusable {
                path: key.to_owned(),
                reason,
            },
        })?;
        let validity = leaf.tbs_certificate().validity();
        let begins = SystemTime::UNIX_EPOCH + validity.not_before.to_unix_duration();
        let expires = SystemTime::UNIX_EPOCH + validity.not_after.to_unix_duration();
        Ok(Self {
            server: Arc::new(server),
            validity: begins..expires,
            names: names(&leaf),
            path: chain.to_owned(),
        })
    }

    /// Returns the file with the certificate.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the certificate expires.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.validity.end
    }

    /// Returns the times between which the certificate is valid.
    #[must_use]
    pub fn validity(&self) -> &Range<SystemTime> {
        &self.validity
    }

    /// Returns whether the certificate contains this host name, which is in lower case.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// Returns the configuration for handshakes.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

/// Omits the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// Returns a configuration for handshakes with this certificate.
pub(crate) fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = server_builder()?.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns a configuration that rejects each client with an alert, for lack of a certificate.
pub(crate) fn rejecting_config() -> Result<Arc<ServerConfig>, rustls::Error> {
    let none = Arc::new(ResolvesServerCertUsingSni::new());
    Ok(Arc::new(server_builder()?.with_cert_resolver(none)))
}

/// Returns a configuration for handshakes with a certificate that is not checked: no client that
/// wants an ordinary one would accept it.
pub(crate) fn unchecked_config(
    certificate: CertificateDer<'static>,
    key: &PrivateKeyDer<'_>,
) -> Result<ServerConfig, rustls::Error> {
    let key = rustls::crypto::ring::sign::any_supported_type(key)?;
    let pair = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    Ok(server_builder()?.with_cert_resolver(Arc::new(pair)))
}

/// Begins a configuration with TLS 1.2 and 1.3 and the `ring` provider. It names the provider,
/// because rustls panics if it has to choose between two in the dependency graph. It accepts no
/// early data, which could be replayed.
fn server_builder() -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    Ok(builder
        .with_safe_default_protocol_versions()?
        .with_no_client_auth())
}

fn parse_chain(
    content: &[u8],
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(content).collect::<Result<_, _>>();
    chain.map_err(|_| CertificateError::Malformed {
        path: path.to_owned(),
    })
}

fn parse_leaf(chain: &[CertificateDer<'_>], path: &Path) -> Result<X509, CertificateError> {
    let leaf = chain
        .first()
        .ok_or_else(|| CertificateError::NoCertificate {
            path: path.to_owned(),
        })?;
    X509::from_der(leaf).map_err(|_| CertificateError::Malformed {
        path: path.to_owned(),
    })
}

fn names(leaf: &X509) -> Vec<String> {
    let Ok(Some((_, SubjectAltName(names)))) = leaf.tbs_certificate().get_extension() else {
        return Vec::new();
    };
    let names = names.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    names.collect()
}

fn parse_key(content: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(content).map_err(|reason| match reason {
        pem::Error::NoItemsFound => CertificateError::NoKey {
            path: path.to_owned(),
        },
        // The other errors contain parts of the file.
        _ => CertificateError::Malformed {
            path: path.to_owned(),
        },
    })
}

fn read(path: &Path) -> Result<PrivateFile, CertificateError> {
    let file =
        private_file::read(path, MAX_BYTES).map_err(|reason| CertificateError::Unreadable {
            path: shown(path),
            reason,
        })?;
    file.ok_or_else(|| CertificateError::TooLong { path: shown(path) })
}

/// Returns the path for a message, unless a key or certificate was given in place of its path.
fn shown(path: &Path) -> PathBuf {
    if path.to_string_lossy().contains("-----BEGIN") {
        return "(PEM text in place of a path; not shown)".into();
    }
    path.to_owned()
}

/// The reason why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be opened or read.
    #[error("cannot read {}: {}", path.display(), file_error(reason))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        reason: io::Error,
    },
    /// A file is too long to be a certificate or key.
    #[error("{} is longer than 1 MiB: it cannot be a certificate or key", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A file is not PEM with X.509 content.
    #[error("{} is damaged: it cannot be read as PEM with X.509 content", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate (PEM, the server's own first, then its chain)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no key.
    #[error("{} holds no private key (PEM, not encrypted)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {} does not belong to the first certificate in {}; name the key that was made with it",
        key.display(),
        chain.display()
    )]
    Mismatch {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// No handshake can use this kind of key.
    #[error("the key in {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The error of the TLS library.
        reason: rustls::Error,
    },
}

/// A property of a usable certificate that is probably a mistake.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The certificate has expired.
    Expired {
        /// The certificate's file.
        path: PathBuf,
        /// The time of expiry.
        since: SystemTime,
    },
    /// Other users of this machine can read the key.
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// The way in which they can.
        exposure: Exposure,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { path, since } => {
                let since = crate::text::rfc3339::seconds(*since);
                let path = path.display();
                write!(
                    f,
                    "the certificate in {path} expired at {since}: clients reject it; renew it, and reload the gate"
                )
            }
            Self::Exposed { path, exposure } => write!(f, "key {}: {exposure}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
