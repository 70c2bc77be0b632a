//! How a setting reaches its value in a plan.

use clap::builder::PossibleValue;
use serde_json::Value as Json;

use super::description::Description;
use crate::{
    config::{document::Value, finding::Place},
    secret::source,
};

/// The place of a secret, and where it was written.
pub(crate) type PlacedSource = (Place, source::SecretPlace);

/// Reads and writes one value of a plan, whatever its type.
pub(crate) trait Access<P>: Send + Sync {
    /// Takes the value from a file. Returns nothing after it has reported a mistake.
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()>;

    /// Returns the value as it is written in a file, or nothing if it is not set.
    fn show(&self, plan: &mut P) -> Option<toml::Value>;

    /// Returns the default as it is written in a file, or nothing if there is none.
    fn default(&self, plan: &mut P) -> Option<toml::Value> {
        self.show(plan)
    }

    /// Returns the JSON schema of the value.
    fn schema(&self) -> Json;

    /// Takes the value from the texts of a flag.
    ///
    /// # Errors
    ///
    /// States what was expected. It never repeats a text, which may be a secret.
    fn set(&self, _plan: &mut P, _texts: &[String]) -> Result<(), String> {
        Err("this setting has no flag".to_owned())
    }

    /// Returns how a flag takes the value.
    fn argument(&self) -> Argument {
        Argument::None
    }

    /// Returns the place of the secret, if the value is one.
    fn secret<'p>(&self, _plan: &'p mut P) -> Option<&'p mut Option<PlacedSource>> {
        None
    }

    /// Returns the settings of the table, if the value is one.
    fn nested(&self) -> Option<Vec<Description>> {
        None
    }

    /// Whether the value is a table of the file. Without a usable table a plan is incomplete; the
    /// default stands in for any other value that is not usable.
    fn is_table(&self) -> bool {
        false
    }
}

/// How a flag takes a value.
pub(crate) enum Argument {
    /// By no flag.
    None,
    /// By its presence.
    Switch,
    /// As one text.
    One(Text),
    /// As several texts, in one flag or in several.
    Several(Text),
}

/// The text of a flag.
pub(crate) struct Text {
    /// Its placeholder in the help.
    pub(crate) placeholder: &'static str,
    /// The words that it can be; none if there are too many to list.
    pub(crate) words: Vec<PossibleValue>,
    /// The variable that may hold the secret itself, where the flag names its file.
    pub(crate) variable: Option<&'static str>,
}
