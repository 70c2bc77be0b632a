//! The addresses that an admin listener may use.

use super::host::ip;
use crate::net::listener::ListenAddress;

/// The error of an admin listener that other machines can reach and no token protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "other machines can reach the admin listener there; give it a token, or an address such as \
     127.0.0.1:9180 or unix:/path"
)]
pub struct NeedsToken;

/// Checks whether an admin listener may use `address`. Without a token, only this machine may be
/// able to reach it.
///
/// # Errors
///
/// [`NeedsToken`], also when a name could resolve to another address than loopback.
pub fn may_listen(address: &ListenAddress, has_token: bool) -> Result<(), NeedsToken> {
    let local = match address {
        ListenAddress::Unix(_) => true,
        ListenAddress::Tcp(text) => is_loopback(text),
        // The systemd unit, which is unknown here, defines the address.
        ListenAddress::Systemd(_) => false,
    };
    if has_token || local {
        Ok(())
    } else {
        Err(NeedsToken)
    }
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_to_without_a_token() {
        for local in [
            "127.0.0.1:9180",
            "127.9.0.1:1",
            "[::1]:9180",
            "localhost:1",
            "unix:/run/a",
        ] {
            let address = local.parse().expect("an address");
            assert_eq!(may_listen(&address, false), Ok(()), "{local}");
        }
        for open in [
            ":9180",
            "0.0.0.0:1",
            "[::]:1",
            "10.0.0.1:1",
            "admin.example:1",
            "localhost.example:1",
        ] {
            let address = open.parse().expect("an address");
            assert_eq!(may_listen(&address, false), Err(NeedsToken), "{open}");
            assert_eq!(may_listen(&address, true), Ok(()), "{open}");
        }
    }
}
