//! Writes the headers that describe the client to an app: its addresses, scheme and host.
//! `Forwarded` (RFC 7239) and the older `X-Forwarded-*` hold the same, because apps read either.

use std::{borrow::Cow, net::IpAddr};

use http::header::FORWARDED;

use super::head_writer::{HeadWriter, address};
use crate::{
    delivery::Head,
    net::{
        forwarded::{
            FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, ForwardedHeaders, REAL_IP, ip,
        },
        peer::Peer,
    },
};

/// Returns whether only this module writes the header.
pub(super) fn is_forwarded_header(name: &str) -> bool {
    matches!(
        name,
        "forwarded" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" | "x-real-ip"
    )
}

/// Writes the headers into a request's head.
pub(super) fn write(lines: &mut HeadWriter, head: &Head) {
    let client = ForwardedClient::of(head);
    client.write_addresses(lines);
    lines.header(&FORWARDED_PROTO, client.proto.as_bytes());
    if let Some(host) = &client.host {
        lines.header(&FORWARDED_HOST, host.as_bytes());
    }
    if let Some(real_ip) = client.real_ip {
        lines.header(&REAL_IP, real_ip.as_bytes());
    }
    client.write_forwarded(lines);
}

/// The client of a delivery.
struct ForwardedClient<'a> {
    /// The addresses that a trusted hop named, the client's first.
    addresses: Vec<Cow<'a, str>>,
    /// The hop's `X-Real-IP`, if it equals the last address.
    real_ip: Option<&'a str>,
    /// The address of the gate's own peer. A Unix socket has none.
    peer: Option<Vec<u8>>,
    proto: &'static str,
    host: Option<Cow<'a, str>>,
}

impl<'a> ForwardedClient<'a> {
    fn of(head: &'a Head) -> Self {
        let forwarded = if head.peer_is_trusted {
            ForwardedHeaders::read(&head.headers, &head.peer)
        } else {
            ForwardedHeaders::default()
        };
        let own_host = || head.host.as_ref()?.to_str().ok().map(Cow::Borrowed);
        let peer = match head.peer {
            Peer::Tcp(peer) => Some(address(peer.ip().to_canonical())),
            Peer::Unix => None,
        };
        Self {
            addresses: forwarded.addresses,
            real_ip: forwarded.real_ip,
            peer,
            proto: forwarded.proto.unwrap_or(head.scheme),
            host: forwarded.host.or_else(own_host),
        }
    }

    fn write_addresses(&self, lines: &mut HeadWriter) {
        if let Some(peer) = &self.peer
            && self.addresses.is_empty()
        {
            return lines.header(&FORWARDED_FOR, peer);
        }
        let addresses = self.addresses.iter().map(|address| address.as_bytes());
        let mut parts: Vec<&[u8]> = Vec::new();
        for address in addresses.chain(self.peer.as_deref()) {
            if !parts.is_empty() {
                parts.push(b", ");
            }
            parts.push(address);
        }
        if !parts.is_empty() {
            lines.header_of(&FORWARDED_FOR, &parts);
        }
    }

    fn write_forwarded(&self, lines: &mut HeadWriter) {
        let mut value = Vec::with_capacity(128);
        let count = self.addresses.len() + usize::from(self.peer.is_some());
        for (index, address) in self.addresses.iter().enumerate() {
            // Apps read the scheme and the host from the first or from the last element.
            let is_whole = index == 0 || index + 1 == count;
            self.write_element(&mut value, ip(address), is_whole);
        }
        match self.peer.as_deref().map(str::from_utf8) {
            Some(Ok(peer)) => self.write_element(&mut value, ip(peer), true),
            _ if value.is_empty() => self.write_element(&mut value, None, true),
            _ => {}
        }
        lines.header(&FORWARDED, &value);
    }

    /// Appends an element, with the host and the scheme if it `is_whole`.
    fn write_element(&self, value: &mut Vec<u8>, ip: Option<IpAddr>, is_whole: bool) {
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
