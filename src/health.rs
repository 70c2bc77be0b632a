//! The health path on the public port, for platforms that know one port alone: 200 or 503, and
//! nothing else. Everything else that an operator may ask stands behind the admin listener.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use crate::{
    answer::AnswerBody,
    check::Instead,
    exchange::{Exchange, Outcome},
};

/// A question for the gate's health, with the answer.
pub(crate) struct Probed(StatusCode);

/// Answers GET and HEAD of the health path, byte for byte, if there is one. Any other request goes on
/// as if the path were none.
pub(crate) fn probe<B>(request: &Request<B>) -> Result<(), Probed> {
    let Some(exchange) = Exchange::of(request.extensions()) else {
        return Ok(());
    };
    let asked = exchange.config.health_path.as_deref() == Some(request.uri().path());
    if !asked || ![Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(());
    }
    Err(Probed(if exchange.gate.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }))
}

impl Instead for Probed {
    fn response(&self) -> Response<AnswerBody> {
        let mut response = Response::new(AnswerBody::from(Bytes::new()));
        *response.status_mut() = self.0;
        response
    }

    fn outcome(self) -> Outcome {
        Outcome::Probed
    }
}
