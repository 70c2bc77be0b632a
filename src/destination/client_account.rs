//! Tells an app where a delivery came from: by which addresses, with which scheme, for which host. `Forwarded` (RFC 7239) and
//! the older `X-Forwarded-*` say the same, because apps read one or the other.
//!
//! A trusted hop is believed. If it sent any `X-Forwarded-*` or `X-Real-IP`, its `Forwarded` is ignored: most proxies set the
//! former and let the latter through as the client wrote it.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, header::FORWARDED};

use super::forwarded;
use crate::{
    delivery::Head,
    destination::head_writer::{HeadLines, address},
    net::{host_name::is_host, peer::Peer},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whether only this file writes the header.
pub(super) fn is_of_the_account(name: &str) -> bool {
    matches!(
        name,
        "forwarded" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" | "x-real-ip"
    )
}

/// One account of the client.
struct Account<'a> {
    /// The addresses that a trusted hop named, the client's first.
    said: Vec<Cow<'a, str>>,
    /// The hop's `X-Real-IP`, if the last of the addresses is the same.
    real_ip: Option<&'a str>,
    /// The address of the gate's own peer; none on a Unix socket.
    peer: Option<Vec<u8>>,
    proto: &'static str,
    host: Option<Cow<'a, str>>,
}

/// Writes the account into a request's head.
pub(super) fn write(lines: &mut HeadLines, head: &Head) {
    let account = Account::of(head);
    account.write_addresses(lines);
    lines.line(&FORWARDED_PROTO, account.proto.as_bytes());
    if let Some(host) = &account.host {
        lines.line(&FORWARDED_HOST, host.as_bytes());
    }
    if let Some(real_ip) = account.real_ip {
        lines.line(&REAL_IP, real_ip.as_bytes());
    }
    account.write_forwarded(lines);
}

impl<'a> Account<'a> {
    fn of(head: &'a Head) -> Self {
        let peer = match head.peer {
            Peer::Tcp(peer) => Some(address(peer.ip().to_canonical())),
            Peer::Unix => None,
        };
        let mut account = Self {
            said: Vec::new(),
            real_ip: None,
            peer,
            proto: head.scheme,
            host: head
                .host
                .as_ref()
                .and_then(|host| host.to_str().ok())
                .map(Cow::Borrowed),
        };
        if head.peer_is_trusted {
            account.believe(&head.headers);
        }
        account
    }

    fn believe(&mut self, headers: &'a HeaderMap) {
        let older = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, REAL_IP];
        if !older.iter().any(|name| headers.contains_key(name)) {
            self.believe_forwarded(headers);
            return;
        }
        self.said = list(headers, &FORWARDED_FOR).map(Cow::Borrowed).collect();
        self.believe_proto(list(headers, &FORWARDED_PROTO).last());
        self.believe_host(list(headers, &FORWARDED_HOST).last().map(Cow::Borrowed));
        let is_listed = headers.contains_key(FORWARDED_FOR);
        self.believe_real_ip(list(headers, &REAL_IP).last(), is_listed);
    }

    /// A hop that writes `X-Forwarded-For` may let the client's `X-Real-IP` through. Beside a list, the header adds no address,
    /// and it is passed on only if it names the last address of the list, which is the hop's own peer.
    fn believe_real_ip(&mut self, said: Option<&'a str>, is_listed: bool) {
        let Some((text, real)) = said.and_then(|text| Some((text, ip(text)?))) else {
            return;
        };
        let is_peer = self.peer.as_deref() == Some(&*address(real));
        if !is_listed && !is_peer {
            self.said.push(Cow::Borrowed(text));
        }
        let is_last = match self.said.last() {
            Some(last) => ip(last) == Some(real),
            None => is_peer,
        };
        self.real_ip = is_last.then_some(text);
    }

    fn believe_forwarded(&mut self, headers: &HeaderMap) {
        let lines = headers.get_all(FORWARDED).iter();
        let lines = lines.filter_map(|line| forwarded::elements(line.to_str().ok()?));
        for element in lines.flatten() {
            if let Some(node) = element.node {
                let address = node_ip(&node).map(|ip| Cow::Owned(ip.to_string()));
                self.said.push(address.unwrap_or(Cow::Borrowed("unknown")));
            }
            self.believe_proto(element.proto.as_deref());
            self.believe_host(element.host.map(Cow::Owned));
        }
    }

    fn believe_proto(&mut self, said: Option<&str>) {
        let known = |proto: &&str| said.is_some_and(|said| said.eq_ignore_ascii_case(proto));
        if let Some(proto) = ["http", "https"].into_iter().find(known) {
            self.proto = proto;
        }
    }

    fn believe_host(&mut self, said: Option<Cow<'a, str>>) {
        if let Some(host) = said.filter(|host| is_host(host)) {
            self.host = Some(host);
        }
    }

    fn write_addresses(&self, lines: &mut HeadLines) {
        let mut parts: Vec<&[u8]> = Vec::new();
        if let Some(peer) = &self.peer
            && self.said.is_empty()
        {
            return lines.line(&FORWARDED_FOR, peer);
        }
        for one in self
            .said
            .iter()
            .map(|said| said.as_bytes())
            .chain(self.peer.as_deref())
        {
            if !parts.is_empty() {
                parts.push(b", ");
            }
            parts.push(one);
        }
        if !parts.is_empty() {
            lines.line_of(&FORWARDED_FOR, &parts);
        }
    }

    fn write_forwarded(&self, lines: &mut HeadLines) {
        let mut value = Vec::with_capacity(128);
        let count = self.said.len() + usize::from(self.peer.is_some());
        for (index, said) in self.said.iter().enumerate() {
            // Apps read the scheme and the host from the first or from the last element.
            self.element(&mut value, ip(said), index == 0 || index + 1 == count);
        }
        match self.peer.as_deref().map(str::from_utf8) {
            Some(Ok(peer)) => self.element(&mut value, ip(peer), true),
            _ if value.is_empty() => self.element(&mut value, None, true),
            _ => {}
        }
        lines.line(&FORWARDED, &value);
    }

    fn element(&self, value: &mut Vec<u8>, ip: Option<IpAddr>, is_whole: bool) {
        if !value.is_empty() {
            value.extend_from_slice(b", ");
        }
        let (open, close): (&[u8], &[u8]) = match ip {
            Some(IpAddr::V6(_)) => (b"for=\"[", b"]\""),
            _ => (b"for=", b""),
        };
        value.extend_from_slice(open);
        match ip {
            Some(ip) => value.extend_from_slice(&address(ip)),
            None => value.extend_from_slice(b"unknown"),
        }
        value.extend_from_slice(close);
        if !is_whole {
            return;
        }
        if let Some(host) = &self.host {
            value.extend_from_slice(b";host=\"");
            value.extend_from_slice(host.as_bytes());
            value.extend_from_slice(b"\"");
        }
        value.extend_from_slice(b";proto=");
        value.extend_from_slice(self.proto.as_bytes());
    }
}

/// The members of a list, over all lines of that name.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
}

/// The address of a node as `Forwarded` has it, with any port.
fn node_ip(node: &str) -> Option<IpAddr> {
    let without_port = match node.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => node.split(':').next(),
    };
    ip(node).or_else(|| ip(without_port?))
}

/// The address in a text, with or without brackets and a port.
fn ip(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let parsed = bare.unwrap_or(text).parse();
    let parsed = parsed.or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    parsed.ok().map(|ip: IpAddr| ip.to_canonical())
}
