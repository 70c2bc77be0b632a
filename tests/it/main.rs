//! One binary for all integration tests, so that they link once.

mod answers;
mod broken_http;
mod budgets;
mod commands;
mod lifecycle;
mod program;
mod sockets;
mod streaming;
mod support;
mod toward_the_app;
