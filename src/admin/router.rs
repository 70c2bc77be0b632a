//! The one router of the admin listeners: probes, console and API, inside the layers that every
//! request passes.

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{
    api::{self, problem::ApiError},
    console,
    gate::Admin,
    guard::guard,
    probes,
};

/// The limit of a request's body in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The policy for the console's page. It loads nothing from another host, and no other page may
/// frame it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'; require-trusted-types-for 'script'";

/// The headers of every response. An API response that a browser opens as a page is bound by the
/// same policy as the console.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Returns the router of a gate's admin listeners.
pub(super) fn router(admin: Arc<Admin>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::clone(&admin), guard);
    let router = Router::new()
        .merge(probes::routes())
        .merge(console::routes())
        .nest("/api/v1", api::routes())
        .fallback(async || ApiError::unknown_path())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // Outside everything that reads a request, so that a foreign page learns nothing.
        .layer(guard);
    // Outermost, because rejections carry the headers, too.
    let router = HEADERS.into_iter().fold(router, |router, (name, value)| {
        let value = HeaderValue::from_static(value);
        router.layer(SetResponseHeaderLayer::overriding(name, value))
    });
    router.with_state(admin)
}
