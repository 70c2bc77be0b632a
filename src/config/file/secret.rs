//! `[secret.NAME]`: the named secrets, and where anything else that must stay secret comes from.

use std::{cell::Cell, path::PathBuf};

use tower_cartgate::SecretName;

use super::document::{At, Table, nearest};
use crate::{
    config::{
        finding::{Finding, Place},
        value,
    },
    secret::source::{self, SecretSource},
};

/// The secrets of a file. One whose place could not be understood is there without it, so that who names it is not told a
/// second mistake.
pub(super) struct Secrets(Vec<Named>);

struct Named {
    at: Place,
    name: SecretName,
    source: Option<SecretSource>,
    used: Cell<bool>,
}

pub(super) fn read(file: &mut Table<'_, '_>) -> Secrets {
    let Some(mut table) = file.table("secret") else {
        return Secrets(Vec::new());
    };
    let mut secrets = Vec::new();
    for (At { value: name, place }, value) in table.rest() {
        let Ok(name) = name.parse::<SecretName>() else {
            let message = "the name of a secret must be 1 to 64 of a-z, 0-9, `_` and `-`";
            table.add(Finding::new(place, message));
            continue;
        };
        let source = value.table().and_then(source);
        secrets.push(Named {
            at: place,
            source: source.map(|place| SecretSource::new(name.clone(), place)),
            name,
            used: Cell::new(false),
        });
    }
    Secrets(secrets)
}

/// `{ file = … }`, `{ env = … }` or `{ credential = … }`: exactly one of them.
pub(super) fn source(mut table: Table<'_, '_>) -> Option<source::Place> {
    const ONE: &str = "expected exactly one of `file`, `env` and `credential`";
    let file = table.take("file");
    let variable = table.take("env");
    let credential = table.take("credential");
    let place = match (file, variable, credential) {
        (Some(file), None, None) => file
            .text(value::path)
            .map(|at: At<PathBuf>| source::Place::File(at.value)),
        (None, Some(variable), None) => variable
            .text(value::variable)
            .map(|at| source::Place::Variable(at.value)),
        (None, None, Some(credential)) => credential
            .text(value::credential)
            .map(|at| source::Place::Credential(at.value)),
        _ => {
            table.report(ONE);
            None
        }
    };
    table.close();
    place
}

impl Secrets {
    /// The secret that an endpoint names; a finding if there is none.
    pub(super) fn find(&self, named: &At<SecretName>) -> Result<Option<SecretSource>, Finding> {
        match self.0.iter().find(|one| one.name == named.value) {
            Some(secret) => {
                secret.used.set(true);
                Ok(secret.source.clone())
            }
            None => {
                let names: Vec<_> = self.0.iter().map(|one| one.name.as_ref()).collect();
                let finding = Finding::new(named.place, "there is no [secret] of this name");
                Err(finding.or_rather(nearest(named.value.as_ref(), &names)))
            }
        }
    }

    /// A warning for each secret that nobody names.
    pub(super) fn spare(&self) -> Vec<Finding> {
        let unused = self.0.iter().filter(|secret| !secret.used.get());
        unused
            .map(|secret| Finding::new(secret.at, "no endpoint names this secret"))
            .collect()
    }
}
