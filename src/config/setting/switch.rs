//! Access to a value that is true or false.

use serde_json::{Value as Json, json};

use super::{
    access::{Access, Argument},
    scalar::last,
};
use crate::config::document::Value;

/// True or false.
struct Switch<P>(fn(&mut P) -> &mut bool);

/// Accesses a value that is true or false.
pub(crate) fn switch<P: 'static>(at: fn(&mut P) -> &mut bool) -> impl Access<P> {
    Switch(at)
}

impl<P> Access<P> for Switch<P> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.0)(plan) = value.flag()?;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*(self.0)(plan)))
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        let parsed = last(texts).parse();
        *(self.0)(plan) = parsed.map_err(|_| "expected true or false".to_owned())?;
        Ok(())
    }

    fn argument(&self) -> Argument {
        Argument::Switch
    }
}
