//! The operator behind a request: how the gate knows it, and the extractors by which handlers demand
//! one.

use std::{convert::Infallible, fmt::Display};

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};

use crate::{
    admin::{api::problem::ApiError, log::TARGET},
    net::peer::Peer,
};

/// The evidence by which the gate knows an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A Unix socket whose peer is the user of the gate, or root.
    Owner,
    /// The token.
    Bearer,
    /// The cookie of a browser.
    Session,
}

impl Identity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Bearer => "bearer",
            Self::Session => "session",
        }
    }
}

/// An operator, and its rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) identity: Identity,
    pub(crate) peer: Peer,
    /// Whether the operator may change something. Otherwise it may only look.
    pub(crate) may_act: bool,
}

impl Operator {
    /// Logs an action of the operator, with the deliveries or objects that it concerns.
    pub(crate) fn log(&self, operation: &str, subject: impl Display) {
        let identity = self.identity.as_str();
        tracing::info!(target: TARGET, operation, %subject, identity, peer = %self.peer, "action");
    }

    fn of(parts: &Parts) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Self>().copied();
        found.ok_or_else(ApiError::unauthorized)
    }
}

/// An operator who may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look(pub(crate) Operator);

/// An operator who may act.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act(pub(crate) Operator);

/// The owner of the Unix socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnerOnly(pub(crate) Operator);

/// The operator, if the gate knows one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyOperator(pub(crate) Option<Operator>);

impl<S: Sync> FromRequestParts<S> for Look {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Operator::of(parts).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Act {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let operator = Operator::of(parts)?;
        if operator.may_act {
            Ok(Self(operator))
        } else {
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "console-looks-only",
                "sessions of the console may only look; [admin] console = \"act\" lets them act",
            ))
        }
    }
}

impl<S: Sync> FromRequestParts<S> for OwnerOnly {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Operator::of(parts)? {
            operator if operator.identity == Identity::Owner => Ok(Self(operator)),
            _ => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "owner-only",
                "only the gate's own user may do this, through a Unix socket",
            )),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for AnyOperator {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().copied()))
    }
}
