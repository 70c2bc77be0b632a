//! The target of connections: the database, the login, and TLS.

use std::{path::Path, time::Duration};

use arc_swap::ArcSwap;
use tokio_postgres::{
    Config,
    config::{SslMode, TargetSessionAttrs},
};
use tower_cartgate::Secret;

use super::{open_error::OpenErrorKind, tls::Tls};
use crate::{inbox::postgres_url, net::connect::Trust};

/// The timeout of an attempt to connect, over all addresses of a host name.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The target of the next connection, which a reload replaces.
pub(super) type SharedTarget = ArcSwap<Target>;

/// A database to connect to.
pub(super) struct Target {
    pub(super) config: Config,
    /// `None` if the connection is not encrypted.
    pub(super) tls: Option<Tls>,
}

impl Target {
    pub(super) fn new(
        address: &str,
        password: Option<&Secret>,
        ca_file: Option<&Path>,
    ) -> Result<Self, OpenErrorKind> {
        let mut config =
            postgres_url::parse(address, ca_file.is_some()).map_err(OpenErrorKind::Address)?;
        if let Some(password) = password {
            config.password(password.expose());
        }
        set_timeouts(&mut config);
        let tls = match (config.get_ssl_mode(), ca_file) {
            (SslMode::Disable, _) => None,
            (_, None) => Some(Tls::new(&Trust::Platform).map_err(OpenErrorKind::Trust)?),
            (_, Some(file)) => {
                Some(Tls::new(&Trust::CaFile(file.to_owned())).map_err(OpenErrorKind::Trust)?)
            }
        };
        Ok(Self { config, tls })
    }
}

/// Detects a server that vanished within seconds, and skips read-only ones in favour of the next
/// host.
fn set_timeouts(config: &mut Config) {
    config
        .application_name("cartgate")
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(3))
        .keepalives_retries(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_ca_file_is_rejected_for_any_host() {
        let missing = Some("/nowhere/ca.pem");
        let missing = missing.map(Path::new);
        let target = Target::new("postgres://u@localhost/db", None, missing);
        assert!(matches!(target, Err(OpenErrorKind::Trust(_))));
    }
}
