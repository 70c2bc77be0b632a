//! The signer of bodies and requests, for tests, demonstrations and senders.

use std::fmt;

use http::{HeaderName, Request};

use crate::{Secret, Signature, mac::Mac};

/// Signs bodies and requests as Cartfunnel does. It is keyed once for any number of them.
///
/// ```
/// # use tower_cartgate::{Secret, Signature, Signer};
/// let signer = Signer::new(&Secret::new("shared_secret")?);
/// let mut request = http::Request::post("/webhooks/orders").body(r#"{"order":1}"#).expect("a valid request");
/// signer.sign_request(&mut request);
/// assert_eq!(
///     request.headers()[Signature::HEADER],
///     "cIGmQz/NG2Gq28d3efkTF5DcDcEbcbmhl7EfXAmtTEQ=",
/// );
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    mac: Mac,
    header: HeaderName,
}

impl Signer {
    /// Returns a signer with this secret and the header [`Signature::HEADER`].
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self {
            mac: Mac::new(secret),
            header: Signature::HEADER,
        }
    }

    /// Sets the header for the signature of a request.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// Returns the signature of a body.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Signature {
        self.mac.tag_of(body).into()
    }

    /// Signs a request. It has exactly one signature header afterwards.
    pub fn sign_request<B: AsRef<[u8]>>(&self, request: &mut Request<B>) {
        let value = self.sign(request.body().as_ref()).to_header_value();
        request.headers_mut().insert(self.header.clone(), value);
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
