//! The time of a turn: of one poll of a connection by its worker.
//!
//! A poll is short, so the steps that need no exact time share one reading of each clock. A step that
//! measures its own work, or that must not be early, reads the clock itself. Outside a turn, each
//! call reads the clock.

use std::{cell::Cell, marker::PhantomData};

use tokio::time::Instant;

use super::clock::{Clock, Millis};

thread_local! {
    /// The times of this thread's turn, while one lasts.
    static TIMES: Cell<Option<Times>> = const { Cell::new(None) };
}

/// The readings of a turn, so far.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    monotonic: Option<Instant>,
    unix: Option<Millis>,
}

/// A turn of the thread. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Turn {
    /// Begins a turn. A thread has one at a time.
    pub(crate) fn begin() -> Self {
        debug_assert!(TIMES.get().is_none(), "turns do not nest");
        TIMES.set(Some(Times::default()));
        Self {
            _thread: PhantomData,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TIMES.set(None);
    }
}

/// Returns the present time.
pub(crate) fn now() -> Instant {
    read(|times| &mut times.monotonic, Instant::now)
}

/// Returns the present time in milliseconds since 1970.
pub(crate) fn unix_millis() -> Millis {
    read(|times| &mut times.unix, || Clock::System.now())
}

/// Returns the reading in `place`, and reads the clock if there is none.
fn read<T: Copy>(place: impl FnOnce(&mut Times) -> &mut Option<T>, clock: fn() -> T) -> T {
    let Some(mut times) = TIMES.get() else {
        return clock();
    };
    let place = place(&mut times);
    if let Some(time) = *place {
        return time;
    }
    let time = *place.insert(clock());
    TIMES.set(Some(times));
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_turn_has_one_time() {
        const STEP: Duration = Duration::from_secs(1);
        let begun = now();
        advance(STEP).await;
        let turn = Turn::begin();
        assert_eq!(now(), begun + STEP, "the turn reads the clock itself");
        advance(STEP).await;
        assert_eq!(now(), begun + STEP);
        drop(turn);
        assert_eq!(now(), begun + STEP * 2);
        let _turn = Turn::begin();
        assert_eq!(now(), begun + STEP * 2);
    }

    #[test]
    fn a_turn_has_one_time_of_day() {
        let turn = Turn::begin();
        let first = unix_millis();
        while Clock::System.now() <= first {}
        assert_eq!(unix_millis(), first);
        drop(turn);
        assert!(unix_millis() > first);
    }
}
