//! The listen addresses of a plan: conflicts between them, and messages about unusable ones.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{finding::Finding, plan::Plan};
use crate::net::{
    destination_address::Transport,
    listener::{ListenAddress, Listener},
};

impl Plan {
    /// Reports each pair of addresses of which only one can be bound.
    pub(super) fn check_addresses(&self, findings: &mut Vec<Finding>) {
        let public = &self.server.listen;
        for (index, address) in public.iter().enumerate() {
            if let Some(other) = public[..index].iter().find(|one| is_one(one, address)) {
                let message = if other == address {
                    format!("{address} is named twice")
                } else {
                    format!("{other} and {address} are the same address; leave one out")
                };
                findings.push(Finding::new(self.server.at.of("listen"), message));
            }
        }
        let Some(admin) = &self.admin else {
            return;
        };
        if let Some(other) = public.iter().find(|one| is_one(one, &admin.listen)) {
            let message = format!(
                "the admin listener cannot use the public address {other}; give it another port or a socket"
            );
            findings.push(Finding::new(admin.at.of("listen"), message));
        }
    }

    /// Reports each destination at an address of this gate, which would deliver to itself.
    pub(super) fn check_loops(&self, findings: &mut Vec<Finding>) {
        let admin = self.admin.iter().map(|admin| &admin.listen);
        let own: Vec<_> = self.server.listen.iter().chain(admin).collect();
        let apps = self.endpoints.iter().flat_map(|one| &one.destinations);
        for app in apps {
            let transport = app.address.transport();
            if let Some(address) = own.iter().find(|one| leads_to(transport, one)) {
                let message = format!(
                    "the app's URL leads to the gate's own address {address}; give the app or the gate another port"
                );
                findings.push(Finding::new(app.at.of("url"), message));
            }
        }
    }

    /// Returns a finding for each address that cannot be bound.
    pub(crate) fn probe_addresses(&self) -> Vec<Finding> {
        let public = self.server.listen.iter();
        let public = public.map(|address| (self.server.at.of("listen"), address));
        let admin = self.admin.iter();
        let admin = admin.map(|admin| (admin.at.of("listen"), &admin.listen));
        let probed = public.chain(admin).filter_map(|(at, address)| {
            let error = Listener::probe(address).err()?;
            Some(Finding::new(at, cannot_listen(address, &error)))
        });
        probed.collect()
    }
}

/// Returns the message about an address that cannot be bound.
pub(crate) fn cannot_listen(address: &ListenAddress, error: &io::Error) -> String {
    let why = match (error.kind(), address) {
        (io::ErrorKind::AddrInUse, _) => {
            "the address is in use, perhaps by another gate; stop that program, or choose another address"
                .to_owned()
        }
        (io::ErrorKind::PermissionDenied, ListenAddress::Tcp(_)) => {
            "ports below 1024 need a privilege; choose a higher one, let systemd bind it (cartgate.socket), or start the gate as root"
                .to_owned()
        }
        (io::ErrorKind::NotFound, ListenAddress::Unix(_)) => {
            "its directory does not exist; create it, writable for the gate's user".to_owned()
        }
        _ => error.to_string(),
    };
    format!("cannot listen on {address}: {why}")
}

/// Whether a connection to an app would reach a listener, as far as their texts show.
fn leads_to(app: &Transport, listener: &ListenAddress) -> bool {
    match (app, listener) {
        (Transport::Unix(app), ListenAddress::Unix(path)) => app == path,
        (Transport::Tcp { host, port, .. }, ListenAddress::Tcp(text)) => {
            let app = match host.parse::<IpAddr>() {
                Ok(ip) => vec![SocketAddr::new(ip, *port)],
                Err(_) => literal(&format!("{host}:{port}")),
            };
            let accepts = |own: &SocketAddr, app: &SocketAddr| {
                let same = own.ip().to_canonical() == app.ip().to_canonical();
                own.port() == app.port() && (same || app.ip().is_loopback() && overlap(*own, *app))
            };
            let own = literal(text);
            own.iter()
                .any(|own| app.iter().any(|app| accepts(own, app)))
        }
        _ => false,
    }
}

/// Whether only one of two addresses can be bound, as far as their texts show.
fn is_one(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => {
            let (mine, theirs) = (literal(one), literal(other));
            let has_port = !one.ends_with(":0");
            let overlap = |one: &SocketAddr| theirs.iter().any(|other| overlap(*one, *other));
            has_port && one == other || mine.iter().any(overlap)
        }
        // Plain `systemd` takes the sockets that no other address names.
        (ListenAddress::Systemd(_) | ListenAddress::Unix(_), _) => one == other,
        (ListenAddress::Tcp(_), _) => false,
    }
}

/// Returns the socket addresses of a text that needs no resolution.
fn literal(address: &str) -> Vec<SocketAddr> {
    if let Ok(address) = address.parse() {
        return vec![address];
    }
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let Ok(port) = port.parse() else {
        return Vec::new();
    };
    let hosts: &[IpAddr] = match host {
        "" => &[IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
        _ if host.eq_ignore_ascii_case("localhost") => &[
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ],
        _ => &[],
    };
    hosts.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
}

/// `0.0.0.0` is every IPv4 address, and `::` every address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (mine, theirs) = (one.ip().to_canonical(), other.ip().to_canonical());
    let covers = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    let same = mine == theirs || covers(mine, theirs) || covers(theirs, mine);
    one.port() == other.port() && one.port() != 0 && same
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::net::destination_address::Address;

    #[test]
    fn an_app_at_an_address_of_the_gate_is_found() {
        let leads_to = |app: &str, own: &str| {
            let app: Address = app.parse().expect("an address");
            leads_to(app.transport(), &own.parse().expect("an address"))
        };
        for (app, own) in [
            ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
            ("http://localhost:8080", ":8080"),
            ("http://[::1]:8080", "[::]:8080"),
            ("http://127.0.0.1:8080", "0.0.0.0:8080"),
            ("https://10.0.0.1", "10.0.0.1:443"),
            ("unix:/a:/hooks", "unix:/a"),
        ] {
            assert!(leads_to(app, own), "{app} {own}");
        }
        for (app, own) in [
            ("http://127.0.0.1:3000", "127.0.0.1:8080"),
            ("http://127.0.0.2:8080", "127.0.0.1:8080"),
            // Another machine.
            ("http://10.0.0.1:8080", "0.0.0.0:8080"),
            ("http://app.internal:8080", ":8080"),
            ("unix:/b", "unix:/a"),
            ("http://127.0.0.1:8080", "systemd"),
        ] {
            assert!(!leads_to(app, own), "{app} {own}");
        }
    }

    #[test]
    fn addresses_are_compared_as_sockets_are() {
        let is_one = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| text.parse().expect("an address"));
            assert_eq!(is_one(&one, &other), is_one(&other, &one));
            is_one(&one, &other)
        };
        for (one, other) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("127.0.0.1:1", "0.0.0.0:1"),
            ("127.0.0.1:1", "[::]:1"),
            ("127.0.0.1:1", ":1"),
            (":1", "0.0.0.0:1"),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
            ("localhost:1", "[::1]:1"),
            ("LOCALHOST:1", "127.0.0.1:1"),
            ("gate.example:1", "gate.example:1"),
            ("unix:/a", "unix:/a"),
            ("systemd:a", "systemd:a"),
        ] {
            assert!(is_one(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:0", "localhost:0"),
            ("127.0.0.1:1", "127.0.0.1:2"),
            ("127.0.0.1:1", "127.0.0.2:1"),
            ("0.0.0.0:1", "[::1]:1"),
            ("unix:/a", "unix:/b"),
            ("systemd", "systemd:a"),
            ("unix:/a", "127.0.0.1:1"),
        ] {
            assert!(!is_one(one, other), "{one} {other}");
        }
    }
}
