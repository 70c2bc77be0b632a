//! The address of a store, as an operator writes it in a flag or a file.

use std::{fmt, path::PathBuf, str::FromStr};

use super::postgres_url::{self, UrlError};

/// The address of the store of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// `sqlite:FILE`.
    Sqlite(PathBuf),
    /// `postgres://USER@HOST:PORT/DATABASE`, or with `?host=/socket/directory`. It holds no
    /// password.
    Postgres(String),
}

/// The text is no [`StoreAddress`]. The error never repeats the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreAddressError {
    /// The scheme is neither `sqlite` nor `postgres`.
    #[error(
        "expected sqlite:FILE, such as sqlite:/var/lib/cartgate/inbox.db, or postgres://USER@HOST/DATABASE"
    )]
    Scheme,
    /// The file's name is a URL, or SQLite would read it as one. Its meaning differs from tool to
    /// tool.
    #[error(
        "expected the file's name alone, such as sqlite:inbox.db or sqlite:/var/lib/cartgate/inbox.db; `//`, `file:`, `?` with options and %-encoding are not read"
    )]
    Url,
    /// The database is in memory.
    #[error("an inbox in memory would lose its events; name a file, such as sqlite:inbox.db")]
    Memory,
    /// The name is not that of a file.
    #[error("expected a file's name, not a folder or `~`")]
    NoFile,
    /// The address holds a password.
    #[error("the address holds a password; give it by `password`, from a file or a variable")]
    Password,
    /// The URL does not lead to PostgreSQL, or not safely.
    #[error("{0}")]
    Postgres(String),
}

impl StoreAddress {
    /// Returns the TCP ports of the database.
    pub(crate) fn ports(&self) -> Vec<u16> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(url) => postgres_url::parse(url, false)
                .map_or_else(|_| Vec::new(), |config| config.get_ports().to_vec()),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            return sqlite(file);
        }
        let url = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(StoreAddressError::Scheme)?;
        // The client reads everything before the first `@` as the user and perhaps a password.
        let user = url.split_once('@').map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':')) {
            return Err(StoreAddressError::Password);
        }
        match postgres_url::parse(text, false) {
            Ok(_) => Ok(Self::Postgres(text.to_owned())),
            Err(UrlError::Password) => Err(StoreAddressError::Password),
            Err(error) => Err(StoreAddressError::Postgres(error.to_string())),
        }
    }
}

/// Parses a file's name. It rejects the notations of other tools, because their meaning differs:
/// `sqlite:///a.db` is `/a.db` to some tools and `a.db` to others, and would be `///a.db` here.
fn sqlite(file: &str) -> Result<StoreAddress, StoreAddressError> {
    let encoded = |(at, _): (usize, &str)| {
        let digits = file.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match file {
        "" => Err(StoreAddressError::Scheme),
        _ if file.contains(":memory:") || file.contains("mode=memory") => {
            Err(StoreAddressError::Memory)
        }
        _ if file.starts_with("//") || file.starts_with("file:") || file.contains('?') => {
            Err(StoreAddressError::Url)
        }
        _ if file.match_indices('%').any(encoded) => Err(StoreAddressError::Url),
        _ if file.ends_with('/') || file.starts_with('~') || file.trim() != file => {
            Err(StoreAddressError::NoFile)
        }
        _ if matches!(file.rsplit('/').next(), Some("." | "..")) => Err(StoreAddressError::NoFile),
        _ => Ok(StoreAddress::Sqlite(file.into())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_of_other_tools_is_no_strange_file() {
        for file in ["inbox.db", "/var/lib/in box.db", "./50%.db", "a/b.db"] {
            let address = format!("sqlite:{file}").parse();
            assert_eq!(address, Ok(StoreAddress::Sqlite(file.into())));
        }
        for (text, error) in [
            ("sqlite:", StoreAddressError::Scheme),
            ("inbox.db", StoreAddressError::Scheme),
            ("sqlite3:inbox.db", StoreAddressError::Scheme),
            ("postgresql+psycopg://u@h/db", StoreAddressError::Scheme),
            ("sqlite://inbox.db", StoreAddressError::Url),
            ("sqlite:///inbox.db", StoreAddressError::Url),
            ("sqlite:////var/inbox.db", StoreAddressError::Url),
            ("sqlite:inbox.db?mode=rwc", StoreAddressError::Url),
            ("sqlite:file:inbox.db", StoreAddressError::Url),
            ("sqlite:in%20box.db", StoreAddressError::Url),
            ("sqlite::memory:", StoreAddressError::Memory),
            ("sqlite://:memory:", StoreAddressError::Memory),
            ("sqlite:file:x?mode=memory", StoreAddressError::Memory),
            ("sqlite:folder/", StoreAddressError::NoFile),
            ("sqlite:~/inbox.db", StoreAddressError::NoFile),
            ("sqlite: inbox.db", StoreAddressError::NoFile),
            ("sqlite:a/..", StoreAddressError::NoFile),
        ] {
            assert_eq!(text.parse::<StoreAddress>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_password_is_found_however_it_is_written() {
        for text in [
            "postgres://u:planted@h/db",
            "postgres://u:pla/nted@h/db",
            "postgres://u:pla?nted@h/db",
            "postgres://u@h/db?password=planted",
            "postgres://u@h/db?passwor%64=planted",
        ] {
            let error = text.parse::<StoreAddress>().expect_err(text);
            assert_eq!(error, StoreAddressError::Password, "{text}");
        }
        let text = "postgres://u@localhost/db?application_name=password=x";
        text.parse::<StoreAddress>().expect("no password");
    }
}
