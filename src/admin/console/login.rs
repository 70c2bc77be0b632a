//! `/login` and `/logout`: opens a session by a link or the token, and closes it.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Query, State},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{LOCATION, SET_COOKIE},
};
use serde::Deserialize;

use super::enabled::Enabled;
use crate::{
    admin::{
        access::{Session, is_token},
        api::problem::{self, ApiError},
        gate::Admin,
        log::TARGET,
        server::connection::AdminConnection,
    },
    telemetry::count,
};

/// The limit of a login's body in bytes. Its client is not known yet.
const MAX_LOGIN: usize = 8 * 1024;

/// The page for a link that no longer works.
const SPENT: &str = include_str!("spent.html");

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/login", get(by_link).post(by_token))
        .route("/logout", post(logout))
        .layer(DefaultBodyLimit::max(MAX_LOGIN))
        .layer(middleware::map_response(problem::describe))
}

/// The query of a link.
#[derive(Deserialize)]
struct Link {
    code: Option<String>,
}

/// Spends the code of a link, and opens a session. A HEAD spends nothing: chat programs and mail
/// scanners look at links before people do.
async fn by_link(
    _: Enabled,
    State(admin): State<Arc<Admin>>,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Query(link): Query<Link>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_valid = |code: &str| method != Method::HEAD && admin.credentials.spend(code);
    match link.code.as_deref() {
        Some(code) if is_valid(code) => {
            tracing::info!(target: TARGET, operation = "login", subject = "link", peer = %connection.peer, "session opened");
            let cookie = session(&admin, &headers).open(count::now() / 1000);
            let to = [
                (LOCATION, HeaderValue::from_static("/")),
                (SET_COOKIE, cookie.ok_or_else(ApiError::internal)?),
            ];
            Ok((StatusCode::SEE_OTHER, to).into_response())
        }
        Some(_) => Ok((StatusCode::GONE, Html(SPENT)).into_response()),
        None => Ok((StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response()),
    }
}

/// A login by the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Opens a session for the token. The body is JSON, which no form of another site can send.
async fn by_token(
    _: Enabled,
    State(admin): State<Arc<Admin>>,
    Extension(connection): Extension<Arc<AdminConnection>>,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Result<Response, ApiError> {
    let peer = connection.peer;
    let token = {
        let config = admin.gate.config();
        admin.credentials.token(&config.admin)
    };
    if !is_token(login.token.as_bytes(), &token) {
        if admin.gate.throttle.allows() {
            tracing::warn!(target: TARGET, %peer, "login with a wrong token");
        }
        let detail = "this is not the token of the gate";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong-token", detail));
    }
    tracing::info!(target: TARGET, operation = "login", subject = "token", %peer, "session opened");
    let cookie = session(&admin, &headers).open(count::now() / 1000);
    let cookie = cookie.ok_or_else(ApiError::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// Removes the session from the browser.
async fn logout(
    _: Enabled,
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cookie = session(&admin, &headers).close();
    let cookie = cookie.ok_or_else(ApiError::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

fn session(admin: &Admin, headers: &HeaderMap) -> Session {
    let config = admin.gate.config();
    Session::new(&admin.credentials.token(&config.admin), headers)
}
