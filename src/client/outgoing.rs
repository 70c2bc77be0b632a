//! One request as it goes out, genuine or forged: method, headers, body. Where to is the client's
//! business.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tower_cartgate::{Secret, Signature, Signer, Verified};

use crate::{delivery::header_filter::filter_request, rejected::SavedRejection};

/// A request as it goes to whatever address a client has.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its method.
    pub method: Method,
    /// Its headers, in the order in which they are sent.
    pub headers: HeaderMap,
    /// Its target, where the address names none.
    pub target: Option<PathAndQuery>,
    /// Its body.
    pub body: Bytes,
}

impl Outgoing {
    /// A kept delivery as it was, now that it verifies: its own method, signature and bytes, and of the
    /// unsigned headers what a gate would have passed on.
    #[must_use]
    pub fn resent(refused: SavedRejection, verified: &Verified, signature: &HeaderName) -> Self {
        let mut headers = refused.headers;
        filter_request(&mut headers, signature, &[], false);
        Self {
            method: refused.method,
            headers,
            target: Some(refused.target),
            body: verified.bytes(),
        }
    }
}

/// What makes deliveries: all that is the same for each of them.
#[derive(Clone, Debug)]
pub struct Envelope {
    method: Method,
    signature_header: HeaderName,
    extra: HeaderMap,
}

impl Envelope {
    /// An envelope; `extra` headers replace those that every delivery has.
    #[must_use]
    pub fn new(method: Method, signature_header: HeaderName, extra: HeaderMap) -> Self {
        Self {
            method,
            signature_header,
            extra,
        }
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// A genuine delivery of this body.
    #[must_use]
    pub fn genuine(&self, secret: &Secret, body: Bytes) -> Outgoing {
        let signature = Signer::new(secret).sign(&body);
        self.with_signature(&signature, body)
    }

    /// A delivery of this body under a signature, true or not.
    #[must_use]
    pub fn with_signature(&self, signature: &Signature, body: Bytes) -> Outgoing {
        self.with_values([signature.to_header_value()], body)
    }

    /// A delivery with these header lines for the signature: none, one or several.
    #[must_use]
    pub fn with_values(
        &self,
        values: impl IntoIterator<Item = HeaderValue>,
        body: Bytes,
    ) -> Outgoing {
        let mut headers = common_headers();
        for value in values {
            headers.append(self.signature_header.clone(), value);
        }
        for name in self.extra.keys() {
            headers.remove(name);
        }
        headers.extend(self.extra.clone());
        Outgoing {
            method: self.method.clone(),
            headers,
            target: None,
            body,
        }
    }
}

fn common_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("cartgate/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(extra: HeaderMap) -> Envelope {
        Envelope::new(Method::PUT, HeaderName::from_static("x-sig"), extra)
    }

    #[test]
    fn several_values_are_several_lines() {
        let values = ["a", "b"].map(HeaderValue::from_static);
        let outgoing = envelope(HeaderMap::new()).with_values(values, Bytes::new());
        assert_eq!(outgoing.headers.get_all("x-sig").iter().count(), 2);
        assert_eq!(outgoing.method, Method::PUT);
    }

    #[test]
    fn an_extra_header_replaces_ours_and_may_repeat() {
        let mut extra = HeaderMap::new();
        extra.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        extra.append("x-a", HeaderValue::from_static("1"));
        extra.append("x-a", HeaderValue::from_static("2"));
        let outgoing = envelope(extra).with_values([], Bytes::new());
        assert_eq!(
            outgoing
                .headers
                .get_all(CONTENT_TYPE)
                .iter()
                .collect::<Vec<_>>(),
            ["text/plain"]
        );
        assert_eq!(outgoing.headers.get_all("x-a").iter().count(), 2);
    }
}
