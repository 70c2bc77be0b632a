//! The settings that go with `verdict` of an endpoint, and those that do not.

use super::{finding::Finding, sections::endpoint::EndpointPlan};
use crate::endpoint::Query;

const NO_DESTINATION: &str = "`destination` is missing: a table [[endpoint.destination]] with the `url` of the app, or \
                              `verdict = true` for a proxy that forwards deliveries itself";

const WITH_DESTINATION: &str =
    "`verdict = true` forwards nothing, so the endpoint has no destination";

const WITH_DURABLE: &str = "`verdict` and `durable` exclude each other: with `verdict`, the gate neither stores nor forwards a delivery";

const NO_EFFECT: &str = "this has no effect with `verdict = true`: the proxy forwards the delivery with its own headers";

const DROPS_NOTHING: &str =
    "`drop` has no effect with `verdict = true`: the proxy forwards the query; use \"refuse\"";

/// Reports a missing destination, and settings that would have no effect.
pub(super) fn check(endpoint: &EndpointPlan, findings: &mut Vec<Finding>) {
    let at = &endpoint.at;
    let has_destination = at.written("destination").is_some();
    let mut find = |key, message| findings.push(Finding::new(at.of(key), message));
    if !endpoint.verdict {
        if !has_destination && !at.failed("verdict") {
            find("destination", NO_DESTINATION);
        }
        return;
    }
    for (is_mistake, key, message) in [
        (has_destination, "destination", WITH_DESTINATION),
        (endpoint.durable, "verdict", WITH_DURABLE),
        (!endpoint.add_headers.is_empty(), "add_headers", NO_EFFECT),
        (!endpoint.drop_headers.is_empty(), "drop_headers", NO_EFFECT),
        (endpoint.query == Query::Drop, "query", DROPS_NOTHING),
    ] {
        if is_mistake {
            find(key, message);
        }
    }
}
