//! Which database, as whom, and whether under TLS.

use std::{path::Path, time::Duration};

use arc_swap::ArcSwap;
use tokio_postgres::{
    Config,
    config::{SslMode, TargetSessionAttrs},
};
use tower_cartgate::Secret;

use super::{open_error::Why, tls::Tls, url};
use crate::net::connect::Trust;

/// How long an attempt to connect may take, over all of a name's addresses.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// The target of the next connection; a reload replaces it.
pub(super) type Current = ArcSwap<Target>;

/// A database that can be connected to.
pub(super) struct Target {
    pub(super) config: Config,
    /// None where nothing is encrypted.
    pub(super) tls: Option<Tls>,
}

impl Target {
    pub(super) fn new(
        address: &str,
        password: Option<&Secret>,
        ca_file: Option<&Path>,
    ) -> Result<Self, Why> {
        let mut config = url::settings(address, ca_file.is_some()).map_err(Why::Address)?;
        if let Some(password) = password {
            config.password(password.expose());
        }
        limit(&mut config);
        let tls = match (config.get_ssl_mode(), ca_file) {
            (SslMode::Disable, _) => None,
            (_, None) => Some(Tls::new(&Trust::Platform).map_err(Why::Trust)?),
            (_, Some(file)) => Some(Tls::new(&Trust::CaFile(file.to_owned())).map_err(Why::Trust)?),
        };
        Ok(Self { config, tls })
    }
}

/// A server that has gone without a word is noticed in seconds, and one that only reads is passed over for the next host.
fn limit(config: &mut Config) {
    config
        .application_name("cartgate")
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(CONNECT)
        .tcp_user_timeout(CONNECT)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(3))
        .keepalives_retries(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_authority_that_cannot_be_read_is_refused_on_any_host() {
        let missing = Some("/nowhere/ca.pem");
        let missing = missing.map(Path::new);
        let target = Target::new("postgres://u@localhost/db", None, missing);
        assert!(matches!(target, Err(Why::Trust(_))));
    }
}
