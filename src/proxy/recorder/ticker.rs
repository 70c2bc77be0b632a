//! The ticker: sends the news of the recorder to its viewers, for all of them at once.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    frame::Frame,
    rates::{Rates, ended_requests},
};
use crate::proxy::shared::Shared;

/// The time between two ticks.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// The ticks between two looks at the rates.
const TICKS_PER_RATE: u32 = 4;

/// Ticks while the recorder is armed, and rests otherwise, until it is dropped.
pub(crate) async fn run(gate: Arc<Shared>) {
    let mut missed_from = ended_requests(&gate);
    loop {
        gate.recorder.until_armed().await;
        // Viewers learn how many requests ended while the recorder was not armed.
        let missed = ended_requests(&gate).saturating_sub(missed_from);
        gate.recorder.skip(missed);
        tick_while_armed(&gate).await;
        missed_from = ended_requests(&gate);
    }
}

async fn tick_while_armed(gate: &Shared) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rates = Rates::of(gate);
    for number in 0_u32.. {
        ticks.tick().await;
        if number % TICKS_PER_RATE == 0 {
            let counted = rates.take(gate);
            // Also the sign of life of an idle stream.
            if gate.recorder.is_watched() {
                gate.recorder.publish(Frame::event("rates", &counted));
            }
        }
        if !gate.recorder.tick(Instant::now()) {
            return;
        }
    }
}
