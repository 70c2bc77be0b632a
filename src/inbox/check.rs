//! Checks whether an inbox can be opened, without opening it. `cartgate check` and every start do
//! so before anything is made or locked.

use std::path::Path;

use tower_cartgate::Secret;

use super::{
    key::{self, KEY_CHECK},
    open_error::{OpenError, OpenErrorKind},
    settings::Settings,
    socket::socket_path,
    store::{postgres, sqlite},
};
use crate::{delivery::seal::Sealer, inbox::store_address::StoreAddress, net::listener::Listener};

/// Checks everything on this machine that an inbox needs.
///
/// # Errors
///
/// When the inbox cannot be opened, for a reason that does not pass by itself. Another gate that
/// has it open, or a server that cannot be reached, is no such reason.
pub(crate) fn check(settings: &Settings) -> Result<(), OpenError> {
    match &settings.store {
        StoreAddress::Sqlite(file) => check_file(file, settings)?,
        StoreAddress::Postgres(url) => {
            postgres::check(url, settings.ca_file.as_deref()).map_err(OpenErrorKind::from)?;
        }
    }
    Ok(())
}

fn check_file(file: &Path, settings: &Settings) -> Result<(), OpenErrorKind> {
    sqlite::check(file)?;
    let path = socket_path(file);
    Listener::probe_unix(&path).map_err(|error| OpenErrorKind::Socket { path, error })?;
    let Some(key) = key_of(file, settings)? else {
        return Ok(());
    };
    let check = Sealer::new(&key, settings.encryption.as_ref()).check();
    match sqlite::read_meta(file, KEY_CHECK) {
        Some(known) if known != check => Err(OpenErrorKind::OtherKey(settings.store.clone())),
        _ => Ok(()),
    }
}

/// Returns the key that is given or beside the file, or none if the first start will make one.
fn key_of(file: &Path, settings: &Settings) -> Result<Option<Secret>, OpenErrorKind> {
    if let Some(key) = &settings.key {
        return Ok(Some(key.clone()));
    }
    if !file.exists() && !key::path(file).exists() {
        return Ok(None);
    }
    Ok(Some(key::beside(file, false)?))
}
