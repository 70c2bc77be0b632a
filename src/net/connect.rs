//! Opens a connection to a destination: resolves its name, has `dial` open a socket, and speaks TLS over it if the address
//! says so. `attempt` sends over it, and `pool` keeps it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{
    address::{Address, Endpoint},
    dial,
    resolve::resolve,
};
use crate::net::stream::Stream;

/// Whose certificates an `https` destination may show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that this machine trusts.
    #[default]
    Platform,
    /// Only those that the authorities in this PEM file signed.
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
}

/// Why a connector cannot be made at all: a mistake of configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorError {
    /// The CA file cannot be read or holds no certificate.
    #[error("CA file {path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine's own trust store cannot be used.
    #[error("this machine's certificate store cannot be used: {0}; name a CA file")]
    Platform(rustls::Error),
    /// The host can stand in no certificate.
    #[error("the host cannot be the name in a certificate")]
    ServerName,
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host's name has no address.
    #[error("the host's name cannot be resolved: {0}")]
    Resolve(io::Error),
    /// Nobody listens there.
    #[error("nobody listens there: {0}")]
    Refused(io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    /// The address cannot be reached for another reason.
    #[error("{0}")]
    Io(io::Error),
}

impl Connector {
    /// A connector for `address`.
    ///
    /// # Errors
    ///
    /// When an `https` address cannot be verified: the CA file cannot be used, this machine has no
    /// certificate store, or the host cannot be a certificate's name.
    pub fn new(address: &Address, trust: &Trust) -> Result<Self, ConnectorError> {
        let dial = match address.endpoint() {
            Endpoint::Unix(path) => Dial::Unix(path.as_path().into()),
            Endpoint::Tcp {
                host,
                port,
                tls: false,
            } => Dial::Tcp {
                host: host.as_str().into(),
                port: *port,
            },
            Endpoint::Tcp {
                host,
                port,
                tls: true,
            } => Dial::Tls {
                host: host.as_str().into(),
                port: *port,
                name: ServerName::try_from(host.clone()).map_err(|_| ConnectorError::ServerName)?,
                tls: http_over_tls(trust)?,
            },
        };
        Ok(Self { dial })
    }

    /// Opens a connection. The caller waits for `limit` and no longer: several addresses share that time.
    ///
    /// # Errors
    ///
    /// When the name cannot be resolved, nobody listens, or the TLS handshake fails.
    pub async fn connect(&self, limit: Duration) -> Result<Stream, ConnectError> {
        match &self.dial {
            Dial::Tcp { host, port } => Ok(Stream::Tcp(tcp(host, *port, limit).await?)),
            Dial::Unix(path) => {
                let io = dial::unix(path).await.map_err(unreachable_peer)?;
                Ok(Stream::Unix(io))
            }
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
                Ok(Stream::Tls(Box::new(io.into())))
            }
        }
    }
}

fn http_over_tls(trust: &Trust) -> Result<TlsConnector, ConnectorError> {
    let mut config = client_config(trust)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, ConnectError> {
    let addresses = resolve(host, port).await.map_err(ConnectError::Resolve)?;
    let stream = dial::tcp(addresses, limit)
        .await
        .map_err(unreachable_peer)?;
    // Small requests must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(ConnectError::Io)?;
    Ok(stream)
}

fn unreachable_peer(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ConnectError::Refused(error),
        _ => ConnectError::Io(error),
    }
}

/// For whatever protocol: TLS 1.2 and 1.3 with the `ring` provider, named so that a second provider in the dependency
/// graph can never make rustls panic over the choice.
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
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fail(e.to_string()))? {
        let certificate = certificate.map_err(|e| fail(e.to_string()))?;
        roots.add(certificate).map_err(|e| fail(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fail("it holds no certificate".to_owned()));
    }
    Ok(roots)
}
