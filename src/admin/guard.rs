//! The layer that every request of an admin listener passes.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{COOKIE, FORWARDED, HOST, ORIGIN, REFERER, VIA},
};
use rustix::process::geteuid;

use super::{
    access::{Authorization, Identity, OWNER_HOST, Operator, Session, is_foreign, names_us},
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
        // Browsers cannot use a Unix socket, and its clients send any host.
        if connection.peer != Peer::Unix
            && !names_us(request.uri(), request.headers(), &access.hosts)
        {
            return Err(ApiError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "foreign-host",
                "the gate does not have this host name; use its address, or add the name to [admin] hosts",
            ));
        }
        let head = (request.method(), request.uri(), request.headers());
        let operator = operator(&admin, access, &connection, head);
        let is_session = operator.is_some_and(|one| one.identity == Identity::Session);
        if is_foreign(request.method(), request.headers(), is_session) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "foreign-origin",
                "this request may come from a web page of another origin",
            ));
        }
        operator
    };
    if let Some(operator) = operator {
        connection.keep_for_operator();
        let evidence = Evidence::of(&request, connection);
        request.extensions_mut().insert(evidence);
        request.extensions_mut().insert(operator);
    }
    Ok(next.run(request).await)
}

/// The head of a request: its method, its target and its headers.
type RequestHead<'r> = (&'r Method, &'r Uri, &'r HeaderMap);

/// The evidence for the operator of a long response. The gate examines it again while it responds,
/// because a token can be replaced, and a session can end.
pub(super) struct Evidence {
    connection: Arc<AdminConnection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Evidence {
    fn of(request: &Request, connection: Arc<AdminConnection>) -> Arc<Self> {
        Arc::new(Self {
            connection,
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    /// Returns whether the evidence still names an operator.
    pub(super) fn holds(&self, admin: &Admin) -> bool {
        let config = admin.gate.config();
        let head = (&self.method, &self.uri, &self.headers);
        operator(admin, &config.admin, &self.connection, head).is_some()
    }
}

/// Returns the operator behind a request, if the gate knows one.
fn operator(
    admin: &Admin,
    access: &AdminAccess,
    connection: &AdminConnection,
    head: RequestHead<'_>,
) -> Option<Operator> {
    let identity = identity(admin, access, connection, head)?;
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
    head: RequestHead<'_>,
) -> Option<Identity> {
    let (_, _, headers) = head;
    if is_owner(connection, headers) {
        return Some(Identity::Owner);
    }
    let token = admin.credentials.token(access);
    match Authorization::of(headers, &token) {
        Authorization::Token => return Some(Identity::Bearer),
        Authorization::Wrong => return None,
        Authorization::Missing => {}
    }
    if access.console == ConsoleMode::Off {
        return None;
    }
    let session = Session::new(&token, headers).find(head, count::now() / 1000)?;
    (!admin.credentials.is_revoked(&session)).then_some(Identity::Session)
}

/// Returns whether the peer of a Unix socket is the user of the gate, or root. Behind a web proxy
/// that runs as one of them is anybody, so the owner names a host that no proxy has, and a request
/// that a browser or a proxy has marked needs another identity.
fn is_owner(connection: &AdminConnection, headers: &HeaderMap) -> bool {
    let own = geteuid().as_raw();
    let is_own = |uid| uid == own || uid == 0;
    let mut hosts = headers.get_all(HOST).iter();
    let names_owner = hosts.next().is_some_and(|host| host == OWNER_HOST) && hosts.next().is_none();
    connection.peer_uid.is_some_and(is_own) && names_owner && !is_marked(headers)
}

/// Returns whether a browser or a proxy has sent a request.
fn is_marked(headers: &HeaderMap) -> bool {
    let marks = [COOKIE, FORWARDED, ORIGIN, REFERER, VIA];
    headers.keys().any(|name| {
        let text = name.as_str();
        marks.contains(name)
            || text == "x-real-ip"
            || text.starts_with("x-forwarded-")
            || text.starts_with("sec-fetch-")
    })
}
