//! Opens connections to a destination: resolves its name, opens a socket (`dial`), and adds TLS for
//! `https`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

#[cfg(test)]
use futures_util::future::BoxFuture;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[cfg(test)]
use super::pipe::Pipe;
use super::{dial, resolve::resolve, stream::Stream};
use crate::{
    net::destination_address::{Address, Transport},
    secret::private_file,
};

/// The maximum size of a file with authorities. A longer one is the wrong file, perhaps an endless
/// one.
const MAX_ROOTS: u64 = 4 * 1024 * 1024;

/// The certificate authorities that an `https` destination may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    #[default]
    Platform,
    /// Only the authorities in this PEM file.
    CaFile(PathBuf),
}

/// Opens connections to one address.
#[derive(Clone)]
pub struct Connector {
    dial: Dial,
}

#[derive(Clone)]
enum Dial {
    Tcp {
        host: Arc<str>,
        port: u16,
    },
    Tls {
        host: Arc<str>,
        port: u16,
        name: ServerName<'static>,
        tls: TlsConnector,
    },
    Unix(Arc<Path>),
    #[cfg(test)]
    Simulated(SimulatedDial),
}

/// Opens the connections of a simulation.
#[cfg(test)]
pub(crate) type SimulatedDial =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Pipe, ConnectError>> + Send + Sync>;

/// The configuration error for which no connector can be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorError {
    /// The CA file cannot be read or holds no certificate.
    #[error("CA file {path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The error.
        reason: String,
    },
    /// The trust store of this machine cannot be used.
    #[error("this machine's certificate store cannot be used: {0}; name a CA file")]
    Platform(rustls::Error),
    /// The host is not a valid name in a certificate.
    #[error("the host cannot be the name in a certificate")]
    ServerName,
}

/// The reason why no connection was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name has no address.
    #[error("the name cannot be resolved: {0}")]
    Resolve(io::Error),
    /// Nothing listens at the address.
    #[error("no listener: {0}")]
    Refused(io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    /// The address cannot be reached for another reason.
    #[error("{0}")]
    Io(io::Error),
}

impl Connector {
    /// Creates a connector for `address`.
    ///
    /// # Errors
    ///
    /// When an `https` address could not be verified: the CA file cannot be used, this machine has
    /// no trust store, or the host is not a valid name in a certificate.
    pub fn new(address: &Address, trust: &Trust) -> Result<Self, ConnectorError> {
        let dial = match address.transport() {
            Transport::Unix(path) => Dial::Unix(path.as_path().into()),
            Transport::Tcp {
                host,
                port,
                tls: false,
            } => Dial::Tcp {
                host: host.as_str().into(),
                port: *port,
            },
            Transport::Tcp {
                host,
                port,
                tls: true,
            } => Dial::Tls {
                host: host.as_str().into(),
                port: *port,
                name: ServerName::try_from(host.clone()).map_err(|_| ConnectorError::ServerName)?,
                tls: https_connector(trust)?,
            },
        };
        Ok(Self { dial })
    }

    /// Creates a connector that a simulation answers.
    #[cfg(test)]
    pub(crate) fn simulated(dial: SimulatedDial) -> Self {
        Self {
            dial: Dial::Simulated(dial),
        }
    }

    /// Opens a connection. `limit` is the caller's timeout, which several addresses share.
    ///
    /// # Errors
    ///
    /// When the name cannot be resolved, the connection is refused, or the TLS handshake fails.
    pub async fn connect(&self, limit: Duration) -> Result<Stream, ConnectError> {
        match &self.dial {
            Dial::Tcp { host, port } => Ok(Stream::Tcp(tcp(host, *port, limit).await?)),
            Dial::Unix(path) => {
                let io = dial::unix(path).await.map_err(unreachable_peer)?;
                Ok(Stream::Unix(io))
            }
            #[cfg(test)]
            Dial::Simulated(dial) => Ok(Stream::Pipe(dial().await?)),
            Dial::Tls {
                host,
                port,
                name,
                tls,
            } => {
                let tcp = tcp(host, *port, limit).await?;
                let io = tls
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(ConnectError::Tls)?;
                Ok(Stream::ClientTls(Box::new(io)))
            }
        }
    }
}

fn https_connector(trust: &Trust) -> Result<TlsConnector, ConnectorError> {
    let mut config = client_config(trust)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, ConnectError> {
    let addresses = resolve(host, port).await.map_err(ConnectError::Resolve)?;
    let stream = dial::tcp(addresses, limit)
        .await
        .map_err(unreachable_peer)?;
    // Small requests must not wait for the acknowledgement of the previous one.
    stream.set_nodelay(true).map_err(ConnectError::Io)?;
    Ok(stream)
}

fn unreachable_peer(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ConnectError::Refused(error),
        _ => ConnectError::Io(error),
    }
}

/// Returns a TLS configuration for any protocol: TLS 1.2 and 1.3 with the `ring` provider. It names
/// the provider, because rustls panics if it has to choose between two in the dependency graph.
pub(crate) fn client_config(trust: &Trust) -> Result<ClientConfig, ConnectorError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectorError::Platform)?;
    Ok(match trust {
        Trust::Platform => builder
            .with_platform_verifier()
            .map_err(ConnectorError::Platform)?
            .with_no_client_auth(),
        Trust::CaFile(path) => builder
            .with_root_certificates(roots(path)?)
            .with_no_client_auth(),
    })
}

fn roots(path: &Path) -> Result<RootCertStore, ConnectorError> {
    let fail = |reason: String| ConnectorError::CaFile {
        path: path.to_owned(),
        reason,
    };
    let file = private_file::read(path, MAX_ROOTS).map_err(|e| fail(e.to_string()))?;
    let file = file.ok_or_else(|| fail("it is longer than 4 MiB".to_owned()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&file.bytes) {
        let certificate = certificate.map_err(|e| fail(e.to_string()))?;
        roots.add(certificate).map_err(|e| fail(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fail("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_for_authorities_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ca.pem");
        let file = std::fs::File::create(&path).expect("created");
        // Sparse: reading all of it would take the machine's memory.
        file.set_len(1 << 42).expect("a length");
        let error = roots(&path).expect_err("too long").to_string();
        assert!(error.contains("longer than 4 MiB"), "{error}");
    }
}
