//! Restrictions that apply to an endpoint and to its destinations.

use http::HeaderName;

use crate::{
    config::{
        finding::{Finding, Place},
        places::Places,
    },
    delivery::header_filter::header_may_be_set,
};

/// Reports a header that the operator cannot set.
pub(super) fn check_settable(
    at: Place,
    name: &HeaderName,
    signature: &HeaderName,
    findings: &mut Vec<Finding>,
) {
    if !header_may_be_set(name, signature) {
        let message = "this header belongs to the gate or to the protocol and cannot be set";
        findings.push(Finding::new(at, message));
    }
}

/// Reports keys without effect: a direct endpoint must not ignore a setting that looks durable.
pub(super) fn check_only_durable(at: &Places, keys: &[&str], findings: &mut Vec<Finding>) {
    for key in keys {
        if let Some(place) = at.written(key) {
            let message = format!("`{key}` goes with `durable = true` of the endpoint");
            findings.push(Finding::new(place, message));
        }
    }
}
