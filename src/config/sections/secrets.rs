//! `[secret.NAME]`: the secrets that endpoints accept, by their names.

use std::collections::BTreeSet;

use tower_cartgate::SecretName;

use crate::{
    config::{
        document::{At, Table, Value, nearest},
        finding::{Finding, Place},
        setting::secret::{read_source, show_source},
    },
    secret::source::SecretSource,
};

/// The secrets of a file. A secret whose place is wrong is listed without it, so that an endpoint
/// that names it does not cause a second finding.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Named>);

#[derive(Debug, Clone)]
struct Named {
    at: Place,
    name: SecretName,
    source: Option<SecretSource>,
}

impl Secrets {
    /// Collects secrets that were written at one place.
    pub fn from_sources(at: Place, sources: impl IntoIterator<Item = SecretSource>) -> Self {
        let named = sources.into_iter().map(|source| Named {
            at,
            name: source.name().clone(),
            source: Some(source),
        });
        Self(named.collect())
    }

    /// Returns the source of a secret.
    #[must_use]
    pub fn source(&self, name: &SecretName) -> Option<&SecretSource> {
        let named = self.0.iter().find(|named| named.name == *name)?;
        named.source.as_ref()
    }

    /// Returns the finding that no secret has this name, if none has.
    pub(crate) fn missing(&self, at: Place, name: &SecretName) -> Option<Finding> {
        if self.0.iter().any(|named| named.name == *name) {
            return None;
        }
        let names: Vec<_> = self.0.iter().map(|named| named.name.as_ref()).collect();
        let finding = Finding::new(at, "there is no [secret] of this name");
        Some(finding.or_rather(nearest(name.as_ref(), &names)))
    }

    /// Returns a warning for each secret that is not among the used names.
    pub(crate) fn unused(&self, used: &BTreeSet<&SecretName>) -> Vec<Finding> {
        let unused = self.0.iter().filter(|named| !used.contains(&named.name));
        unused
            .map(|named| Finding::new(named.at, "no endpoint names this secret"))
            .collect()
    }

    /// Reads `[secret.NAME]`.
    pub(crate) fn read(
        &mut self,
        secrets: &Table<'_, '_>,
        name: &At<String>,
        value: Value<'_, '_>,
    ) -> Option<()> {
        let source = value.table().and_then(read_source);
        let Ok(parsed) = name.value.parse::<SecretName>() else {
            let message = "the name of a secret must be 1 to 64 of a-z, 0-9, `_` and `-`";
            secrets.add(Finding::new(name.place, message));
            return None;
        };
        self.0.push(Named {
            at: name.place,
            source: source.map(|place| SecretSource::new(parsed.clone(), place)),
            name: parsed,
        });
        Some(())
    }

    /// Returns each `[secret.NAME]` as a file writes it.
    pub(crate) fn show(&self) -> Vec<(String, toml::Value)> {
        let shown = self.sources().map(|source| {
            let name = source.name().as_ref().to_owned();
            (name, show_source(source.place()))
        });
        shown.collect()
    }

    /// Returns every place of a secret.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SecretSource> {
        self.0.iter().filter_map(|named| named.source.as_ref())
    }
}
