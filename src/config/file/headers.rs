//! Headers that an operator sets or drops: `add_headers` and `drop_headers` of an endpoint, `headers` of a destination. Which
//! names are theirs to touch is decided where deliveries are cleaned and dressed.

use http::{HeaderName, HeaderValue};

use super::{
    document::{At, Table},
    secret,
};
use crate::{
    config::{
        finding::{Finding, Place},
        value,
    },
    delivery::{
        header_changes::HeaderChanges,
        header_filter::{header_may_be_dropped, header_may_be_set},
    },
    secret::source,
};

/// What an endpoint changes for all its destinations.
pub(super) fn changes(table: &mut Table<'_, '_>, signature: &HeaderName) -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    if let Some(mut added) = table.table("add_headers") {
        for (name, value) in added.rest() {
            let name = settable(&added, &name, signature);
            let value = value.text(|text| {
                HeaderValue::from_str(text)
                    .map_err(|_| "this value holds a character that a header cannot carry")
            });
            if let (Some(name), Some(value)) = (name, value) {
                changes.add.insert(name, value.value);
            }
        }
    }
    let dropped = table.texts("drop_headers", |text| {
        let name = value::header_name(text)?;
        header_may_be_dropped(&name, signature)
            .then_some(name)
            .ok_or("this header cannot be dropped: the app is promised it, or never sees it anyway")
    });
    changes.drop = dropped.unwrap_or_default();
    changes
}

/// What a destination gets from places that hold secrets, since such a value is as good as a password.
pub(super) fn secrets(
    table: &mut Table<'_, '_>,
    signature: &HeaderName,
) -> Vec<(Place, HeaderName, source::Place)> {
    let Some(mut headers) = table.table("headers") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (name, value) in headers.rest() {
        let source = value.table().and_then(secret::source);
        let known = settable(&headers, &name, signature);
        if let (Some(known), Some(source)) = (known, source) {
            read.push((name.place, known, source));
        }
    }
    read
}

fn settable(
    table: &Table<'_, '_>,
    name: &At<String>,
    signature: &HeaderName,
) -> Option<HeaderName> {
    let parsed = value::header_name(&name.value).and_then(|name| {
        header_may_be_set(&name, signature)
            .then_some(name)
            .ok_or("this header is the gate's or the protocol's own and cannot be set")
    });
    parsed
        .map_err(|message| table.add(Finding::new(name.place, message)))
        .ok()
}
