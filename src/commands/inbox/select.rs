//! What was typed as a selection.

use std::time::SystemTime;

use crate::{
    cli::{SelectionArgs, When},
    inbox::{clock::Millis, store::Selection},
    metrics::millis,
};

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

/// Whether it leaves nothing out.
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

fn at(when: When, now: SystemTime) -> Millis {
    let time = match when {
        When::Ago(ago) => now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH),
        When::At(time) => time,
    };
    Millis::try_from(millis(time)).unwrap_or(Millis::MAX)
}
