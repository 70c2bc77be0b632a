//! Access to a value that only some plans have.

use serde_json::Value as Json;

use super::{
    access::{Access, Argument},
    description::Description,
};
use crate::config::document::Value;

/// A value that is shown only under a condition.
struct ShownIf<P, A> {
    condition: fn(&P) -> bool,
    access: A,
}

/// Shows the value only for plans that meet the condition: in others, the file rejects its key.
pub(crate) fn shown_if<P: 'static>(
    condition: fn(&P) -> bool,
    access: impl Access<P>,
) -> impl Access<P> {
    ShownIf { condition, access }
}

impl<P, A: Access<P>> Access<P> for ShownIf<P, A> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        self.access.read(plan, value)
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        (self.condition)(plan).then(|| self.access.show(plan))?
    }

    fn default(&self, plan: &mut P) -> Option<toml::Value> {
        self.access.default(plan)
    }

    fn schema(&self) -> Json {
        self.access.schema()
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        self.access.set(plan, texts)
    }

    fn argument(&self) -> Argument {
        self.access.argument()
    }

    fn nested(&self) -> Option<Vec<Description>> {
        self.access.nested()
    }

    fn is_table(&self) -> bool {
        self.access.is_table()
    }
}
