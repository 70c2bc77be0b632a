//! The layer that every request of an admin listener passes.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, StatusCode};
use rustix::process::geteuid;

use super::{
    access::{Authorization, Identity, Operator, Session, is_foreign, names_us},
    api::problem::ApiError,
    gate::Admin,
    server::connection::AdminConnection,
};
use crate::{
    net::peer::Peer,
    proxy::config::admin::{AdminAccess, ConsoleMode},
    telemetry::count,
};

/// Rejects a request for a foreign host or from a foreign page, and notes the operator behind it.
pub(super) async fn guard(
    State(admin): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let connection = request.extensions().get::<Arc<AdminConnection>>();
    let connection = connection.cloned().ok_or_else(ApiError::internal)?;
    let operator = {
        let config = admin.gate.config();
        let access = &config.admin;
        let headers = request.headers();
        // Browsers cannot use a Unix socket, and its clients send any host.
        if connection.peer != Peer::Unix && !names_us(headers, &access.hosts) {
            return Err(ApiError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "foreign-host",
                "the gate does not have this host name; use its address, or add the name to [admin] hosts",
            ));
        }
        let operator = operator(&admin, access, &connection, headers);
        let is_session = operator.is_some_and(|one| one.identity == Identity::Session);
        if is_foreign(request.method(), headers, is_session) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "foreign-origin",
                "this request may come from a web page of another origin",
            ));
        }
        operator
    };
    if let Some(operator) = operator {
        request.extensions_mut().insert(operator);
    }
    Ok(next.run(request).await)
}

/// Returns the operator behind a request, if the gate knows one.
fn operator(
    admin: &Admin,
    access: &AdminAccess,
    connection: &AdminConnection,
    headers: &HeaderMap,
) -> Option<Operator> {
    let identity = identity(admin, access, connection, headers)?;
    Some(Operator {
        identity,
        peer: connection.peer,
        may_act: identity != Identity::Session || access.console == ConsoleMode::Act,
    })
}

fn identity(
    admin: &Admin,
    access: &AdminAccess,
    connection: &AdminConnection,
    headers: &HeaderMap,
) -> Option<Identity> {
    if is_owner(connection, headers) {
        return Some(Identity::Owner);
    }
    let token = admin.credentials.token(access);
    match Authorization::of(headers, &token) {
        Authorization::Token => return Some(Identity::Bearer),
        Authorization::Wrong => return None,
        Authorization::Missing => {}
    }
    let now = count::now() / 1000;
    let is_session =
        access.console != ConsoleMode::Off && Session::new(&token, headers).is_in(headers, now);
    is_session.then_some(Identity::Session)
}

/// Returns whether the peer of a Unix socket is the user of the gate, or root. Behind a web proxy
/// that runs as one of them is anybody, so a request that a browser or a proxy has marked needs
/// another identity.
fn is_owner(connection: &AdminConnection, headers: &HeaderMap) -> bool {
    let marks = [
        "origin",
        "sec-fetch-site",
        "cookie",
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-real-ip",
    ];
    let is_marked = || marks.iter().any(|mark| headers.contains_key(*mark));
    let own = geteuid().as_raw();
    connection
        .peer_uid
        .is_some_and(|uid| uid == own || uid == 0)
        && !is_marked()
}
