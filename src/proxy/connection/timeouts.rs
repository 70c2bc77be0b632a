//! The timeouts of a connection: handshake, idle, head and stalled write, each from its own
//! beginning. The timeout of a body belongs to the body guard.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::end::End;
use crate::{
    proxy::{
        shared::{Shared, Stage},
        state::{ConnectionState, Phase, Stay},
    },
    runtime::{timer::Timer, turn},
};

/// The time that a connection without a request gets when the gate closes. Its first request may be
/// on its way.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// The time that a connection between requests gets when the gate closes. Bytes of the next request
/// may have arrived unnoticed, and closing would reset them.
const NEXT_REQUEST: Duration = Duration::from_millis(100);

/// The pause between requests after which it is worth freeing hyper's buffers. They stay only if
/// the last pause was shorter, so that many connections with one request each never hold them all.
const PAUSE: Duration = Duration::from_millis(100);

/// The one timer of a connection, for all of its timeouts.
pub(super) struct ConnectionTimer {
    timer: Timer,
    state: Arc<ConnectionState>,
    shared: Arc<Shared>,
    /// The stay whose beginning is known.
    seen: Stay,
    /// When an idle connection closes because the gate does.
    closing: Option<Instant>,
    pace: Pace,
}

/// The pace of a connection's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// The first request has not begun.
    None,
    /// The last pause before a request was at least [`PAUSE`], or there was none.
    Slow,
    /// The last pause before a request was shorter.
    Fast,
}

impl ConnectionTimer {
    pub(super) fn new(state: &Arc<ConnectionState>, shared: &Arc<Shared>) -> Self {
        let keep_alive = shared.with_config(|config| config.timeouts.keep_alive);
        Self {
            timer: Timer::new(Instant::now() + keep_alive),
            seen: state.stay(),
            state: Arc::clone(state),
            shared: Arc::clone(shared),
            closing: None,
            pace: Pace::None,
        }
    }

    /// Notes the beginning of the present phase, if the phase is new.
    pub(super) fn observe(&mut self) {
        let stay = self.state.stay();
        if stay != self.seen {
            let passed = self.state.set_since(turn::now());
            if self.seen.phase() == Phase::Idle {
                self.pace = self.pace.followed_by(passed);
            }
            self.seen = stay;
        }
    }

    /// Polls until a timeout ends the connection.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let next = self.deadline();
        self.poll_until(cx, next)
    }

    /// Polls until a timeout ends the connection or a pause makes hyper's buffers useless.
    pub(super) fn poll_or_pause(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if !self.can_pause() {
            return self.poll(cx);
        }
        if self.pace != Pace::Fast || self.state.has_large_buffer() {
            return Poll::Ready(End::Paused);
        }
        if self.shared.stage() == Stage::Closing {
            return self.poll(cx);
        }
        // The timeout of an idle connection applies after the pause.
        let pause = self.state.since() + PAUSE;
        self.poll_until(cx, Some((pause, End::Paused)))
    }

    /// Whether hyper waits for the head of a request, and nothing else.
    fn can_pause(&self) -> bool {
        let state = &self.state;
        state.phase() == Phase::Idle
            && state.stalled().is_none()
            // hyper has read the next request already, or closes at the rest of the last one.
            && !state.has_next_request()
            && !state.has_unread()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, next: Option<(Instant, End)>) -> Poll<End> {
        let Some((deadline, end)) = next else {
            return Poll::Pending;
        };
        self.timer.poll_owned(cx, deadline).map(|()| end)
    }

    fn deadline(&mut self) -> Option<(Instant, End)> {
        let phase = self.state.phase();
        let is_waiting = matches!(phase, Phase::Idle | Phase::Handshake);
        if is_waiting && self.shared.stage() == Stage::Closing {
            return Some((self.closing(), End::Idle));
        }
        let stalled = self.state.stalled();
        if stalled.is_none() && !is_waiting && phase != Phase::Head {
            return None;
        }
        let since = self.state.since();
        self.shared.with_config(|config| {
            let timeouts = &config.timeouts;
            Some(match (stalled, phase) {
                (Some(stalled), _) => (stalled + timeouts.write, End::WriteStalled),
                (None, Phase::Handshake) => (since + timeouts.handshake, End::Idle),
                (None, Phase::Head) => (since + timeouts.header, End::HeadTooSlow),
                (None, _) => (since + timeouts.keep_alive, End::Idle),
            })
        })
    }

    /// Returns when the idle connection closes, counted from when it notices that the gate is
    /// closing.
    fn closing(&mut self) -> Instant {
        let time = if self.state.has_served() {
            NEXT_REQUEST
        } else {
            FIRST_REQUEST
        };
        *self.closing.get_or_insert_with(|| Instant::now() + time)
    }
}

impl Pace {
    /// Returns the pace after a pause between requests.
    fn followed_by(self, pause: Duration) -> Self {
        if self != Self::None && pause < PAUSE {
            Self::Fast
        } else {
            Self::Slow
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::future::poll_fn;

    use crate::{endpoint::Endpoints, proxy::config::Config};

    #[test]
    fn buffers_stay_only_between_requests_in_quick_succession() {
        let first = Pace::None.followed_by(Duration::ZERO);
        assert_eq!(first, Pace::Slow, "the client was quick to begin, no more");
        let second = first.followed_by(PAUSE / 2);
        assert_eq!(second, Pace::Fast);
        assert_eq!(second.followed_by(PAUSE), Pace::Slow);
    }

    #[tokio::test]
    async fn a_connection_pauses_only_while_hyper_waits_for_a_head() {
        let config = Arc::new(Config::new(Endpoints::new(Vec::new())));
        let shared = Shared::new(config, Arc::default(), None).expect("no directory is needed");
        let state = Arc::new(ConnectionState::new());
        let mut timer = ConnectionTimer::new(&state, &Arc::new(shared));
        let mut pauses = async || {
            poll_fn(|cx| Poll::Ready(timer.poll_or_pause(cx)))
                .await
                .is_ready()
        };
        state.begin_request();
        assert!(!pauses().await, "a body arrives");
        state.enter(Phase::Response);
        assert!(state.poll_response_sent().is_pending());
        state.enter(Phase::Idle);
        assert!(!pauses().await, "hyper has the next request already");
        assert!(state.poll_response_sent().is_ready());
        state.set_unread(true);
        assert!(!pauses().await, "hyper closes at the rest of the last body");
        state.set_unread(false);
        assert!(pauses().await);
    }
}
