//! The client's side of a TLS connection.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};

use super::wire::patient;

/// The host name of the gates' certificates.
pub(crate) const NAME: &str = "gate.example";

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

pub(crate) type Session = StreamOwned<ClientConnection, TcpStream>;

/// Performs the handshake of a client that expects [`NAME`].
pub(crate) fn shake(mut tcp: TcpStream, config: Arc<ClientConfig>) -> io::Result<Session> {
    let name = ServerName::try_from(NAME).expect("a name");
    let mut session = ClientConnection::new(config, name).expect("a session");
    while session.is_handshaking() {
        session.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(session, tcp))
}

/// Returns a new session at an address.
pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Session {
    let tcp = patient(TcpStream::connect(address).expect("a connection"));
    shake(tcp, Arc::clone(config)).expect("a handshake")
}

/// Returns the certificate that a new client gets.
pub(crate) fn shown(address: SocketAddr, config: &Arc<ClientConfig>) -> CertificateDer<'static> {
    let session = connect(address, config);
    session.conn.peer_certificates().expect("shown")[0].clone()
}
