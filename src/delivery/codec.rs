//! Encodes the head of a delivery for the inbox, and decodes it.
//!
//! The first byte is the version. Decoding accepts any bytes, and allocates nothing by a length in
//! them. A seal protects them, but others may write to the store.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, uri::PathAndQuery};
use tower_cartgate::EventSource;

use super::{head::Head, kept_headers::KeptHeaders};
use crate::net::peer::Peer;

/// The bytes are not a head of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this version of Cartgate cannot read it; a newer one wrote it")]
pub(crate) struct Malformed;

const VERSION: u8 = 1;

/// Bits of the flags byte.
const ENCRYPTED_TRANSPORT: u8 = 1;
const BY_PAYLOAD: u8 = 2;
const TRUSTED_PEER: u8 = 4;
const NAMED_HOST: u8 = 8;
const LATE: u8 = 16;
const KNOWN: u8 = ENCRYPTED_TRANSPORT | BY_PAYLOAD | TRUSTED_PEER | NAMED_HOST | LATE;

/// Encodes a head.
pub(crate) fn write(head: &Head) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend([VERSION, flags(head)]);
    put(&mut bytes, head.method.as_str().as_bytes());
    let target = head.target.path_and_query();
    put(
        &mut bytes,
        target.map_or("/", PathAndQuery::as_str).as_bytes(),
    );
    put(&mut bytes, head.secret.as_ref().as_bytes());
    put(&mut bytes, peer_text(head.peer).as_bytes());
    if let Some(host) = &head.host {
        put(&mut bytes, host.as_bytes());
    }
    for (name, value) in head.headers.iter() {
        put(&mut bytes, name.as_str().as_bytes());
        put(&mut bytes, value.as_bytes());
    }
    bytes
}

/// Decodes a head.
pub(crate) fn read(bytes: &[u8]) -> Result<Head, Malformed> {
    let (&[version, flags], mut rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    if version != VERSION || flags & !KNOWN != 0 {
        return Err(Malformed);
    }
    let is = |bit| flags & bit != 0;
    Ok(Head {
        method: Method::from_bytes(take(&mut rest)?).map_err(|_| Malformed)?,
        target: target(take(&mut rest)?)?,
        secret: text(take(&mut rest)?)?.parse().map_err(|_| Malformed)?,
        peer: peer(text(take(&mut rest)?)?)?,
        host: if is(NAMED_HOST) {
            Some(value(take(&mut rest)?)?)
        } else {
            None
        },
        headers: KeptHeaders::stored(headers(rest)?),
        source: if is(BY_PAYLOAD) {
            EventSource::Payload
        } else {
            EventSource::Endpoint
        },
        scheme: if is(ENCRYPTED_TRANSPORT) {
            "https"
        } else {
            "http"
        },
        peer_is_trusted: is(TRUSTED_PEER),
        late: is(LATE),
    })
}

fn flags(head: &Head) -> u8 {
    [
        (head.scheme == "https", ENCRYPTED_TRANSPORT),
        (head.source == EventSource::Payload, BY_PAYLOAD),
        (head.peer_is_trusted, TRUSTED_PEER),
        (head.host.is_some(), NAMED_HOST),
        (head.late, LATE),
    ]
    .into_iter()
    .filter_map(|(is, bit)| is.then_some(bit))
    .sum()
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    let length = u32::try_from(field.len()).expect("a head has a limit far below 4 GiB");
    bytes.extend(length.to_be_bytes());
    bytes.extend(field);
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let (length, behind) = rest.split_first_chunk().ok_or(Malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (field, behind) = behind.split_at_checked(length).ok_or(Malformed)?;
    *rest = behind;
    Ok(field)
}

fn headers(mut rest: &[u8]) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::new();
    while !rest.is_empty() {
        let name = HeaderName::from_bytes(take(&mut rest)?).map_err(|_| Malformed)?;
        let value = value(take(&mut rest)?)?;
        headers.try_append(name, value).map_err(|_| Malformed)?;
    }
    Ok(headers)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

fn value(bytes: &[u8]) -> Result<HeaderValue, Malformed> {
    HeaderValue::from_bytes(bytes).map_err(|_| Malformed)
}

fn target(bytes: &[u8]) -> Result<Uri, Malformed> {
    let target = PathAndQuery::try_from(bytes).map_err(|_| Malformed)?;
    Ok(target.into())
}

/// Returns the address without its port, which means nothing once the connection is closed.
fn peer_text(peer: Peer) -> String {
    match peer {
        Peer::Tcp(address) => address.ip().to_string(),
        Peer::Unix => String::new(),
    }
}

fn peer(text: &str) -> Result<Peer, Malformed> {
    if text.is_empty() {
        return Ok(Peer::Unix);
    }
    let ip: IpAddr = text.parse().map_err(|_| Malformed)?;
    Ok(Peer::Tcp(SocketAddr::new(ip, 0)))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Returns a head with every part.
    pub(crate) fn full_head() -> Head {
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", "a/b"), ("x-twice", "1"), ("x-twice", "2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let odd = HeaderValue::from_bytes(b"\xff\tplanted").expect("obs-text is a value");
        headers.insert("x-odd", odd);
        Head {
            method: Method::PUT,
            target: "/hooks/a%2fb?c=d".parse().expect("a target"),
            headers: headers.into(),
            source: EventSource::Payload,
            secret: "current".parse().expect("a name"),
            scheme: "https",
            host: Some(HeaderValue::from_static("gate.example:8443")),
            peer: Peer::Tcp("[2001:db8::1]:443".parse().expect("an address")),
            peer_is_trusted: true,
            late: true,
        }
    }

    fn bare_head() -> Head {
        Head {
            method: Method::POST,
            target: "/".parse().expect("a target"),
            headers: KeptHeaders::default(),
            source: EventSource::Endpoint,
            secret: "default".parse().expect("a name"),
            scheme: "http",
            host: None,
            peer: Peer::Unix,
            peer_is_trusted: false,
            late: false,
        }
    }

    #[test]
    fn a_head_comes_back_as_it_was() {
        for mut head in [full_head(), bare_head()] {
            let read = read(&write(&head)).expect("its own bytes");
            // The port is not encoded.
            if let Peer::Tcp(address) = &mut head.peer {
                address.set_port(0);
            }
            assert_eq!(format!("{read:?}"), format!("{head:?}"));
        }
    }

    #[test]
    fn a_target_in_absolute_form_is_kept_as_a_destination_would_see_it() {
        let target = "http://gate.example/a?b".parse().expect("a target");
        let head = Head {
            target,
            ..bare_head()
        };
        assert_eq!(read(&write(&head)).expect("a head").target, "/a?b");
    }

    #[test]
    fn another_version_and_what_is_cut_are_no_head() {
        let bytes = write(&full_head());
        for end in 0..bytes.len() {
            // A cut between two headers leaves a head with fewer of them; the seal detects that.
            if let Ok(head) = read(&bytes[..end]) {
                assert!(head.headers.iter().count() < full_head().headers.iter().count());
            }
        }
        let mut newer = bytes.clone();
        newer[0] += 1;
        assert!(read(&newer).is_err());
        let mut unknown = bytes;
        unknown[1] |= 128;
        assert!(read(&unknown).is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_a_head_or_none(bytes in vec(any::<u8>(), 0..300)) {
            if let Ok(head) = read(&bytes) {
                prop_assert!(read(&write(&head)).is_ok());
            }
        }

        #[test]
        fn a_head_with_bytes_changed_is_a_head_or_none(
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = write(&full_head());
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if let Ok(head) = read(&bytes) {
                prop_assert!(read(&write(&head)).is_ok());
            }
        }
    }
}
