//! Which database, as whom, and whether under TLS.

use std::{net::IpAddr, path::Path, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tower_cartgate::Secret;

use super::{open_error::Why, tls::Tls};
use crate::destination::Trust;

/// How long an attempt to connect may take, over all of a name's addresses.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

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
        // What libpq calls so is what every verified connection of ours is.
        let address = address.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = address
            .parse()
            .map_err(|error| Why::Address(super::fault::words(&error)))?;
        if !address.contains("sslmode=") {
            let beyond = ca_file.is_some() || config.get_hosts().iter().any(is_beyond);
            config.ssl_mode(if beyond {
                SslMode::Require
            } else {
                SslMode::Disable
            });
        }
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

/// Whether the way to a host leaves this machine.
fn is_beyond(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let loopback = name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
            name != "localhost" && !loopback
        }
        Host::Unix(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(address: &str, ca_file: Option<&str>) -> Option<bool> {
        let target = Target::new(address, None, ca_file.map(Path::new)).ok()?;
        Some(target.tls.is_some())
    }

    #[test]
    fn only_what_stays_on_this_machine_goes_unencrypted_unasked() {
        let plain = [
            "postgres:///db?host=/run/postgresql&user=u",
            "postgres://u@localhost/db",
            "postgres://u@127.0.0.1/db",
            "postgres://u@[::1]/db",
            "postgres://u@db.example/db?sslmode=disable",
        ];
        for address in plain {
            assert_eq!(mode(address, None), Some(false), "{address}");
        }
        for address in [
            "postgres://u@db.example/db",
            "postgres://u@10.0.0.1/db",
            "postgres://u@localhost,db.example/db",
            "postgres://u@localhost/db?sslmode=verify-full",
        ] {
            assert_eq!(mode(address, None), Some(true), "{address}");
        }
    }

    #[test]
    fn a_named_authority_that_cannot_be_read_is_refused_on_any_host() {
        let missing = Some("/nowhere/ca.pem");
        assert_eq!(mode("postgres://u@localhost/db", missing), None);
    }
}
