//! A connection's timeouts: handshake, idle, head and stalled writing, each from its own beginning. (A body's
//! clock goes with the body, in `limits`.)

use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::Ended;
use crate::{
    proxy::{
        config::timeouts::Timeouts,
        shared::{Shared, Stage},
        state::{ConnectionState, Phase, Stay},
    },
    runtime::timer::Timer,
};

/// A connection that has carried no request when the gate closes may have one on the line: that
/// much time it gets to show it.
const FIRST_CALL: Duration = Duration::from_secs(1);

/// One that waits between requests gets a moment, too: what has already come may not have been noticed, and closing on it
/// would reset a delivery on its way.
const NEXT_CALL: Duration = Duration::from_millis(100);

/// A pause of this length between requests is worth giving up what hyper holds for a connection, and making it anew.
const PAUSE: Duration = Duration::from_millis(100);

/// The one timer of a connection.
pub(crate) struct Clock {
    timer: Timer,
    seen: Stay,
    last_call: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(state: &ConnectionState, timeouts: &Timeouts) -> Self {
        Self {
            timer: Timer::new(Instant::now() + timeouts.keep_alive),
            seen: state.stay(),
            last_call: None,
        }
    }

    /// Notes when the present phase began, if it is new.
    pub(crate) fn observe(&mut self, state: &ConnectionState) {
        let stay = state.stay();
        if stay != self.seen {
            self.seen = stay;
            state.entered(Instant::now());
        }
    }

    /// Ready once the connection has waited too long for something, or only long enough to be parked.
    pub(super) fn poll_talking(
        &mut self,
        cx: &mut Context<'_>,
        state: &ConnectionState,
        shared: &Shared,
    ) -> Poll<Ended> {
        let mut next = self.deadline(state, shared);
        if state.phase() == Phase::Idle && state.stalled().is_none() {
            if state.has_outgrown() {
                return Poll::Ready(Ended::Paused);
            }
            let pause = state.since() + PAUSE;
            next = next
                .filter(|(deadline, _)| *deadline <= pause)
                .or(Some((pause, Ended::Paused)));
        }
        self.poll_until(cx, next)
    }

    /// Ready once the connection has waited too long for something.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        state: &ConnectionState,
        shared: &Shared,
    ) -> Poll<Ended> {
        let next = self.deadline(state, shared);
        self.poll_until(cx, next)
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, next: Option<(Instant, Ended)>) -> Poll<Ended> {
        let Some((deadline, ended)) = next else {
            return Poll::Pending;
        };
        self.timer.poll(cx, deadline).map(|()| ended)
    }

    fn deadline(&mut self, state: &ConnectionState, shared: &Shared) -> Option<(Instant, Ended)> {
        let phase = state.phase();
        let is_waiting = matches!(phase, Phase::Idle | Phase::Handshake);
        if is_waiting && shared.stage() == Stage::Closing {
            return Some((self.last_call(state), Ended::Idle));
        }
        let stalled = state.stalled();
        if stalled.is_none() && !is_waiting && phase != Phase::Head {
            return None;
        }
        let since = state.since();
        shared.with_config(|config| {
            let timeouts = &config.timeouts;
            Some(match (stalled, phase) {
                (Some(stalled), _) => (stalled + timeouts.write, Ended::WriteStalled),
                (None, Phase::Handshake) => (since + timeouts.handshake, Ended::Idle),
                (None, Phase::Head) => (since + timeouts.header, Ended::HeadTooSlow),
                (None, _) => (since + timeouts.keep_alive, Ended::Idle),
            })
        })
    }

    /// Counted from when the connection notices that the gate is closing.
    fn last_call(&mut self, state: &ConnectionState) -> Instant {
        let time = if state.has_served() {
            NEXT_CALL
        } else {
            FIRST_CALL
        };
        *self.last_call.get_or_insert_with(|| Instant::now() + time)
    }
}
