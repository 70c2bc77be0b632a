//! The settings of a destination.

use std::time::Duration;

use super::{fixed_headers::FixedHeaders, host::HostRule, webhooks::Signer};
use crate::net::connect::Trust;

/// The settings of a destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The certificate authorities to trust.
    pub trust: Trust,
    /// The `Host` to send.
    pub host: HostRule,
    /// Headers that only this destination receives.
    pub headers: FixedHeaders,
    /// Signs each attempt as Standard Webhooks, if configured.
    pub sign: Option<Signer>,
    /// The timeout for opening a connection.
    pub connect_timeout: Duration,
    /// The timeout until a response begins.
    pub response_timeout: Duration,
    /// The timeout between two reads of a response, and for an app that has responded to read the
    /// rest of the delivery.
    pub pause_timeout: Duration,
    /// The time for which an idle connection is kept. It is below the 5 s after which Node closes
    /// its side, so that a delivery is not written to a closing connection.
    pub idle_timeout: Duration,
    /// The maximum age of a connection, less up to a tenth at random. Without it, a connection in
    /// constant use would never follow a change of the name's addresses, or reach an added app.
    pub max_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust: Trust::Platform,
            host: HostRule::default(),
            headers: FixedHeaders::default(),
            sign: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
            pause_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(3),
            max_age: Duration::from_secs(60),
        }
    }
}
