//! The health path on the public port, for platforms that know one port alone: 200 or 503, and
//! nothing else. Every other question of an operator belongs to the admin listener.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use crate::proxy::{
    context::{Outcome, RequestContext},
    layers::{framing, validate::Instead},
    response::ResponseBody,
};

/// A health check, with its response.
pub(crate) struct Probed {
    status: StatusCode,
    /// Whether its framing broke a rule, so that the next request may begin anywhere.
    broken: bool,
}

/// The methods of health checks. HAProxy sends OPTIONS unless it is told otherwise.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];

/// Answers a health check of the health path, byte for byte, if one is configured. Every other
/// request passes.
///
/// This runs before the framing rules: plain health checkers speak HTTP/1.0 without `Host`. A check
/// that breaks those rules is answered, and its connection is closed.
pub(crate) fn probe<B>(request: &Request<B>) -> Result<(), Probed> {
    let Some(context) = RequestContext::of(request.extensions()) else {
        return Ok(());
    };
    let asked = context.config.health_path.as_deref() == Some(request.uri().path());
    if !asked || !METHODS.contains(request.method()) {
        return Ok(());
    }
    let status = if context.shared.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let broken = framing::check(request).is_err();
    Err(Probed { status, broken })
}

impl Instead for Probed {
    fn response(&self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::from(Bytes::new()));
        *response.status_mut() = self.status;
        response
    }

    fn outcome(self) -> Outcome {
        Outcome::Probed {
            broken: self.broken,
        }
    }
}
