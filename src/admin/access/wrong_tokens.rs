//! Wrong tokens at the login: how many one second allows, and what the log says about them. The
//! lines for rejected deliveries have a limit of their own, which these must not use up.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The wrong tokens of one second after which the login rejects every token.
const MAX: u64 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// Counts wrong tokens.
#[derive(Debug, Default)]
pub(super) struct WrongTokens(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The begin of the second that is counted.
    since: Option<Instant>,
    in_second: u64,
    /// The tokens since the last line in the log.
    unlogged: u64,
    logged: Option<Instant>,
}

impl WrongTokens {
    /// Returns whether the login may compare another token now.
    pub(super) fn allow_another(&self) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.begin_second();
        counts.in_second < MAX
    }

    /// Counts a wrong token. Returns the number of those that the log does not have yet, if it may
    /// have a line now.
    pub(super) fn count(&self) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.begin_second();
        counts.in_second += 1;
        counts.unlogged += 1;
        if counts
            .logged
            .is_some_and(|logged| logged.elapsed() < SECOND)
        {
            return None;
        }
        counts.logged = Some(Instant::now());
        Some(std::mem::take(&mut counts.unlogged))
    }
}

impl Counts {
    fn begin_second(&mut self) {
        if self.since.is_none_or(|since| since.elapsed() >= SECOND) {
            self.since = Some(Instant::now());
            self.in_second = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_allows_a_few_and_the_log_gets_one_line_of_it() {
        let wrong = WrongTokens::default();
        for tried in 0..MAX {
            assert!(wrong.allow_another(), "{tried}");
            assert_eq!(wrong.count(), (tried == 0).then_some(1));
        }
        assert!(!wrong.allow_another());
        tokio::time::advance(SECOND).await;
        assert!(wrong.allow_another());
        assert_eq!(wrong.count(), Some(MAX));
        assert_eq!(wrong.count(), None);
    }
}
