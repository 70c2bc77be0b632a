//! What an operator sets of the inbox as a whole. What is set for one destination is `queue`'s.

use std::{path::PathBuf, time::Duration};

use tower_cartgate::Secret;

pub use super::address::{StoreAddress, StoreAddressError};

/// How an inbox is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub store: StoreAddress,
    /// PostgreSQL's password.
    pub password: Option<Secret>,
    /// Whose certificate PostgreSQL may show; without it, those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// The key of the seals. SQLite makes one beside its file where none is given; PostgreSQL needs one, the same for
    /// each gate.
    pub key: Option<Secret>,
    /// Encrypts bodies and heads at rest.
    pub encryption: Option<Secret>,
    /// What it may hold.
    pub limits: Limits,
    /// How long delivered events are kept.
    pub retain: Duration,
}

/// What an inbox may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events.
    pub events: u64,
    /// Bytes of bodies and heads.
    pub bytes: u64,
    /// Bytes that stay free on the disk of an SQLite file.
    pub disk_floor: u64,
    /// Copies of one body that may be undelivered at once.
    pub copies: u32,
}

impl Settings {
    /// An inbox with every other value at its default.
    #[must_use]
    pub fn new(store: StoreAddress) -> Self {
        Self {
            store,
            password: None,
            ca_file: None,
            key: None,
            encryption: None,
            limits: Limits::default(),
            retain: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 1_000_000,
            bytes: 4 << 30,
            disk_floor: 256 << 20,
            copies: 16,
        }
    }
}
