//! The headers of a request that may reach a destination.

use std::fmt;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, GetAll, VIA},
};

use super::{
    header_changes::EndpointHeaders,
    header_filter::{drop_headers, filter_request, is_dropped, is_protected, remove_named},
    trace::TraceHeaders,
};
use crate::net::{forwarded::ForwardedHeaders, peer::Peer};

/// The number of values that `KeptHeaders::dropped` has bits for. The server accepts 100.
const MOST: usize = 128;

/// The capacity up to which a table is used again. The client's connection keeps it while it is
/// idle.
const MAX_CAPACITY: usize = 32;

/// The headers of a request, of which only those can be read that may reach a destination. A
/// header that is dropped by its name stays in the table, because it costs less to skip it than to
/// remove it.
#[derive(Clone, Default)]
pub(crate) struct KeptHeaders {
    table: HeaderMap,
    /// One bit for each value, in the order of the table; set if the value is dropped.
    dropped: u128,
}

impl KeptHeaders {
    /// Filters the headers of a request.
    pub(super) fn of_request(
        mut table: HeaderMap,
        endpoint: EndpointHeaders<'_>,
        hop_is_trusted: bool,
    ) -> Self {
        let (signature, extra) = (endpoint.signature, &*endpoint.changes.drop);
        if table.len() > MOST {
            filter_request(&mut table, signature, extra, hop_is_trusted);
            return Self::stored(table);
        }
        let (mut dropped, has_options) = select(&table, signature, hop_is_trusted);
        let is_named = has_options || !extra.is_empty();
        if is_named && remove_named(&mut table, signature, extra) {
            (dropped, _) = select(&table, signature, hop_is_trusted);
        }
        Self { table, dropped }
    }

    /// Takes over the headers of a stored event, which were filtered before.
    pub(super) fn stored(table: HeaderMap) -> Self {
        Self { table, dropped: 0 }
    }

    /// Drops the `extra` headers of an endpoint from those of a stored event.
    pub(super) fn drop_extra(&mut self, extra: &[HeaderName]) {
        debug_assert_eq!(
            self.dropped, 0,
            "the bits belong to the places of the values"
        );
        drop_headers(&mut self.table, extra);
    }

    /// Iterates over all values, with their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let mut dropped = self.dropped;
        self.table.iter().filter(move |_| {
            let is_kept = dropped & 1 == 0;
            dropped >>= 1;
            is_kept
        })
    }

    /// Returns the first value of a header.
    pub(crate) fn get(&self, wanted: &HeaderName) -> Option<&HeaderValue> {
        let found = self.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    }

    /// Returns all values of `Via`, which no rule drops.
    pub(crate) fn via(&self) -> GetAll<'_, HeaderValue> {
        self.table.get_all(VIA)
    }

    /// Reads the description of the client by a trusted hop. No rule drops its headers.
    pub(super) fn forwarded(&self, trusted: &Peer) -> ForwardedHeaders<'_> {
        ForwardedHeaders::read(&self.table, trusted)
    }

    /// Returns an empty table for the headers of the response. The server uses that of a response
    /// for the next request, so a connection that stays open allocates no tables.
    pub(super) fn into_empty_table(self) -> HeaderMap {
        if self.table.capacity() > MAX_CAPACITY {
            return HeaderMap::new();
        }
        let mut table = self.table;
        table.clear();
        table
    }
}

/// Returns the bits of the values to drop, and whether there is a `Connection`, which may name
/// further ones.
fn select(table: &HeaderMap, signature: &HeaderName, hop_is_trusted: bool) -> (u128, bool) {
    let (mut dropped, mut has_options) = (0, false);
    let mut trace = TraceHeaders::default();
    let mut bit = 1;
    for (name, value) in table {
        if is_dropped(name, hop_is_trusted) && !is_protected(name, signature) {
            dropped |= bit;
            has_options |= name == CONNECTION;
        } else {
            trace.add(name, value, bit);
        }
        bit <<= 1;
    }
    (dropped | trace.dropped(), has_options)
}

#[cfg(test)]
impl From<HeaderMap> for KeptHeaders {
    fn from(table: HeaderMap) -> Self {
        Self::stored(table)
    }
}

impl fmt::Debug for KeptHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::delivery::header_changes::HeaderChanges;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    const NAMES: [&str; 19] = [
        "accept",
        "connection",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "forwarded",
        "host",
        "traceparent",
        "tracestate",
        "user-agent",
        "via",
        "x-cartfunnel-hmac-sha256",
        "x-cartgate-verdict",
        "x-forwarded-for",
        "x-mine",
        "x-other",
        "x-real-ip",
        "x_mine",
    ];

    const VALUES: [&str; 8] = [
        PARENT,
        PARENT,
        "1",
        "close, x-mine",
        "traceparent,cookie",
        "x-real-ip , via",
        "content-type, host",
        "keep-alive",
    ];

    /// Returns the lines in an order that does not depend on removals.
    fn sorted<'a>(
        headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    ) -> Vec<(&'a str, &'a [u8])> {
        let mut lines: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        lines.sort_by_key(|(name, _)| *name);
        lines
    }

    fn table(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut table = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            table.append(name, HeaderValue::from_static(value));
        }
        table
    }

    fn kept(table: &HeaderMap, extra: &[&'static str], hop_is_trusted: bool) -> KeptHeaders {
        let changes = HeaderChanges {
            drop: extra.iter().copied().map(HeaderName::from_static).collect(),
            ..HeaderChanges::default()
        };
        let endpoint = EndpointHeaders {
            signature: &tower_cartgate::Signature::HEADER,
            changes: &changes,
        };
        KeptHeaders::of_request(table.clone(), endpoint, hop_is_trusted)
    }

    proptest! {
        #[test]
        fn skipping_keeps_what_removing_keeps(
            lines in vec((select(&NAMES[..]), select(&VALUES[..])), 0..12),
            extra in vec(select(&["x-other", "via", "traceparent", "content-type"][..]), 0..2),
            hop_is_trusted: bool,
        ) {
            let table = table(&lines);
            let kept = kept(&table, &extra, hop_is_trusted);
            let mut removed = table;
            let extra: Vec<_> = extra.into_iter().map(HeaderName::from_static).collect();
            let signature = tower_cartgate::Signature::HEADER;
            filter_request(&mut removed, &signature, &extra, hop_is_trusted);
            prop_assert_eq!(sorted(kept.iter()), sorted(removed.iter()));
            prop_assert_eq!(
                kept.via().iter().collect::<Vec<_>>(),
                removed.get_all(VIA).iter().collect::<Vec<_>>()
            );
            if hop_is_trusted {
                prop_assert_eq!(
                    format!("{:?}", kept.forwarded(&Peer::Unix)),
                    format!("{:?}", ForwardedHeaders::read(&removed, &Peer::Unix))
                );
            }
        }
    }

    #[test]
    fn the_order_of_the_client_is_kept() {
        let lines =
            ["host", "b", "cookie", "a", "content-length", "c", "b"].map(|name| (name, "1"));
        let kept = kept(&table(&lines), &[], false);
        let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "b", "a", "c"]);
        assert_eq!(
            format!("{kept:?}"),
            r#"{"b": "1", "b": "1", "a": "1", "c": "1"}"#
        );
    }

    #[test]
    fn more_headers_than_there_are_bits_are_filtered_too() {
        let mut many = table(&[("cookie", "1"), ("x-mine", "1")]);
        for number in 0..2 * MOST {
            let name = HeaderName::try_from(format!("x-forwarded-{number}")).expect("a name");
            many.append(name, HeaderValue::from_static("1"));
        }
        assert_eq!(
            sorted(kept(&many, &[], false).iter()),
            [("x-mine", &b"1"[..])]
        );
    }

    #[test]
    fn the_table_for_the_response_is_empty_and_small() {
        let lines = [("cookie", "1"), ("x-mine", "1"), ("x-mine", "2")];
        let mut table = kept(&table(&lines), &[], false).into_empty_table();
        assert!(table.is_empty() && table.capacity() > 0);
        table.reserve(MAX_CAPACITY + 1);
        let table = KeptHeaders::stored(table).into_empty_table();
        assert_eq!(table.capacity(), 0);
    }
}
