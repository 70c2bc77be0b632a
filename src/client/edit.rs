//! Changes to a sample: `/pointer=text` sets a string, and `/pointer:=json` any JSON (RFC 6901
//! pointers).
//!
//! A number is sent as it was typed: `19.90` stays `19.90`. `serde_json` would write some numbers
//! differently. The tree holds these as marked strings, and [`write`] removes the mark.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::doctor::json::{self, Node};

/// A change to a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pointer: Vec<String>,
    value: Value,
}

/// The reason why a text is not a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditSyntaxError {
    /// The text has no `=`.
    #[error("write it as /pointer=text or /pointer:=json")]
    NoEquals,
    /// The pointer does not begin with a slash.
    #[error("a pointer begins with a slash, as in /order/email")]
    NoSlash,
    /// A `~` that is neither `~0` nor `~1`.
    #[error("in a pointer, `~` is written ~0 and `/` in a name ~1")]
    Escape,
    /// The text after `:=` is not JSON.
    #[error("the text after := is not JSON (= alone sets a string)")]
    Json,
}

/// The reason why a change cannot be applied to the sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--set {pointer}: {reason}")]
pub struct EditError {
    pointer: String,
    reason: &'static str,
}

/// The pointer ends at the first `=`, so it cannot contain one. A value can.
impl FromStr for Edit {
    type Err = EditSyntaxError;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (pointer, text) = typed.split_once('=').ok_or(EditSyntaxError::NoEquals)?;
        let (pointer, value) = match pointer.strip_suffix(':') {
            Some(pointer) => (
                pointer,
                json::parse(text.as_bytes())
                    .and_then(|document| as_typed(&document))
                    .ok_or(EditSyntaxError::Json)?,
            ),
            None => (pointer, Value::from(text)),
        };
        let steps = pointer.strip_prefix('/').ok_or(EditSyntaxError::NoSlash)?;
        Ok(Self {
            pointer: steps.split('/').map(unescape).collect::<Result<_, _>>()?,
            value,
        })
    }
}

/// Marks a string that stands for a number. No sample contains such a string, and a typed one is
/// rejected.
const MARK: &str = "\0number:";

/// The mark in JSON.
const WRITTEN_MARK: &str = r#""\u0000number:"#;

/// Converts a document, with each number as it was typed.
fn as_typed(document: &Node<'_>) -> Option<Value> {
    Some(match document {
        Node::Object(members) => {
            let member = |(key, value): &(json::Text<'_>, Node<'_>)| {
                Some((key.value()?.to_owned(), as_typed(value)?))
            };
            Value::Object(members.iter().map(member).collect::<Option<_>>()?)
        }
        Node::Array(items) => Value::Array(items.iter().map(as_typed).collect::<Option<_>>()?),
        Node::Text(text) => Value::from(text.value().filter(|said| !said.starts_with(MARK))?),
        Node::Word(word) => {
            let read: Option<Value> = serde_json::from_str(word).ok();
            // A number that is too large to be read can still be sent.
            let written = read.as_ref().map(Value::to_string);
            match read {
                Some(read) if written.as_deref() == Some(*word) => read,
                _ => Value::from(format!("{MARK}{word}")),
            }
        }
    })
}

/// Writes a document as JSON, with each number as it was typed.
pub(crate) fn write(document: &Value) -> String {
    let text = document.to_string();
    let mut parts = text.split(WRITTEN_MARK);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The mark begins a string, and a number contains no quotation mark.
        let (number, rest) = part.split_once('"').unwrap_or((part, ""));
        written.push_str(number);
        written.push_str(rest);
    }
    written
}

fn unescape(step: &str) -> Result<String, EditSyntaxError> {
    let wrong = step
        .split('~')
        .skip(1)
        .any(|rest| !rest.starts_with(['0', '1']));
    if wrong {
        return Err(EditSyntaxError::Escape);
    }
    // In this order, `~01` becomes the name `~1` and not a slash.
    Ok(step.replace("~1", "/").replace("~0", "~"))
}

impl Edit {
    /// Applies the change. It creates missing objects on the way. `-` appends to an array, as in
    /// RFC 6901.
    ///
    /// # Errors
    ///
    /// [`EditError`] when the pointer leads through a value without members, or past an array's
    /// end.
    pub fn apply(&self, document: &mut Value) -> Result<(), EditError> {
        let place = self
            .pointer
            .iter()
            .try_fold(document, |value, step| descend(value, step))
            .map_err(|reason| EditError {
                pointer: self.typed_pointer(),
                reason,
            })?;
        *place = self.value.clone();
        Ok(())
    }

    fn typed_pointer(&self) -> String {
        let escaped = self
            .pointer
            .iter()
            .map(|step| step.replace('~', "~0").replace('/', "~1"));
        escaped.map(|step| format!("/{step}")).collect()
    }
}

fn descend<'v>(value: &'v mut Value, step: &str) -> Result<&'v mut Value, &'static str> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => Ok(map.entry(step).or_insert(Value::Null)),
        Value::Array(items) => {
            if step == "-" {
                items.push(Value::Null);
            }
            let last = items.len().checked_sub(1);
            let place = if step == "-" { last } else { index(step) };
            let place =
                place.ok_or("an array's elements are numbered from 0, and `-` appends one")?;
            items
                .get_mut(place)
                .ok_or("the array has no such element (`-` appends one)")
        }
        _ => Err("it leads through a value that has no fields"),
    }
}

/// Parses an index without leading zeros, so that each element has one pointer (RFC 6901, section
/// 4).
fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || !step.starts_with(['0', '+']);
    plain.then(|| step.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn after(typed: &str) -> Result<Value, EditError> {
        let mut value = json!({"a": {"b": 1, "a/b": 2}, "list": [1, 2], "nothing": null});
        typed
            .parse::<Edit>()
            .expect("well formed")
            .apply(&mut value)?;
        Ok(value)
    }

    #[test]
    fn text_and_json_are_told_apart() {
        assert_eq!(after("/a/b=12").expect("fits")["a"]["b"], "12");
        assert_eq!(after("/a/b:=12").expect("fits")["a"]["b"], 12);
        assert_eq!(
            after("/a/b:={\"c\":[]}").expect("fits")["a"]["b"],
            json!({"c": []})
        );
        assert_eq!(after("/a/b=x=y").expect("fits")["a"]["b"], "x=y");
        assert_eq!(after("/a/b=").expect("fits")["a"]["b"], "");
    }

    #[test]
    fn numbers_stay_as_they_were_typed() {
        let sent = |typed: &str| write(&after(typed).expect("fits")["a"]["b"]);
        for number in [
            "19.90",
            "1.0",
            "1e5",
            "1E+5",
            "-0",
            "0.10",
            "1e999",
            "12",
            "-7.5",
            "123456789012345678901234567890",
            "0.1234567890123456789",
        ] {
            assert_eq!(sent(&format!("/a/b:={number}")), number);
        }
        assert_eq!(
            sent(r#"/a/b:={"x": [19.90, "19.90", {"y": 1.50}], "z": null}"#),
            r#"{"x":[19.90,"19.90",{"y":1.50}],"z":null}"#
        );
        for text in ["01", "1.", ".5", "+1", "NaN", "1 2", r#""\u0000number:1""#] {
            assert_eq!(
                format!("/a/b:={text}").parse::<Edit>(),
                Err(EditSyntaxError::Json),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_made() {
        assert_eq!(
            after("/new/deep/field=x").expect("fits")["new"]["deep"]["field"],
            "x"
        );
        assert_eq!(
            after("/nothing/field=x").expect("fits")["nothing"]["field"],
            "x"
        );
        assert_eq!(after("/list/-:=3").expect("fits")["list"], json!([1, 2, 3]));
    }

    #[test]
    fn pointers_are_those_of_the_rfc() {
        assert_eq!(after("/a/a~1b=x").expect("fits")["a"]["a/b"], "x");
        assert_eq!(after("/list/1=x").expect("fits")["list"], json!([1, "x"]));
        assert_eq!(after("/~01=x").expect("fits")["~1"], "x");
        assert_eq!(after("/=x").expect("fits")[""], "x");
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_pointer() {
        for typed in [
            "/a/b/c=x",
            "/list/2=x",
            "/list/01=x",
            "/list/+1=x",
            "/list/x=x",
        ] {
            let error = after(typed).expect_err(typed).to_string();
            assert!(
                error.contains(typed.strip_suffix("=x").expect("ends so")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_edit_is_refused() {
        for (typed, why) in [
            ("/a", EditSyntaxError::NoEquals),
            ("a=x", EditSyntaxError::NoSlash),
            ("=x", EditSyntaxError::NoSlash),
            ("/a:=x", EditSyntaxError::Json),
            ("/a~2=x", EditSyntaxError::Escape),
            ("/a~=x", EditSyntaxError::Escape),
        ] {
            assert_eq!(typed.parse::<Edit>(), Err(why), "{typed}");
        }
    }
}
