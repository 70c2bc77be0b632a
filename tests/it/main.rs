//! One binary for all integration tests, so that they link once.

mod broken_http;
mod commands;
mod support;
