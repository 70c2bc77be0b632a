//! A connection's clocks: handshake, idle, head and stalled writing, each from its own beginning. (A body's
//! clock goes with the body, in `limits`.)

use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::Ended;
use crate::{
    proxy::{
        config::timeouts::Clocks,
        shared::{Gate, Stage},
        state::{Activity, Phase, Stay},
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
    pub(crate) fn new(activity: &Activity, clocks: &Clocks) -> Self {
        Self {
            timer: Timer::new(Instant::now() + clocks.keep_alive),
            seen: activity.stay(),
            last_call: None,
        }
    }

    /// Notes when the present phase began, if it is new.
    pub(crate) fn observe(&mut self, activity: &Activity) {
        let stay = activity.stay();
        if stay != self.seen {
            self.seen = stay;
            activity.entered(Instant::now());
        }
    }

    /// Ready once the connection has waited too long for something, or only long enough to be parked.
    pub(super) fn poll_talking(
        &mut self,
        cx: &mut Context<'_>,
        activity: &Activity,
        gate: &Gate,
    ) -> Poll<Ended> {
        let mut next = self.deadline(activity, gate);
        if activity.phase() == Phase::Idle && activity.stalled().is_none() {
            if activity.has_outgrown() {
                return Poll::Ready(Ended::Paused);
            }
            let pause = activity.since() + PAUSE;
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
        activity: &Activity,
        gate: &Gate,
    ) -> Poll<Ended> {
        let next = self.deadline(activity, gate);
        self.poll_until(cx, next)
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, next: Option<(Instant, Ended)>) -> Poll<Ended> {
        let Some((deadline, ended)) = next else {
            return Poll::Pending;
        };
        self.timer.poll(cx, deadline).map(|()| ended)
    }

    fn deadline(&mut self, activity: &Activity, gate: &Gate) -> Option<(Instant, Ended)> {
        let phase = activity.phase();
        let is_waiting = matches!(phase, Phase::Idle | Phase::Handshake);
        if is_waiting && gate.stage() == Stage::Closing {
            return Some((self.last_call(activity), Ended::Idle));
        }
        let stalled = activity.stalled();
        if stalled.is_none() && !is_waiting && phase != Phase::Head {
            return None;
        }
        let since = activity.since();
        gate.with_config(|config| {
            let clocks = &config.clocks;
            Some(match (stalled, phase) {
                (Some(stalled), _) => (stalled + clocks.write, Ended::WriteStalled),
                (None, Phase::Handshake) => (since + clocks.handshake, Ended::Idle),
                (None, Phase::Head) => (since + clocks.header, Ended::HeadTooSlow),
                (None, _) => (since + clocks.keep_alive, Ended::Idle),
            })
        })
    }

    /// Counted from when the connection notices that the gate is closing.
    fn last_call(&mut self, activity: &Activity) -> Instant {
        let time = if activity.has_served() {
            NEXT_CALL
        } else {
            FIRST_CALL
        };
        *self.last_call.get_or_insert_with(|| Instant::now() + time)
    }
}
