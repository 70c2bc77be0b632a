//! What an operator sets of the inbox as a whole. What is set for one destination is `queue`'s.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use tower_cartgate::Secret;

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

/// Where events are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// `sqlite:FILE`.
    Sqlite(PathBuf),
    /// `postgres://USER@HOST:PORT/DATABASE`, or with `?host=/socket/directory`; never with a password in it.
    Postgres(String),
}

/// A text is no [`StoreAddress`]. It never repeats the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreAddressError {
    /// Neither engine's.
    #[error("expected sqlite:FILE or postgres://USER@HOST/DATABASE")]
    Scheme,
    /// A password does not belong there.
    #[error("the address holds a password; give it by `password`, from a file or a variable")]
    Password,
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

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        if let Some(file) = text.strip_prefix("sqlite:").filter(|file| !file.is_empty()) {
            return Ok(Self::Sqlite(file.into()));
        }
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(StoreAddressError::Scheme)?;
        let user = rest.split(['/', '?']).next().unwrap_or_default();
        let user = user.rsplit_once('@').map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':')) || rest.contains("password=") {
            return Err(StoreAddressError::Password);
        }
        Ok(Self::Postgres(text.to_owned()))
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Self::Postgres(url) => f.write_str(url),
        }
    }
}
