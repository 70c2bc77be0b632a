//! Sample payloads. They are realistic, but every name, address and id shows that it is test data.

use bytes::Bytes;
use serde_json::Value;
use tower_cartgate::EventKind;

use super::edit::{self, Edit, EditError};

const ORDER: &str = include_str!("samples/order.json");
const ABANDONED_CART: &str = include_str!("samples/abandoned-cart.json");

/// A payload as Cartfunnel would send it.
#[derive(Clone, Debug)]
pub struct Sample {
    text: &'static str,
    edits: Vec<Edit>,
}

impl Sample {
    /// Returns the sample of an event kind. [`EventKind::Other`] has none.
    #[must_use]
    pub fn of(kind: EventKind) -> Option<Self> {
        let text = match kind {
            EventKind::Order => ORDER,
            EventKind::AbandonedCart => ABANDONED_CART,
            _ => return None,
        };
        Some(Self {
            text,
            edits: Vec::new(),
        })
    }

    /// Applies changes to the sample.
    ///
    /// # Errors
    ///
    /// [`EditError`] for the first change that does not fit the sample.
    pub fn edited(mut self, edits: Vec<Edit>) -> Result<Self, EditError> {
        self.edits = edits;
        let mut value = self.value();
        self.edits
            .iter()
            .try_for_each(|edit| edit.apply(&mut value))?;
        Ok(self)
    }

    /// Returns the payload of the delivery with this number. The first is the sample itself. Later
    /// ones have their own ids, because equal bodies have equal signatures and look like one
    /// repeated delivery.
    #[must_use]
    pub fn body(&self, number: u64) -> Bytes {
        if number == 0 && self.edits.is_empty() {
            return Bytes::from_static(self.text.as_bytes());
        }
        let mut value = self.value();
        if let Some(Value::String(id)) = value.get_mut("id").filter(|_| number > 0) {
            id.push_str(&format!("-{number}"));
        }
        for edit in &self.edits {
            edit.apply(&mut value)
                .expect("the same edit has been applied to this sample before");
        }
        Bytes::from(edit::write(&value))
    }

    fn value(&self) -> Value {
        serde_json::from_str(self.text).expect("the embedded samples are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> [Sample; 2] {
        [EventKind::Order, EventKind::AbandonedCart].map(|kind| Sample::of(kind).expect("a sample"))
    }

    #[test]
    fn samples_are_plainly_test_data() {
        for sample in samples() {
            let value = sample.value();
            assert_eq!(value["test"], true);
            assert!(
                value["id"]
                    .as_str()
                    .is_some_and(|id| id.starts_with("test-"))
            );
            let mails = sample.text.matches('@').count();
            assert!(
                mails > 0,
                "a sample without a mail address is not realistic"
            );
            assert_eq!(mails, sample.text.matches("@example.com").count());
            assert_eq!(
                sample.text.matches("://").count(),
                sample.text.matches("example.com/").count()
            );
        }
    }

    #[test]
    fn samples_are_compact_as_a_service_sends_them_and_not_only_ascii() {
        for sample in samples() {
            assert_eq!(sample.value().to_string(), sample.text);
            assert!(!sample.text.is_ascii(), "encodings would go untested");
        }
    }

    #[test]
    fn the_first_body_is_the_sample_and_later_ones_differ() {
        for sample in samples() {
            assert_eq!(sample.body(0), sample.text.as_bytes());
            assert_ne!(sample.body(1), sample.body(0));
            assert_ne!(sample.body(1), sample.body(2));
        }
    }

    #[test]
    fn an_edit_outlives_the_numbering() {
        let edit = "/id=mine".parse().expect("an edit");
        let sample = Sample::of(EventKind::Order)
            .expect("a sample")
            .edited(vec![edit])
            .expect("fits");
        assert_eq!(sample.body(0), sample.body(7));
    }
}
