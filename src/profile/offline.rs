//! The stored profiles of an inbox that no gate has open.

use super::{book::Book, digest::DigestKey, stored, view::ProfileView};
use crate::{
    inbox::{Inbox, store::StoreError},
    runtime::clock::Clock,
};

/// The stored profiles, and the reasons for those that cannot be used.
#[derive(Debug)]
pub(crate) struct StoredProfiles {
    pub(crate) view: ProfileView,
    pub(crate) warnings: Vec<String>,
}

/// Reads the stored profiles.
///
/// # Errors
///
/// When the store cannot be used.
pub(crate) async fn read(inbox: &Inbox) -> Result<StoredProfiles, StoreError> {
    let (book, warnings) = book(inbox).await?;
    let endpoints = book.endpoints();
    let views = endpoints.iter().map(|name| book.view(name, None));
    Ok(StoredProfiles {
        view: ProfileView {
            endpoints: views.collect(),
        },
        warnings,
    })
}

/// Accepts the shape of an endpoint's last payloads. Returns false if it has no stored profile.
///
/// # Errors
///
/// When the store cannot be used.
pub(crate) async fn accept(inbox: &Inbox, endpoint: &str) -> Result<bool, StoreError> {
    let (mut book, _) = book(inbox).await?;
    if !book.endpoints().iter().any(|known| known == endpoint) {
        return Ok(false);
    }
    let now = Clock::System.now();
    book.accept(endpoint, now);
    for (endpoint, value) in book.unsaved(now, false) {
        inbox.store.set_meta(stored::name(&endpoint), value).await?;
    }
    Ok(true)
}

async fn book(inbox: &Inbox) -> Result<(Book, Vec<String>), StoreError> {
    let mut book = Book::new(DigestKey::new(&inbox.sealer.profile_key()));
    let mut warnings = Vec::new();
    for (name, value) in inbox.store.list_meta(stored::prefix()).await? {
        if let Some(endpoint) = stored::endpoint(&name)
            && let Err(cause) = book.adopt(endpoint, &value)
        {
            warnings.push(format!("the profile of {endpoint} is ignored: {cause}"));
        }
    }
    Ok((book, warnings))
}
