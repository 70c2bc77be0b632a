//! All integration tests in one binary, so that they link once.

#![allow(
    clippy::disallowed_methods,
    reason = "the clients here are threads of their own, and slow ones are the point"
)]

mod admin;
mod alarms;
mod answers;
mod attacks;
mod broken_http;
mod budgets;
mod certificates;
mod client_account;
mod commands;
mod config;
mod demonstration;
mod documents;
mod exhausted;
mod forgeries;
mod heads;
mod health;
mod inbox;
mod lifecycle;
mod live;
mod logs;
mod private_files;
mod profile;
mod program;
mod rejected;
mod rotation;
mod sandbox;
mod service;
mod sockets;
mod sources;
mod streaming;
mod support;
mod tls;
mod toward_the_app;
mod verdict;
mod watching;
