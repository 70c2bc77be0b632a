//! Routes requests of the admin listener, and rejects those that may not have a response.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use http_body_util::Full;

use super::{
    access,
    response::{self, TEXT, error},
};
use crate::{net::peer::Peer, proxy::config::admin::AdminAccess};

const FROM_A_PAGE: &str =
    "Forbidden: send the header X-Cartgate-Admin: 1, and not from a web page\n";

/// The resources of the admin listener.
#[derive(Clone, Copy)]
pub(super) enum Resource {
    Health,
    Ready,
    Metrics,
    Status,
    Reload,
}

/// Returns the resource of a request, or the response that rejects it.
pub(super) fn route<B>(
    request: &Request<B>,
    peer: Peer,
    access: &AdminAccess,
) -> Result<Resource, Box<Response<Full<Bytes>>>> {
    let headers = request.headers();
    // Browsers cannot use a Unix socket, and its clients send any host.
    if peer != Peer::Unix && !access::names_us(headers, access) {
        return Err(Box::new(error(StatusCode::MISDIRECTED_REQUEST)));
    }
    let Some(resource) = Resource::at(request.uri().path()) else {
        return Err(Box::new(error(StatusCode::NOT_FOUND)));
    };
    if !resource.methods().contains(request.method()) {
        return Err(Box::new(resource.method_not_allowed()));
    }
    if resource.is_a_change() && access::may_be_a_page(headers) {
        let response = response::new(StatusCode::FORBIDDEN, TEXT, FROM_A_PAGE);
        return Err(Box::new(response));
    }
    if resource.is_protected() && !access::has_token(headers, access) {
        return Err(Box::new(error(StatusCode::UNAUTHORIZED)));
    }
    Ok(resource)
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            "/status" => Some(Self::Status),
            "/reload" => Some(Self::Reload),
            _ => None,
        }
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::Reload => &[Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// Returns whether a request changes the gate.
    fn is_a_change(self) -> bool {
        matches!(self, Self::Reload)
    }

    /// Returns whether a request needs the token. The others reveal only whether the gate serves.
    fn is_protected(self) -> bool {
        matches!(self, Self::Metrics | Self::Status | Self::Reload)
    }

    fn method_not_allowed(self) -> Response<Full<Bytes>> {
        let allowed = if self.is_a_change() {
            "POST"
        } else {
            "GET, HEAD"
        };
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED);
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }
}
