//! Certificates from an ACME server (RFC 8555), proven by TLS-ALPN-01 (RFC 8737) on the gate's own
//! listeners.
//!
//! ```text
//!   settings ──► renewer ──► order ──► http (the ACME server)
//!                  │  ▲        │
//!                  ▼  │        ▼
//!   handshakes ◄── state ◄─ challenge        store (account, key, chain and failed attempt on disk)
//! ```

mod account;
mod attempts;
mod challenge;
mod contact;
mod domain;
mod http;
mod order;
mod order_error;
mod problem_text;
mod renewer;
mod schedule;
mod server;
mod settings;
mod state;
mod store;

pub(crate) use challenge::is_challenge;
pub use contact::{Contact, ContactError};
pub use domain::{Domain, DomainError};
pub(crate) use renewer::renew;
pub use server::{AcmeServer, AcmeServerError};
pub use settings::AcmeSettings;
pub(crate) use state::{AcmeState, OrderTrouble};
pub(crate) use store::CertificateStore;
