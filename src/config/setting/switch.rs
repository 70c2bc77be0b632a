//! Access to a value that is true or false.

use serde_json::{Value as Json, json};

use super::{
    access::{Access, Argument},
    scalar::last,
};
use crate::config::document::Value;

/// True or false.
struct Switch<P> {
    at: fn(&mut P) -> &mut bool,
    /// The value that the flag sets.
    flag_sets: bool,
}

/// Accesses a value that is true or false. Its flag sets it to true.
pub(crate) fn switch<P: 'static>(at: fn(&mut P) -> &mut bool) -> impl Access<P> {
    Switch {
        at,
        flag_sets: true,
    }
}

/// Accesses a value that is true or false. Its flag, `--no-…`, sets it to false.
pub(crate) fn switch_off<P: 'static>(at: fn(&mut P) -> &mut bool) -> impl Access<P> {
    Switch {
        at,
        flag_sets: false,
    }
}

impl<P> Access<P> for Switch<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.at)(plan) = value.flag()?;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*(self.at)(plan)))
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        let parsed = last(texts).parse::<bool>();
        let is_given = parsed.map_err(|_| "expected true or false".to_owned())?;
        *(self.at)(plan) = is_given == self.flag_sets;
        Ok(())
    }

    fn argument(&self) -> Argument {
        Argument::Switch
    }
}
