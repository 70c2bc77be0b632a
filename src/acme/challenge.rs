//! TLS-ALPN-01 (RFC 8737): the handshake with which the ACME server checks that the gate serves a
//! domain.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, NoServerSessionStorage},
};

use super::domain::Domain;
use crate::net::certificate::unchecked_config;

/// The protocol of these handshakes. They carry nothing else.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// The reason why no challenge certificate could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChallengeError {
    #[error("the server's challenge is not usable")]
    Digest,
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Whether a client wants a challenge certificate. It then offers no other protocol (RFC 8737,
/// section 3).
pub(crate) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello
        .alpn()
        .is_some_and(|mut offered| offered.next() == Some(PROTOCOL) && offered.next().is_none())
}

/// Returns the handshake that proves `domain` with the digest of a key authorization. Its
/// certificate is useless for anything else, so it leaves no session.
pub(super) fn proof(domain: &Domain, digest: &[u8]) -> Result<Arc<ServerConfig>, ChallengeError> {
    // rcgen would panic.
    if digest.len() != 32 {
        return Err(ChallengeError::Digest);
    }
    let mut params = CertificateParams::new(vec![domain.to_string()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = unchecked_config(certificate.der().clone(), &key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    use rustls::{ClientConnection, server::Acceptor};

    use crate::{acme::AcmeState, net::test_tls};

    /// Returns the client hello of a client that offers these protocols, as the server parses it.
    fn accepted(name: &str, offered: &[&[u8]]) -> rustls::server::Accepted {
        let (mut client, _) = test_tls::configs();
        client.alpn_protocols = offered.iter().map(|one| one.to_vec()).collect();
        let name = name.to_owned().try_into().expect("a name");
        let mut client = ClientConnection::new(Arc::new(client), name).expect("a session");
        let mut hello = Vec::new();
        client.write_tls(&mut hello).expect("written");
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut &hello[..]).expect("read");
        acceptor.accept().ok().flatten().expect("a whole hello")
    }

    #[test]
    fn only_a_client_that_wants_nothing_else_is_a_challenge() {
        for (offered, expected) in [
            (&[PROTOCOL][..], true),
            (&[PROTOCOL, b"http/1.1"], false),
            (&[b"http/1.1", PROTOCOL], false),
            (&[PROTOCOL, PROTOCOL], false),
            (&[b"http/1.1"], false),
            (&[], false),
        ] {
            let accepted = accepted("a.example", offered);
            assert_eq!(
                is_challenge(&accepted.client_hello()),
                expected,
                "{offered:?}"
            );
        }
    }

    #[test]
    fn a_challenge_proves_only_its_own_domain_and_only_while_it_is_open() {
        let state = Arc::<AcmeState>::default();
        let domain: Domain = "a.example".parse().expect("a domain");
        let is_open = |name: &str| {
            let accepted = accepted(name, &[PROTOCOL]);
            state.challenge(&accepted.client_hello()).is_some()
        };
        assert!(!is_open("a.example"));
        let open = state.open(&domain, &proof(&domain, &[7; 32]).expect("a proof"));
        assert!(is_open("a.example") && is_open("A.Example"));
        assert!(!is_open("b.example") && !is_open("sub.a.example"));
        drop(open);
        assert!(!is_open("a.example"));
        assert!(matches!(
            proof(&domain, &[7; 31]),
            Err(ChallengeError::Digest)
        ));
    }
}
