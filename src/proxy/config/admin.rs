//! Access to the admin listener.

use tower_cartgate::Secret;

/// The conditions that a request to the admin listener must meet.
#[derive(Debug, Clone, Default)]
pub struct AdminAccess {
    /// The bearer token. Without one, the gate makes a token at its start, and `/metrics` needs none.
    pub token: Option<Secret>,
    /// Host names that a request may name, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The rights of browsers.
    pub console: ConsoleMode,
}

/// The rights of browsers in the console. Programs with the token may always act.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ConsoleMode {
    /// There is no console.
    Off,
    /// A browser may look at everything and change nothing.
    #[default]
    Look,
    /// A browser may also act: retry, purge, forward, reload, send tests.
    Act,
}
