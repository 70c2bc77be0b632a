//! Looks whether an inbox could be opened, without opening it: `check` and every start do, before anything is made or locked.

use std::path::Path;

use tower_cartgate::Secret;

use super::{
    Settings,
    control::socket,
    key,
    open::{KEY_CHECK, OpenError, Why},
    settings::StoreAddress,
    store::{postgres, sqlite},
};
use crate::{delivery::seal::Sealer, net::listener::Listener};

/// Judges everything that opening an inbox needs of this machine.
///
/// # Errors
///
/// When it could not be opened, for any reason that does not pass by itself. That another gate has it open, or that a server
/// cannot be reached, is no such reason.
pub(crate) fn look(settings: &Settings) -> Result<(), OpenError> {
    match &settings.store {
        StoreAddress::Sqlite(file) => in_file(file, settings)?,
        StoreAddress::Postgres(url) => {
            postgres::check(url, settings.ca_file.as_deref()).map_err(Why::from)?;
        }
    }
    Ok(())
}

fn in_file(file: &Path, settings: &Settings) -> Result<(), Why> {
    sqlite::check(file)?;
    let path = socket(file);
    Listener::probe_unix(&path).map_err(|error| Why::Orders { path, error })?;
    let Some(key) = key_of(file, settings)? else {
        return Ok(());
    };
    let check = Sealer::new(&key, settings.encryption.as_ref()).check();
    match sqlite::read_meta(file, KEY_CHECK) {
        Some(known) if known != check => Err(Why::OtherKey(settings.store.clone())),
        _ => Ok(()),
    }
}

/// The key that is given or lies beside the file; none where the first start will make one.
fn key_of(file: &Path, settings: &Settings) -> Result<Option<Secret>, Why> {
    if let Some(key) = &settings.key {
        return Ok(Some(key.clone()));
    }
    if !file.exists() && !key::path(file).exists() {
        return Ok(None);
    }
    Ok(Some(key::beside(file, false)?))
}
