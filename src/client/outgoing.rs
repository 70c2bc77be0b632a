//! A request of the sender, genuine or forged: method, headers and body. Its client adds the
//! address.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
    uri::PathAndQuery,
};
use http_body_util::Full;
use tower_cartgate::{Secret, Signature, Signer, Verified};

use crate::{delivery::header_filter::filter_request, rejected::SavedRejection};

/// A request with its address, as it is written.
pub(super) type OutgoingRequest = Request<Full<Bytes>>;

/// A request without an address.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The headers, in the order in which they are sent.
    pub headers: HeaderMap,
    /// The target, unless the address contains one.
    pub target: Option<PathAndQuery>,
    /// The body.
    pub body: Bytes,
}

impl Outgoing {
    /// Restores a saved rejection that now verifies: its method, signature and bytes, and the
    /// unsigned headers that a gate passes on.
    #[must_use]
    pub fn resent(saved: SavedRejection, verified: &Verified, signature: &HeaderName) -> Self {
        let mut headers = saved.headers;
        filter_request(&mut headers, signature, &[], false);
        Self {
            method: saved.method,
            headers,
            target: Some(saved.target),
            body: verified.bytes(),
        }
    }

    /// Adds the target, and the host unless the headers name one.
    pub(super) fn into_request(self, host: &HeaderValue) -> OutgoingRequest {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        let target = self.target;
        *request.uri_mut() = target
            .unwrap_or_else(|| PathAndQuery::from_static("/"))
            .into();
        *request.headers_mut() = self.headers;
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert_with(|| host.clone());
        request
    }
}

/// The parts that all deliveries of a sender share.
#[derive(Clone, Debug)]
pub struct Envelope {
    method: Method,
    signature_header: HeaderName,
    extra: HeaderMap,
}

impl Envelope {
    /// Creates an envelope. Its `extra` headers replace the default ones.
    #[must_use]
    pub fn new(method: Method, signature_header: HeaderName, extra: HeaderMap) -> Self {
        Self {
            method,
            signature_header,
            extra,
        }
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Creates a genuine delivery.
    #[must_use]
    pub fn genuine(&self, secret: &Secret, body: Bytes) -> Outgoing {
        let signature = Signer::new(secret).sign(&body);
        self.with_signature(&signature, body)
    }

    /// Creates a delivery with a signature, which may be wrong.
    #[must_use]
    pub fn with_signature(&self, signature: &Signature, body: Bytes) -> Outgoing {
        self.with_values([signature.to_header_value()], body)
    }

    /// Creates a delivery with any number of signature headers.
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
