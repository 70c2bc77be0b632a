//! The gate's account at an ACME server: registered once, then read from its file.

use std::path::Path;

use instant_acme::{Account, AccountCredentials, Error, NewAccount};
use serde::{Deserialize, Serialize};

use super::{
    http::AcmeHttp, order_error::OrderError, problem_text::is_unknown_account,
    settings::AcmeSettings, store::CertificateStore,
};

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The contact that the server knows.
    contact: Option<String>,
    /// The place of the account and its key.
    credentials: AccountCredentials,
}

/// Opens accounts of one server.
pub(super) struct Accounts<'a> {
    pub(super) settings: &'a AcmeSettings,
    pub(super) store: &'a CertificateStore,
    pub(super) http: &'a AcmeHttp,
}

impl Accounts<'_> {
    /// Returns the stored account, or registers one.
    pub(super) async fn open(&self) -> Result<Account, OrderError> {
        let path = self.store.account();
        let Some(stored) = read(&path)? else {
            return self.register().await;
        };
        let known = stored.contact.clone();
        let text = serde_json::to_vec(&stored.credentials).map_err(Error::from)?;
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        let account = builder.from_credentials(stored.credentials).await?;
        if known != self.contact() {
            match self.tell_contact(&account).await {
                Err(Error::Api(problem)) if is_unknown_account(&problem) => {
                    return self.register().await;
                }
                told => told?,
            }
            let credentials = serde_json::from_slice(&text).map_err(Error::from)?;
            self.save(credentials)?;
        }
        Ok(account)
    }

    /// Registers an account, which agrees to the server's terms of service, and stores it.
    pub(super) async fn register(&self) -> Result<Account, OrderError> {
        let contact = self.contact();
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.server.directory().to_owned();
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        let (account, credentials) = builder.create(&new, directory, None).await?;
        self.save(credentials)?;
        tracing::info!(
            server = %self.settings.server,
            account = %self.store.account().display(),
            "ACME account registered"
        );
        Ok(account)
    }

    async fn tell_contact(&self, account: &Account) -> Result<(), Error> {
        let contact = self.contact();
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        account.update_contacts(&contact).await
    }

    fn save(&self, credentials: AccountCredentials) -> Result<(), OrderError> {
        let stored = Stored {
            contact: self.contact(),
            credentials,
        };
        let text = serde_json::to_vec(&stored).map_err(Error::from)?;
        let path = self.store.account();
        let saved = self.store.replace(&path, &text);
        saved.map_err(|error| OrderError::file(&path, &error))
    }

    fn contact(&self) -> Option<String> {
        self.settings
            .contact
            .as_ref()
            .map(super::contact::Contact::url)
    }
}

/// Returns the content of the file, or none if there is no file. A damaged one is an error: an
/// account must not be replaced because of a mistake that a person can correct.
fn read(path: &Path) -> Result<Option<Stored>, OrderError> {
    let content =
        CertificateStore::read_private(path).map_err(|error| OrderError::file(path, &error))?;
    let Some(content) = content else {
        return Ok(None);
    };
    let stored = serde_json::from_slice(&content).map_err(|_| {
        let path = path.display();
        OrderError::failed(format!(
            "{path} is damaged; remove it, and the gate registers a new account"
        ))
    });
    stored.map(Some)
}
