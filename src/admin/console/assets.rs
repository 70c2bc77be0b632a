//! The files of the console, which are compiled into the program.

use std::sync::Arc;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::CONTENT_TYPE;

use super::enabled::Enabled;
use crate::admin::gate::Admin;

const PAGE: &str = include_str!("assets/index.html");

const STYLE: &str = include_str!("assets/console.css");

const SCRIPT: &str = include_str!("assets/console.js");

pub(super) fn routes() -> Router<Arc<Admin>> {
    let html = async |_: Enabled| asset("text/html; charset=utf-8", PAGE);
    let css = async |_: Enabled| asset("text/css; charset=utf-8", STYLE);
    let js = async |_: Enabled| asset("text/javascript; charset=utf-8", SCRIPT);
    Router::new()
        .route("/", get(html))
        .route("/console.css", get(css))
        .route("/console.js", get(js))
}

fn asset(media_type: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type)], content).into_response()
}
