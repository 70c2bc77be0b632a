//! Access to one value that is always set, or to one that may be absent.

use serde_json::Value as Json;

use super::{
    access::{Access, Argument},
    kind::Kind,
};
use crate::config::document::Value;

/// A value that has a default or is required.
struct Scalar<P, T> {
    kind: Kind<T>,
    at: fn(&mut P) -> &mut T,
}

/// A value that may be absent.
struct Optional<P, T> {
    kind: Kind<T>,
    at: fn(&mut P) -> &mut Option<T>,
}

/// Accesses a value that has a default or is required.
pub(crate) fn scalar<P: 'static, T: 'static>(
    kind: Kind<T>,
    at: fn(&mut P) -> &mut T,
) -> impl Access<P> {
    Scalar { kind, at }
}

/// Accesses a value that may be absent.
pub(crate) fn optional<P: 'static, T: 'static>(
    kind: Kind<T>,
    at: fn(&mut P) -> &mut Option<T>,
) -> impl Access<P> {
    Optional { kind, at }
}

impl<P, T> Access<P> for Scalar<P, T> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.at)(plan) = self.kind.read(value)?.value;
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        Some(self.kind.show((self.at)(plan)))
    }

    fn schema(&self) -> Json {
        self.kind.schema()
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        *(self.at)(plan) = (self.kind.parse)(last(texts))?;
        Ok(())
    }

    fn argument(&self) -> Argument {
        Argument::One(self.kind.text())
    }
}

impl<P, T> Access<P> for Optional<P, T> {
    fn read(&self, plan: &mut P, value: Value<'_, '_>) -> Option<()> {
        *(self.at)(plan) = Some(self.kind.read(value)?.value);
        Some(())
    }

    fn show(&self, plan: &mut P) -> Option<toml::Value> {
        (self.at)(plan).as_ref().map(|value| self.kind.show(value))
    }

    fn schema(&self) -> Json {
        self.kind.schema()
    }

    fn set(&self, plan: &mut P, texts: &[String]) -> Result<(), String> {
        *(self.at)(plan) = Some((self.kind.parse)(last(texts))?);
        Ok(())
    }

    fn argument(&self) -> Argument {
        Argument::One(self.kind.text())
    }
}

/// The text of a flag that takes one; a later flag replaces an earlier one.
pub(super) fn last(texts: &[String]) -> &str {
    texts.last().map_or("", String::as_str)
}
