//! `/api/v1/links`: makes links that open the console once.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use http::{HeaderMap, StatusCode, header::HOST};
use serde::{Deserialize, Serialize};

use super::problem::ApiError;
use crate::{
    admin::{
        access::{Act, Identity, is_https, origin},
        gate::Admin,
    },
    net::peer::Peer,
    proxy::config::admin::ConsoleMode,
};

/// A link that opens one session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) link: String,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/links", post(create))
}

/// Makes a link. A session makes none: whoever could read its page for a moment would otherwise stay.
async fn create(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Link>), ApiError> {
    if operator.identity == Identity::Session {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "token-needed",
            "a session makes no links; send the token",
        ));
    }
    if admin.gate.with_config(|config| config.admin.console) == ConsoleMode::Off {
        return Err(ApiError::conflict(
            "no-console",
            "the console is off; [admin] console = \"look\" turns it on",
        ));
    }
    let origin = origin_for(&admin, operator.peer, &headers);
    let link = admin
        .gate
        .with_config(|config| admin.credentials.link_from(&origin, &config.admin));
    let link = link.map_err(|_| ApiError::internal())?;
    operator.log("link", "console");
    Ok((StatusCode::CREATED, Json(Link { link })))
}

/// Returns the origin that a browser can use: the one of this request, also behind a proxy with TLS,
/// or over a Unix socket the address of the TCP listener. Without one, the link is only a path.
fn origin_for(admin: &Admin, peer: Peer, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (peer, host, admin.addresses.first()) {
        (Peer::Tcp(_), Some(host), _) => {
            let scheme = if is_https(headers) { "https" } else { "http" };
            format!("{scheme}://{host}")
        }
        (_, _, Some(address)) => origin(*address),
        _ => String::new(),
    }
}
