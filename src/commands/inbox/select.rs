//! The selection of deliveries from the arguments.

use std::time::SystemTime;

use crate::{
    cli::{SelectionArgs, When},
    commands::{outcome::Outcome, output::message},
    inbox::store::Selection,
    runtime::clock::Millis,
    telemetry::count::millis,
};

/// Returns the selection that the arguments describe.
pub(super) fn selection(args: SelectionArgs) -> Selection {
    let now = SystemTime::now();
    Selection {
        ids: args.ids,
        endpoint: args.endpoint,
        queue: args.destination,
        states: args.state,
        kind: args.kind,
        since: args.since.map(|when| at(when, now)),
        until: args.until.map(|when| at(when, now)),
    }
}

/// Returns whether the selection has no filter.
pub(super) fn is_everything(selection: &Selection) -> bool {
    let Selection {
        ids,
        endpoint,
        queue,
        states,
        kind,
        since,
        until,
    } = selection;
    ids.is_empty()
        && states.is_empty()
        && endpoint.is_none()
        && queue.is_none()
        && kind.is_none()
        && since.is_none()
        && until.is_none()
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
