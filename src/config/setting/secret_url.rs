//! Access to a URL that may be a secret: written in the file, or kept in the place of a secret.

use serde_json::{Value as Json, json};

use super::{
    access::{Access, PlacedSource},
    kinds::url,
    secret::{read_source, show_source, source_schema},
};
use crate::{config::document::Value, net::destination_address::Address};

/// A URL, or the place that holds it.
#[derive(Debug, Clone)]
pub enum UrlPlace {
    /// The file contains it.
    Written(Address),
    /// It is a secret.
    Kept(PlacedSource),
}

struct SecretUrl<P>(fn(&mut P) -> &mut Option<UrlPlace>);

/// Accesses a URL that may be a secret.
pub(crate) fn secret_url<P: 'static>(at: fn(&mut P) -> &mut Option<UrlPlace>) -> impl Access<P> {
    SecretUrl(at)
}

impl<P> Access<P> for SecretUrl<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        let place = value.place();
        let url = if value.is_table() {
            UrlPlace::Kept((place, read_source(value.table()?)?))
        } else {
            UrlPlace::Written(url().read(value)?.value)
        };
        *(self.0)(plan) = Some(url);
        Some(())
    }

    /// Shows no path, which may be the secret part of the URL.
    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        Some(match (self.0)(plan).as_ref()? {
            UrlPlace::Written(address) => address.without_target().to_string().into(),
            UrlPlace::Kept((_, place)) => show_source(place),
        })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [url().schema(), source_schema()] })
    }
}
