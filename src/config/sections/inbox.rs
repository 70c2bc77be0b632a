//! `[inbox]`: the store of durable deliveries.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use crate::{
    config::{
        finding::Finding,
        places::Places,
        setting::{
            access::PlacedSource,
            definition::{Group, Section, Setting},
            kinds::{count, duration, path, size, store},
            scalar::{optional, scalar},
            secret::secret_or_variable,
            shown_if::shown_if,
        },
    },
    inbox::settings::{Limits, Settings, StoreAddress},
    secret::source::{
        self, INBOX_ENCRYPTION_KEY_VARIABLE, INBOX_KEY_VARIABLE, INBOX_PASSWORD_VARIABLE,
    },
};

/// The store of durable deliveries. Only a restart applies a change.
#[derive(Debug, Clone)]
pub struct InboxPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The address of the store.
    pub store: StoreAddress,
    /// PostgreSQL's password.
    pub password: Option<PlacedSource>,
    /// The authorities that may sign PostgreSQL's certificate.
    pub ca_file: Option<PathBuf>,
    /// The key that seals stored events.
    pub key: Option<PlacedSource>,
    /// The key that encrypts stored events.
    pub encryption_key: Option<PlacedSource>,
    /// The limits of the store.
    pub limits: Limits,
    /// How long delivered events are stored.
    pub retain: Duration,
}

static GROUPS: LazyLock<Vec<Group<InboxPlan>>> = LazyLock::new(|| {
    vec![
        Group::new("Durable inbox", address()),
        Group::new("Inbox limits", limits()),
    ]
});

fn address() -> [Setting<InboxPlan>; 5] {
    [
        Setting::new(
            "store",
            "Store of durable deliveries: sqlite:FILE, or postgres://USER@HOST/DATABASE for several gates",
            scalar(store(), |inbox: &mut InboxPlan| &mut inbox.store),
        )
        .required(
            "such as \"sqlite:/var/lib/cartgate/inbox.db\" or \"postgres://USER@HOST/DATABASE\"",
        )
        .details(
            "An SQLite file must be on a local disk and serves one gate. Its key file lies beside it: back up both. The \
             store holds personal data.",
        )
        .flag("--inbox")
        .example("\"sqlite:/var/lib/cartgate/inbox.db\"")
        .restart(),
        Setting::new(
            "password",
            "PostgreSQL password",
            secret_or_variable(INBOX_PASSWORD_VARIABLE, |inbox: &mut InboxPlan| {
                &mut inbox.password
            }),
        )
        .flag("--inbox-password-file")
        .example("{ file = \"/etc/cartgate/inbox.password\" }"),
        Setting::new(
            "ca_file",
            "PEM file with the authorities that may sign PostgreSQL's certificate",
            optional(path(), |inbox: &mut InboxPlan| &mut inbox.ca_file),
        )
        .flag("--inbox-ca-file")
        .example("\"/etc/cartgate/internal-ca.pem\""),
        Setting::new(
            "key",
            "Key that seals stored events; PostgreSQL needs one, the same for each gate",
            secret_or_variable(INBOX_KEY_VARIABLE, |inbox: &mut InboxPlan| &mut inbox.key),
        )
        .details("SQLite creates one beside its file. Without the key, the stored events are lost.")
        .flag("--inbox-key-file")
        .example("{ file = \"/etc/cartgate/inbox.key\" }")
        .restart(),
        Setting::new(
            "encryption_key",
            "Key that encrypts stored events",
            secret_or_variable(INBOX_ENCRYPTION_KEY_VARIABLE, |inbox: &mut InboxPlan| {
                &mut inbox.encryption_key
            }),
        )
        .details("Without the key, the stored events are lost.")
        .flag("--inbox-encryption-key-file")
        .example("{ file = \"/etc/cartgate/inbox.encryption\" }")
        .restart(),
    ]
}

fn limits() -> [Setting<InboxPlan>; 5] {
    [
        Setting::new(
            "max_events",
            "Largest number of stored events; beyond it, deliveries get 503 with Retry-After",
            scalar(count(), |inbox: &mut InboxPlan| &mut inbox.limits.events),
        )
        .restart(),
        Setting::new(
            "max_bytes",
            "Largest size of all stored events; beyond it, deliveries get 503 with Retry-After",
            scalar(size(), |inbox: &mut InboxPlan| &mut inbox.limits.bytes),
        )
        .restart(),
        Setting::new(
            "disk_floor",
            "Free space that remains on the disk of an SQLite file",
            shown_if(
                |inbox: &InboxPlan| matches!(inbox.store, StoreAddress::Sqlite(_)),
                scalar(size(), |inbox: &mut InboxPlan| &mut inbox.limits.disk_floor),
            ),
        )
        .restart(),
        Setting::new(
            "max_copies",
            "Undelivered copies of one body per destination; 429 if every destination has as many",
            scalar(count(), |inbox: &mut InboxPlan| &mut inbox.limits.copies),
        )
        .restart(),
        Setting::new(
            "retain",
            "Time for which delivered events stay stored for a replay",
            scalar(duration(), |inbox: &mut InboxPlan| &mut inbox.retain),
        )
        .restart(),
    ]
}

impl InboxPlan {
    /// Returns an inbox at `store` with every other value at its default.
    #[must_use]
    pub fn at(at: Places, store: StoreAddress) -> Self {
        let default = Settings::new(store);
        Self {
            at,
            store: default.store,
            password: None,
            ca_file: None,
            key: None,
            encryption_key: None,
            limits: default.limits,
            retain: default.retain,
        }
    }

    /// The places of its secrets.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &source::SecretPlace> {
        let all = [&self.password, &self.key, &self.encryption_key];
        all.into_iter().flatten().map(|(_, place)| place)
    }

    /// Whether both inboxes need the same store. Secrets and authorities are compared by their
    /// content when the inbox follows a reload.
    pub(crate) fn needs_same_store_as(&self, other: &Self) -> bool {
        let fixed = |plan: &Self| (plan.store.clone(), plan.limits, plan.retain);
        fixed(self) == fixed(other)
    }
}

impl Section for InboxPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self::at(at, StoreAddress::Sqlite(PathBuf::new()))
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        if let (StoreAddress::Postgres(_), Some(at)) = (&self.store, self.at.written("disk_floor"))
        {
            let message = "PostgreSQL does not report its free space; this is for SQLite";
            findings.push(Finding::new(at, message));
        }
    }
}
