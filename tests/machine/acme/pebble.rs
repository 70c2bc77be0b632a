//! Pebble, the small ACME server of Let's Encrypt for tests. It validates for real: it resolves the
//! domain and performs the TLS-ALPN-01 handshake with the gate.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;
use tempfile::TempDir;

use super::dns::Dns;
use crate::{
    servers::port::Port,
    support::{authority::Authority, session::BOTH, wait_until, wire::patient},
    tool::{Server, tool},
};

/// The places of a server, which may be down.
pub(super) struct Place {
    listen: Port,
    management: Port,
    authority: Authority,
    dir: TempDir,
}

/// A running server.
pub(super) struct Pebble {
    server: Server,
    management: SocketAddr,
    trusting: Arc<ClientConfig>,
}

impl Place {
    pub(super) fn reserve() -> Self {
        let authority = Authority::new();
        let dir = tempfile::tempdir().expect("a directory");
        authority.file(dir.path());
        Self {
            listen: Port::reserve(),
            management: Port::reserve(),
            authority,
            dir,
        }
    }

    pub(super) fn directory(&self) -> String {
        format!("https://{}/dir", self.listen.address())
    }

    /// Returns the file with the authority of the server's own certificate.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Starts the server. It connects to domains on the port of `gate`, and its certificates are
    /// valid for `seconds`.
    pub(super) fn start(&self, gate: &Port, dns: &Dns, seconds: u64) -> Pebble {
        let dir = tempfile::tempdir().expect("a directory");
        let (certificate, key) = self.authority.leaf("127.0.0.1").files(dir.path());
        let config = json!({ "pebble": {
            "listenAddress": self.listen.address().to_string(),
            "managementListenAddress": self.management.address().to_string(),
            "certificate": certificate,
            "privateKey": key,
            "httpPort": gate.address().port(),
            "tlsPort": gate.address().port(),
            "certificateValidityPeriod": seconds,
        }});
        let file = dir.path().join("config.json");
        fs::write(&file, config.to_string()).expect("written");
        let mut command = tool("pebble");
        command
            .args([
                "-strict",
                "-dnsserver",
                &dns.address().to_string(),
                "-config",
            ])
            .arg(file)
            .env("PEBBLE_VA_NOSLEEP", "1")
            // By default, the server rejects each twentieth nonce at random. The client gives up after
            // three in a row.
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            // Each order is validated anew.
            .env("PEBBLE_AUTHZREUSE", "0");
        let mut pebble = Pebble {
            server: Server::start(&mut command, dir),
            management: self.management.address(),
            trusting: Arc::new(self.authority.client(&BOTH)),
        };
        wait_until("pebble serves", || {
            assert!(pebble.server.runs(), "{}", pebble.server.said());
            let both = [self.listen.address(), self.management.address()];
            both.iter()
                .all(|address| TcpStream::connect(address).is_ok())
        });
        pebble
    }
}

impl Pebble {
    /// Returns the root of the certificates that it issues.
    pub(super) fn root(&self) -> CertificateDer<'static> {
        let tcp = patient(TcpStream::connect(self.management).expect("a connection"));
        let name = ServerName::from(self.management.ip());
        let session = ClientConnection::new(Arc::clone(&self.trusting), name).expect("a session");
        let mut stream = StreamOwned::new(session, tcp);
        stream
            .write_all(b"GET /roots/0 HTTP/1.0\r\nHost: pebble\r\n\r\n")
            .expect("written");
        let mut response = Vec::new();
        // Go closes without a close_notify.
        let _ = stream.read_to_end(&mut response);
        CertificateDer::from_pem_slice(&response).expect("a certificate")
    }
}
