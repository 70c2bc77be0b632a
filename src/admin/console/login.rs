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
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{LOCATION, RETRY_AFTER, SET_COOKIE},
};
use serde::{Deserialize, Serialize};

use super::enabled::Enabled;
use crate::{
    admin::{
        access::{Opened, Session, TokenTry},
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

/// The page key of a new session, which the page keeps and sends with each request.
#[derive(Serialize)]
struct PageKey {
    key: String,
}

/// Spends the code of a link, and opens a session. A HEAD spends nothing: chat programs and mail
/// scanners look at links before people do, and so do browsers that guess the next click.
///
/// The page key follows in the fragment, which browsers send to no server.
async fn by_link(
    _: Enabled,
    State(admin): State<Arc<Admin>>,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Query(link): Query<Link>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if is_prefetch(&headers) {
        let detail = "a link is opened by a click, and not before";
        return Err(ApiError::unavailable("prefetch", detail));
    }
    let spend = |code: &str| {
        let config = admin.gate.config();
        admin.credentials.spend(code, &config.admin)
    };
    let is_valid = |code: &str| method != Method::HEAD && spend(code);
    match link.code.as_deref() {
        Some(code) if is_valid(code) => {
            tracing::info!(target: TARGET, operation = "login", subject = "link", peer = %connection.peer, "session opened");
            let Opened { cookie, key } = open(&admin, &headers)?;
            let mut page =
                HeaderValue::from_str(&format!("/#key={key}")).map_err(|_| ApiError::internal())?;
            page.set_sensitive(true);
            let to = [(LOCATION, page), (SET_COOKIE, cookie)];
            Ok((StatusCode::SEE_OTHER, to).into_response())
        }
        Some(_) => Ok((StatusCode::GONE, Html(SPENT)).into_response()),
        None => Ok((StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response()),
    }
}

/// Returns whether a browser requests a page that nobody has asked for yet.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let names = ["sec-purpose", "purpose"];
    let mut values = names.iter().flat_map(|name| headers.get_all(*name));
    values.any(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        let contains = |word: &[u8]| value.windows(word.len()).any(|part| part == word);
        contains(b"prefetch") || contains(b"prerender")
    })
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
    let tried = {
        let config = admin.gate.config();
        admin.credentials.try_token(&login.token, &config.admin)
    };
    match tried {
        TokenTry::Right => {}
        TokenTry::Wrong { unlogged } => {
            if let Some(tokens) = unlogged {
                tracing::warn!(target: TARGET, %peer, tokens, "login with a wrong token");
            }
            let detail = "this is not the token of the gate";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong-token", detail));
        }
        TokenTry::TooMany => return Ok(too_many_tokens()),
    }
    tracing::info!(target: TARGET, operation = "login", subject = "token", %peer, "session opened");
    let Opened { cookie, key } = open(&admin, &headers)?;
    Ok(([(SET_COOKIE, cookie)], Json(PageKey { key })).into_response())
}

fn too_many_tokens() -> Response {
    let detail = "too many wrong tokens; try again in a second, or open a link";
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tokens", detail);
    let mut response = error.into_response();
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Removes the session from the browser, and closes it for good: also whoever has copied its cookie
/// and its key is out.
async fn logout(
    _: Enabled,
    State(admin): State<Arc<Admin>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let now = count::now() / 1000;
    let session = session(&admin, &headers);
    if let Some(closed) = session.find((&method, &uri, &headers), now) {
        admin.credentials.revoke(closed, now);
    }
    let cookie = session.close();
    let cookie = cookie.ok_or_else(ApiError::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

fn open(admin: &Admin, headers: &HeaderMap) -> Result<Opened, ApiError> {
    let opened = session(admin, headers).open(count::now() / 1000);
    opened.ok_or_else(ApiError::internal)
}

fn session(admin: &Admin, headers: &HeaderMap) -> Session {
    let config = admin.gate.config();
    Session::new(&admin.credentials.token(&config.admin), headers)
}
