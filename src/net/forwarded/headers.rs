//! The description of a client in the headers of a trusted hop.
//!
//! If the hop sent any `X-Forwarded-*` or `X-Real-IP`, its `Forwarded` is ignored: most proxies set
//! the former and pass the latter on as the client wrote it.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, header::FORWARDED};

use super::element;
use crate::net::{host_name::is_host, peer::Peer, trusted_hops::TrustedHops};

pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The client of a request, as described by the gate's peer. Meaningful only for a trusted peer.
#[derive(Debug, Default)]
pub(crate) struct ForwardedHeaders<'a> {
    /// The addresses that the request passed through, the client's first. Each hop appends the
    /// address of its own peer.
    pub(crate) addresses: Vec<Cow<'a, str>>,
    /// The value of `X-Real-IP`, if it names the last of the addresses.
    pub(crate) real_ip: Option<&'a str>,
    pub(crate) proto: Option<&'static str>,
    pub(crate) host: Option<Cow<'a, str>>,
}

impl<'a> ForwardedHeaders<'a> {
    /// Reads the headers that `peer`, a trusted hop, sent.
    pub(crate) fn read(headers: &'a HeaderMap, peer: &Peer) -> Self {
        let mut read = Self::default();
        let older = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, REAL_IP];
        if older.iter().any(|name| headers.contains_key(name)) {
            read.read_older(headers, peer);
        } else {
            read.read_forwarded(headers);
        }
        read
    }

    /// Returns the last address that is not itself a trusted hop. The addresses before it are the
    /// client's own claim.
    pub(crate) fn client(&self, trusted: &TrustedHops) -> Option<IpAddr> {
        let mut client = None;
        for address in self.addresses.iter().rev() {
            let Some(ip) = ip(address) else { break };
            client = Some(ip);
            if !trusted.trusts_address(ip) {
                break;
            }
        }
        client
    }

    fn read_older(&mut self, headers: &'a HeaderMap, peer: &Peer) {
        self.addresses = list(headers, &FORWARDED_FOR).map(Cow::Borrowed).collect();
        self.set_proto(list(headers, &FORWARDED_PROTO).last());
        self.set_host(list(headers, &FORWARDED_HOST).last().map(Cow::Borrowed));
        let is_listed = headers.contains_key(FORWARDED_FOR);
        self.set_real_ip(list(headers, &REAL_IP).last(), is_listed, peer);
    }

    /// A hop that writes `X-Forwarded-For` may pass the client's `X-Real-IP` on. Beside a list, the
    /// header adds no address, and it counts only if it names the last address of the list, which
    /// is the hop's own peer.
    fn set_real_ip(&mut self, value: Option<&'a str>, is_listed: bool, peer: &Peer) {
        let Some((text, real)) = value.and_then(|text| Some((text, ip(text)?))) else {
            return;
        };
        let is_peer = match peer {
            Peer::Tcp(peer) => peer.ip().to_canonical() == real,
            Peer::Unix => false,
        };
        if !is_listed && !is_peer {
            self.addresses.push(Cow::Borrowed(text));
        }
        let is_last = match self.addresses.last() {
            Some(last) => ip(last) == Some(real),
            None => is_peer,
        };
        self.real_ip = is_last.then_some(text);
    }

    fn read_forwarded(&mut self, headers: &'a HeaderMap) {
        let lines = headers.get_all(FORWARDED).iter();
        let lines = lines.filter_map(|line| element::parse(line.to_str().ok()?));
        for element in lines.flatten() {
            if let Some(node) = element.node {
                let address = node_ip(&node).map(|ip| Cow::Owned(ip.to_string()));
                self.addresses
                    .push(address.unwrap_or(Cow::Borrowed("unknown")));
            }
            self.set_proto(element.proto.as_deref());
            self.set_host(element.host.map(Cow::Owned));
        }
    }

    fn set_proto(&mut self, value: Option<&str>) {
        let is_value = |proto: &&str| value.is_some_and(|value| value.eq_ignore_ascii_case(proto));
        if let Some(proto) = ["http", "https"].into_iter().find(is_value) {
            self.proto = Some(proto);
        }
    }

    fn set_host(&mut self, value: Option<Cow<'a, str>>) {
        if let Some(host) = value.filter(|host| is_host(host)) {
            self.host = Some(host);
        }
    }
}

/// Splits all values of a header into the members of one list.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
}

/// Parses the address of a node of `Forwarded`, which may have a port.
fn node_ip(node: &str) -> Option<IpAddr> {
    let without_port = match node.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => node.split(':').next(),
    };
    ip(node).or_else(|| ip(without_port?))
}

/// Parses an address, with or without brackets and a port.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let parsed = bare.unwrap_or(text).parse();
    let parsed = parsed.or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    parsed.ok().map(|ip: IpAddr| ip.to_canonical())
}
