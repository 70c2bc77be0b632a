//! The selection of deliveries from the arguments.

use std::time::SystemTime;

use crate::{
    cli::{SelectionArgs, When},
    commands::{outcome::Outcome, output::message},
    inbox::operations::DeliveryFilter,
    runtime::clock::Millis,
    telemetry::count::millis,
};

/// Returns the filter that the arguments describe.
pub(super) fn filter(args: SelectionArgs) -> DeliveryFilter {
    let now = SystemTime::now();
    DeliveryFilter {
        ids: args.ids,
        endpoint: args.endpoint,
        destination: args.destination,
        states: args.state,
        kind: args.kind,
        since: args.since.map(|when| at(when, now)),
        until: args.until.map(|when| at(when, now)),
    }
}

/// Reports that no delivery matches the selection.
pub(super) fn nothing_selected() -> Outcome {
    message("cartgate: nothing is selected");
    Outcome::No
}

fn at(when: When, now: SystemTime) -> Millis {
    let time = match when {
        When::Ago(ago) => {
            let then = now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
            Millis::try_from(millis(then)).unwrap_or(Millis::MAX)
        }
        When::At(time) => time.as_millisecond(),
        When::Local(time) => {
            message(format_args!(
                "cartgate: a time without an offset is local: {time}"
            ));
            time.timestamp().as_millisecond()
        }
    };
    // Nothing was received before 1970.
    time.max(0)
}
