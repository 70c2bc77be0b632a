//! Tells an app where a delivery came from: by which addresses, with which scheme, for which host. `Forwarded` (RFC 7239) and
//! the older `X-Forwarded-*` say the same, because apps read one or the other.
//!
//! A trusted hop is believed. If it sent any `X-Forwarded-*` or `X-Real-IP`, its `Forwarded` is ignored: most proxies set the
//! former and let the latter through as the client wrote it.

use std::{borrow::Cow, net::IpAddr};

use http::header::FORWARDED;

use crate::{
    delivery::Head,
    destination::head_writer::{HeadLines, address},
    net::{
        forwarded::{
            FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, ForwardedHeaders, REAL_IP, ip,
        },
        peer::Peer,
    },
};

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
            said: forwarded.addresses,
            real_ip: forwarded.real_ip,
            peer,
            proto: forwarded.proto.unwrap_or(head.scheme),
            host: forwarded.host.or_else(own_host),
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
