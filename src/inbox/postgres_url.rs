//! Parses a PostgreSQL URL. A URL is rejected if the password and the events would leave this
//! machine without TLS.
//!
//! The decision is about the address of the connection: `hostaddr` overrides `host`, and a name is
//! beyond this machine unless it is `localhost`, which is replaced by the loopback addresses so
//! that no resolver decides.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use tokio_postgres::{
    Config,
    config::{ChannelBinding, Host, SslMode, SslNegotiation},
};

use crate::text::error_chain::error_chain;

/// Why a URL is rejected. The error never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("{0}")]
    Malformed(String),
    #[error("it holds a password; set the password by a file or a variable")]
    Password,
    #[error(
        "it has the option `{0}`; set the authorities by `ca_file` (--inbox-ca-file) and the password by `password`"
    )]
    Elsewhere(&'static str),
    #[error("`{0}` is not supported; leave it out")]
    Unsupported(&'static str),
    #[error("sslmode must be disable, allow, prefer, require, verify-ca or verify-full")]
    SslMode,
    #[error(
        "with this sslmode the password would leave this machine in clear text; leave sslmode out, or write sslmode=verify-full"
    )]
    ClearText,
    #[error("a CA file needs TLS, which this sslmode turns off; leave sslmode out")]
    NoTls,
    #[error("a Unix socket has no TLS; leave the CA file and sslmode out")]
    Socket,
    #[error("it names no host; write postgres://USER@HOST/DATABASE, or ?host=/socket/directory")]
    NoHost,
    #[error("it has {0} hosts, but a different number of `{1}`")]
    Count(usize, &'static str),
}

/// The encryption that the URL requests by `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestedTls {
    Default,
    /// `disable`, `allow` or `prefer`, each of which lets an attacker on the path read the
    /// connection.
    ClearText,
    /// `require`, `verify-ca` or `verify-full`. Each of them verifies the certificate and the name.
    Tls,
}

/// One of the servers that a URL names.
struct Server {
    host: Option<Host>,
    address: Option<IpAddr>,
    port: u16,
}

/// Options of libpq that are settings of their own in Cartgate.
const ELSEWHERE: [&str; 5] = ["passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"];

/// Parses the connection settings of a URL, with TLS required or off. `has_ca_file` requests TLS.
///
/// # Errors
///
/// When the URL is malformed or cannot work, or would carry the password in clear text beyond this
/// machine.
pub(crate) fn parse(url: &str, has_ca_file: bool) -> Result<Config, UrlError> {
    let (url, requested) = without_sslmode(url)?;
    let parsed: Config = url
        .parse()
        .map_err(|error| UrlError::Malformed(error_chain(&error)))?;
    if parsed.get_password().is_some() {
        return Err(UrlError::Password);
    }
    if parsed.get_channel_binding() == ChannelBinding::Require {
        return Err(UrlError::Unsupported("channel_binding=require"));
    }
    if parsed.get_ssl_negotiation() == SslNegotiation::Direct {
        return Err(UrlError::Unsupported("sslnegotiation=direct"));
    }
    let servers = servers(&parsed)?;
    let leaves_machine = servers.iter().any(Server::is_beyond);
    let encrypted = match requested {
        RequestedTls::Tls => true,
        RequestedTls::Default => leaves_machine || has_ca_file,
        RequestedTls::ClearText if leaves_machine => return Err(UrlError::ClearText),
        RequestedTls::ClearText if has_ca_file => return Err(UrlError::NoTls),
        RequestedTls::ClearText => false,
    };
    if encrypted && servers.iter().any(Server::is_socket) {
        return Err(UrlError::Socket);
    }
    let mut config = without_servers(&parsed);
    config.ssl_mode(if encrypted {
        SslMode::Require
    } else {
        SslMode::Disable
    });
    for server in servers {
        server.add_to(&mut config, encrypted);
    }
    Ok(config)
}

/// Removes `sslmode`, which the client supports only in part. Returns the rest of the URL, and the
/// requested encryption.
fn without_sslmode(url: &str) -> Result<(String, RequestedTls), UrlError> {
    let Some((before, options)) = url.split_once('?') else {
        return Ok((url.to_owned(), RequestedTls::Default));
    };
    let mut requested = RequestedTls::Default;
    let mut rest = Vec::new();
    for option in options.split('&') {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        if let Some(key) = ELSEWHERE.into_iter().find(|one| *one == key) {
            return Err(UrlError::Elsewhere(key));
        }
        match (key, value) {
            ("sslmode", "disable" | "allow" | "prefer") => requested = RequestedTls::ClearText,
            ("sslmode", "require" | "verify-ca" | "verify-full") => requested = RequestedTls::Tls,
            ("sslmode", _) => return Err(UrlError::SslMode),
            _ => rest.push(option),
        }
    }
    let rest = rest.join("&");
    let mark = if rest.is_empty() { "" } else { "?" };
    Ok((format!("{before}{mark}{rest}"), requested))
}

fn servers(config: &Config) -> Result<Vec<Server>, UrlError> {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let count = hosts.len().max(addresses.len());
    let is_empty = |host: &Host| matches!(host, Host::Tcp(name) if name.is_empty());
    if count == 0 || hosts.iter().any(is_empty) {
        return Err(UrlError::NoHost);
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(UrlError::Count(hosts.len(), "hostaddr"));
    }
    let ports = config.get_ports();
    if ports.len() > 1 && ports.len() != count {
        return Err(UrlError::Count(count, "port"));
    }
    let server = |index: usize| Server {
        host: hosts.get(index).cloned(),
        address: addresses.get(index).copied(),
        port: *ports.get(index).or(ports.first()).unwrap_or(&5432),
    };
    Ok((0..count).map(server).collect())
}

/// Copies everything but servers and TLS.
fn without_servers(parsed: &Config) -> Config {
    let mut config = Config::new();
    if let Some(user) = parsed.get_user() {
        config.user(user);
    }
    if let Some(database) = parsed.get_dbname() {
        config.dbname(database);
    }
    if let Some(options) = parsed.get_options() {
        config.options(options);
    }
    config.load_balance_hosts(parsed.get_load_balance_hosts());
    config
}

impl Server {
    /// Whether a connection to it leaves this machine.
    fn is_beyond(&self) -> bool {
        match (self.address, &self.host) {
            (Some(address), _) => !is_loopback(address),
            (None, Some(Host::Tcp(name))) => {
                !is_localhost(name) && !name.parse().is_ok_and(is_loopback)
            }
            (None, Some(Host::Unix(_)) | None) => false,
        }
    }

    fn is_socket(&self) -> bool {
        self.address.is_none() && matches!(self.host, Some(Host::Unix(_)))
    }

    fn add_to(self, config: &mut Config, encrypted: bool) {
        let mut add = |host: String, port| {
            config.host(host).port(port);
        };
        match (self.host, self.address) {
            (Some(Host::Tcp(name)), Some(address)) if encrypted => {
                add(name, self.port);
                config.hostaddr(address);
            }
            // Without a name, the certificate must be for the address.
            (_, Some(address)) if encrypted => {
                add(address.to_string(), self.port);
                config.hostaddr(address);
            }
            (_, Some(address)) => add(address.to_string(), self.port),
            (Some(Host::Unix(folder)), None) => add_socket(config, folder, self.port),
            (Some(Host::Tcp(name)), None) if !encrypted && is_localhost(&name) => {
                add(Ipv4Addr::LOCALHOST.to_string(), self.port);
                add(Ipv6Addr::LOCALHOST.to_string(), self.port);
            }
            (Some(Host::Tcp(name)), None) => add(name, self.port),
            (None, None) => {}
        }
    }
}

fn add_socket(config: &mut Config, folder: PathBuf, port: u16) {
    config.host_path(folder).port(port);
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str, has_ca_file: bool) -> Result<SslMode, UrlError> {
        parse(url, has_ca_file).map(|config| config.get_ssl_mode())
    }

    #[test]
    fn only_connections_within_this_machine_are_unencrypted() {
        for url in [
            "postgres:///db?host=/run/postgresql&user=u",
            "postgres://u@%2Frun%2Fpostgresql/db?sslmode=disable",
            "postgres://u@localhost/db",
            "postgres://u@LOCALHOST/db?sslmode=prefer",
            "postgres://u@127.0.0.1/db",
            "postgres://u@127.1.2.3/db?sslmode=disable",
            "postgres://u@[::1]/db",
            "postgres://u@db.example/db?hostaddr=127.0.0.1",
            "postgres://u@db.example/db?hostaddr=127.0.0.1&sslmode=disable",
            "postgres:///db?hostaddr=::1&user=u",
        ] {
            assert_eq!(mode(url, false), Ok(SslMode::Disable), "{url}");
        }
        for url in [
            "postgres://u@db.example/db",
            "postgres://u@10.0.0.1/db",
            "postgres://u@0.0.0.0/db",
            "postgres://u@localhost,db.example/db",
            "postgres://u@localhost/db?sslmode=verify-full",
            "postgres://u@localhost.example/db",
            "postgres://u@localhost/db?hostaddr=10.0.0.1",
            "postgres://u@127.0.0.1/db?hostaddr=10.0.0.1",
            "postgres:///db?hostaddr=10.0.0.1&user=u",
            "postgres://u@db.example/db?application_name=sslmode=disable",
            "postgres://u@db.example/db?application_name=sslmode=",
            "postgres://u@db.example/db?options=-c%20sslmode=disable",
        ] {
            assert_eq!(mode(url, false), Ok(SslMode::Require), "{url}");
        }
    }

    #[test]
    fn clear_text_beyond_this_machine_is_rejected() {
        for sslmode in ["disable", "allow", "prefer"] {
            for url in [
                "postgres://u@db.example/db?",
                "postgres://u@10.0.0.1/db?",
                "postgres://u@[fd00::1]/db?",
                "postgres://u@0.0.0.0/db?",
                "postgres://u@localhost,db.example/db?",
                "postgres://u@localhost/db?hostaddr=10.0.0.1&",
                "postgres://u@db.example/db?sslmode=verify-full&",
            ] {
                let url = format!("{url}sslmode={sslmode}");
                assert_eq!(mode(&url, false), Err(UrlError::ClearText), "{url}");
            }
        }
    }

    #[test]
    fn localhost_without_tls_needs_no_resolver() {
        let config = parse("postgres://u@localhost:6000/db", false).expect("settings");
        let hosts = ["127.0.0.1", "::1"].map(|host| Host::Tcp(host.to_owned()));
        assert_eq!(config.get_hosts(), hosts);
        assert_eq!(config.get_ports(), [6000, 6000]);
        let config = parse("postgres://u@localhost/db", true).expect("settings");
        assert_eq!(config.get_hosts(), [Host::Tcp("localhost".to_owned())]);
    }

    #[test]
    fn urls_that_cannot_work_are_rejected() {
        for (url, error) in [
            ("postgres:///db", UrlError::NoHost),
            ("postgres://u@/db?user=u", UrlError::NoHost),
            (
                "postgres://u@a,b/db?hostaddr=10.0.0.1",
                UrlError::Count(2, "hostaddr"),
            ),
            ("postgres://u@h/db?sslmode=perhaps", UrlError::SslMode),
            (
                "postgres://u@h/db?sslrootcert=ca.pem",
                UrlError::Elsewhere("sslrootcert"),
            ),
            (
                "postgres://u@h/db?channel_binding=require",
                UrlError::Unsupported("channel_binding=require"),
            ),
            (
                "postgres:///db?host=/run/postgresql&sslmode=require",
                UrlError::Socket,
            ),
        ] {
            assert_eq!(mode(url, false), Err(error), "{url}");
        }
        let socket = "postgres:///db?host=/run/postgresql";
        assert_eq!(mode(socket, true), Err(UrlError::Socket));
        let plain = "postgres://u@localhost/db?sslmode=disable";
        assert_eq!(mode(plain, true), Err(UrlError::NoTls));
        for url in ["postgres://u@h:port/db", "postgres://u@h/db?pooling=true"] {
            let error = mode(url, false).expect_err(url);
            assert!(matches!(error, UrlError::Malformed(_)), "{error}");
        }
    }
}
