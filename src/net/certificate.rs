//! Loads and checks the gate's certificate and key.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    InconsistentKeys, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use x509_cert::{Certificate as X509, der::Decode as _};

use crate::{
    secret::private_file::{self, Exposure, PrivateFile},
    text::file_error::file_error,
};

/// The maximum size of a file. A longer one is no certificate or key, and may be endless.
const MAX_BYTES: u64 = 1024 * 1024;

/// A certificate with its key, ready for handshakes.
pub struct Certificate {
    server: Arc<ServerConfig>,
    expires: SystemTime,
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
        let (certificates, leaf) = read_chain(chain)?;
        let (secret, exposed) = read_key(key)?;
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
        let expires = leaf.tbs_certificate().validity().not_after;
        let expires = SystemTime::UNIX_EPOCH + expires.to_unix_duration();
        let expired = (expires <= SystemTime::now()).then(|| Warning::Expired {
            path: chain.to_owned(),
            since: expires,
        });
        let server = Arc::new(server);
        let warnings = exposed.into_iter().chain(expired).collect();
        let path = chain.to_owned();
        Ok((
            Self {
                server,
                expires,
                path,
            },
            warnings,
        ))
    }

    /// Returns the file with the certificate.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the certificate expires.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.expires
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
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Returns a configuration with TLS 1.2 and 1.3 and the `ring` provider. It names the provider,
/// because rustls panics if it has to choose between two in the dependency graph. It accepts no
/// early data, which could be replayed.
fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read_chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, X509), CertificateError> {
    let malformed = || CertificateError::Malformed {
        path: path.to_owned(),
    };
    let file = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&file.bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| malformed())?;
    let leaf = chain
        .first()
        .ok_or_else(|| CertificateError::NoCertificate {
            path: path.to_owned(),
        })?;
    let leaf = X509::from_der(leaf).map_err(|_| malformed())?;
    Ok((chain, leaf))
}

fn read_key(path: &Path) -> Result<(PrivateKeyDer<'static>, Vec<Warning>), CertificateError> {
    let file = read(path)?;
    let key = PrivateKeyDer::from_pem_slice(&file.bytes).map_err(|reason| match reason {
        pem::Error::NoItemsFound => CertificateError::NoKey {
            path: path.to_owned(),
        },
        // The other errors contain parts of the file.
        _ => CertificateError::Malformed {
            path: path.to_owned(),
        },
    })?;
    let exposed = file.exposures.into_iter().map(|exposure| Warning::Exposed {
        path: path.to_owned(),
        exposure,
    });
    Ok((key, exposed.collect()))
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
mod tests {
    use super::*;

    use std::{fs, os::unix::fs::PermissionsExt as _};

    const PLANTED: &str = "cGxhbnRlZC1rZXk";

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
            path
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["gate.example".to_owned()]);
        let made = made.expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn refused(chain: &Path, key: &Path) -> String {
        let error = Certificate::load(chain, key).expect_err("it cannot be used");
        let text = error.to_string();
        assert!(!text.contains(PLANTED) && !text.contains("BEGIN"), "{text}");
        text
    }

    #[test]
    fn a_key_in_place_of_its_path_is_not_shown() {
        let key = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----";
        let Err(error) = read(Path::new(key)) else {
            panic!("no such file");
        };
        let text = error.to_string();
        assert!(!text.contains("planted"), "{text}");
    }

    #[test]
    fn errors_name_the_file_and_the_reason_and_never_the_content() {
        let files = Files::new();
        let (chain, key) = pair();
        let good_chain = files.write("chain", &chain, 0o644);
        let good_key = files.write("key", &key, 0o600);
        let stranger = files.write("stranger", &pair().1, 0o600);
        let empty = files.write("empty", "", 0o600);
        let torn = files.write(
            "torn",
            &format!("-----BEGIN PRIVATE KEY-----\n{PLANTED}\n"),
            0o600,
        );
        let odd = files.write("odd", &format!("-----BEGIN {PLANTED}\n"), 0o600);
        let wrapped = chain.replace("MII", PLANTED);
        let wrapped = files.write("wrapped", &wrapped, 0o600);
        let long = files.write("long", &"x".repeat(1024 * 1024 + 1), 0o600);
        let gone = files.0.path().join("gone");
        for (chain, key, parts) in [
            (&gone, &good_key, ["gone", "no such file"]),
            (&good_chain, &gone, ["gone", "no such file"]),
            (&empty, &good_key, ["empty", "no certificate"]),
            (&good_key, &good_key, ["key", "no certificate"]),
            (&good_chain, &empty, ["empty", "no private key"]),
            (&good_chain, &good_chain, ["chain", "no private key"]),
            (&good_chain, &torn, ["torn", "damaged"]),
            (&good_chain, &odd, ["odd", "damaged"]),
            (&wrapped, &good_key, ["wrapped", "damaged"]),
            (&long, &good_key, ["long", "longer than"]),
            (
                &good_chain,
                &stranger,
                ["stranger does not belong", "chain"],
            ),
        ] {
            let text = refused(chain, key);
            assert!(
                parts.iter().all(|part| text.contains(part)),
                "{text}: {parts:?}"
            );
        }
    }

    #[test]
    fn one_file_may_hold_both_and_a_key_that_others_read_is_warned_of() {
        let files = Files::new();
        let (chain, key) = pair();
        for (mode, expected) in [(0o600, 0), (0o640, 0), (0o604, 1)] {
            let both = files.write("both", &format!("{key}{chain}"), mode);
            let (_, warnings) = Certificate::load(&both, &both).expect("usable");
            assert_eq!(warnings.len(), expected, "{mode:o}: {warnings:?}");
            assert!(
                warnings
                    .iter()
                    .all(|one| one.to_string().contains("chmod 600"))
            );
        }
    }

    #[test]
    fn a_printed_certificate_shows_no_key() {
        let files = Files::new();
        let (chain, key) = pair();
        let both = files.write("both", &format!("{key}{chain}"), 0o600);
        let (certificate, _) = Certificate::load(&both, &both).expect("usable");
        let shown = format!("{certificate:?}");
        assert!(
            shown.starts_with("Certificate { expires: ") && shown.len() < 200,
            "{shown}"
        );
    }
}
