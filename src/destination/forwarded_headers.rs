//! Writes the headers that describe the client to an app: its addresses, scheme and host.
//! `Forwarded` (RFC 7239) and the older `X-Forwarded-*` hold the same, because apps read either.

use std::{borrow::Cow, net::IpAddr};

use http::header::FORWARDED;

use super::head_writer::HeadWriter;
use crate::{
    delivery::Head,
    net::{
        forwarded::{FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, REAL_IP, ip},
        peer::{Peer, PeerText},
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
    peer: Option<(IpAddr, PeerText)>,
    proto: &'static str,
    host: Option<Cow<'a, str>>,
}

impl<'a> ForwardedClient<'a> {
    fn of(head: &'a Head) -> Self {
        let forwarded = head.forwarded();
        let own_host = || head.host.as_ref()?.to_str().ok().map(Cow::Borrowed);
        let peer = match head.peer {
            Peer::Tcp(peer) => {
                let address = peer.ip().to_canonical();
                Some((address, PeerText::of_address(address)))
            }
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
        if self.addresses.is_empty() && self.peer.is_none() {
            return;
        }
        lines.begin(&FORWARDED_FOR);
        for (index, address) in self.addresses.iter().enumerate() {
            if index > 0 {
                lines.put(b", ");
            }
            lines.put(address.as_bytes());
        }
        if let Some((_, text)) = &self.peer {
            if !self.addresses.is_empty() {
                lines.put(b", ");
            }
            lines.put(text.as_str().as_bytes());
        }
        lines.end();
    }

    fn write_forwarded(&self, lines: &mut HeadWriter) {
        lines.begin(&FORWARDED);
        let count = self.addresses.len() + usize::from(self.peer.is_some());
        for (index, address) in self.addresses.iter().enumerate() {
            if index > 0 {
                lines.put(b", ");
            }
            // Apps read the scheme and the host from the first or from the last element.
            let is_whole = index == 0 || index + 1 == count;
            let address = ip(address).map(|address| (address, PeerText::of_address(address)));
            self.write_element(lines, address.as_ref(), is_whole);
        }
        if self.peer.is_some() && !self.addresses.is_empty() {
            lines.put(b", ");
        }
        if self.peer.is_some() || self.addresses.is_empty() {
            self.write_element(lines, self.peer.as_ref(), true);
        }
        lines.end();
    }

    /// Writes an element, with the host and the scheme if it `is_whole`.
    fn write_element(
        &self,
        lines: &mut HeadWriter,
        address: Option<&(IpAddr, PeerText)>,
        is_whole: bool,
    ) {
        match address {
            Some((IpAddr::V4(_), text)) => {
                lines.put(b"for=");
                lines.put(text.as_str().as_bytes());
            }
            Some((IpAddr::V6(_), text)) => {
                lines.put(b"for=\"[");
                lines.put(text.as_str().as_bytes());
                lines.put(b"]\"");
            }
            None => lines.put(b"for=unknown"),
        }
        if !is_whole {
            return;
        }
        if let Some(host) = &self.host {
            lines.put(b";host=\"");
            lines.put(host.as_bytes());
            lines.put(b"\"");
        }
        lines.put(b";proto=");
        lines.put(self.proto.as_bytes());
    }
}
