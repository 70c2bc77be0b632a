//! One binary for all integration tests, so that they link once.

mod answers;
mod broken_http;
mod commands;
mod support;
