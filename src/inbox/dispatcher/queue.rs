//! The task of one queue: it claims deliveries that may start now, has each attempted, and waits.
//! Queues share nothing but the store, so a slow destination holds up its own queue alone.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use uuid::Uuid;

use super::{
    attempt::{Attempt, Purpose, Shown, settle},
    backoff::Backoff,
    health::{Change, Health, Sign, at_most},
    lines::Lines,
    queue_config::QueueConfig,
    services::Services,
    suspects::{Before, Suspects},
};
use crate::{
    delivery::event::{Claim, ProbeCursor, Settlement},
    inbox::store::StoreError,
    runtime::clock::{Millis, millis},
};

/// How much longer than an attempt a lease lasts, for the store to note how that ended.
const MARGIN: Duration = Duration::from_secs(15);

/// How often it looks for changes that nobody told it of: those of other gates and commands in the
/// store, and a clock that was put forward.
const LOOK: Duration = Duration::from_secs(1);

/// How soon it looks at the earliest after a claim that found nothing more: what is due may be in other hands.
const SOON: Duration = Duration::from_millis(100);

/// How often it corrects due times that a clock that was ahead has left. If its own clock is put
/// back, it does so at once.
const CORRECT: Duration = Duration::from_secs(60);

/// A queue at work.
pub(super) struct Queue {
    name: Arc<str>,
    services: Arc<Services>,
    orders: watch::Receiver<Arc<QueueConfig>>,
    config: Arc<QueueConfig>,
    leaving: bool,
    health: Health,
    /// The last delivery that found the destination down: the next probe is the one after it.
    turn: ProbeCursor,
    /// The last command to try deliveries again, once it is known while the destination is down.
    command: Option<Option<Uuid>>,
    suspects: Suspects,
    /// Claimed suspects that must be alone: they wait until nothing is under way.
    held: VecDeque<Attempt>,
    /// Whether what is under way is a suspect.
    is_alone: bool,
    under_way: JoinSet<Shown>,
    /// Whether more may be due.
    more: bool,
    /// When to look whether more is due.
    look: Millis,
    /// When to correct due times.
    correct: Millis,
    /// The correction under way.
    correction: JoinSet<Result<u64, StoreError>>,
    /// The last time that the clock showed.
    seen: Millis,
    backoff: Backoff,
    /// After an error of the store: until when it is left alone.
    rest: Millis,
}

impl Queue {
    /// A queue that follows `orders`, until their sender is gone.
    pub(super) fn new(
        name: Arc<str>,
        services: Arc<Services>,
        mut orders: watch::Receiver<Arc<QueueConfig>>,
    ) -> Self {
        let config = Arc::clone(&orders.borrow_and_update());
        // An earlier queue of this destination may have left it as down.
        config.meter.set_down(false);
        Self {
            name,
            services,
            orders,
            config,
            leaving: false,
            health: Health::Unproven,
            turn: ProbeCursor::START,
            command: None,
            suspects: Suspects::default(),
            held: VecDeque::new(),
            is_alone: false,
            under_way: JoinSet::new(),
            more: true,
            look: 0,
            correct: 0,
            correction: JoinSet::new(),
            seen: 0,
            backoff: Backoff::of_store(),
            rest: 0,
        }
    }

    /// Works until it is to leave, and then lets end what is under way.
    pub(super) async fn run(mut self) {
        while !self.leaving {
            self.turn().await;
        }
        for held in std::mem::take(&mut self.held) {
            self.release(held).await;
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.ended(ended);
        }
        self.config.meter.set_down(false);
    }

    async fn turn(&mut self) {
        let now = self.services.clock.now();
        self.follow_clock(now);
        if self.correct <= now && self.correction.is_empty() {
            self.correct_due(now);
        }
        if self.under_way.is_empty() {
            self.is_alone = false;
            if let Some(held) = self.held.pop_front() {
                return self.try_suspect(held, now).await;
            }
        }
        let (room, from) = self.room();
        if room > 0 && from <= now {
            if self.more {
                return self.claim(room, now).await;
            }
            if self.look <= now {
                return self.look_ahead(now).await;
            }
        }
        let look = self.look.max(self.rest);
        if from > now && look <= now && self.health.is_down() {
            return self.look_for_command(now).await;
        }
        let next = match (self.more, self.health.is_down()) {
            (true, false) => from,
            (true, true) => from.min(look),
            (false, false) => from.max(look),
            (false, true) => look,
        };
        self.wait((room > 0).then_some(next)).await;
    }

    /// How many more attempts may begin, and from when on.
    fn room(&self) -> (usize, Millis) {
        if self.is_alone || !self.held.is_empty() {
            return (0, self.rest);
        }
        let concurrency = self.config.queue.concurrency;
        let (room, from) = self.health.room(concurrency, self.under_way.len());
        (room, from.max(self.rest))
    }

    /// Has a clock that was put back hold up nothing.
    fn follow_clock(&mut self, now: Millis) {
        if now < self.seen {
            self.correct = now;
        }
        self.seen = now;
        self.health.follow_clock(now);
        self.look = at_most(self.look, millis(LOOK), now);
        self.rest = at_most(self.rest, millis(self.backoff.most()), now);
    }

    /// Waits until something has changed, or it is so late.
    async fn wait(&mut self, until: Option<Millis>) {
        let idle = until.is_some() && !self.more;
        let (clock, work) = (&self.services.clock, &self.config.queue.work);
        tokio::select! {
            changed = self.orders.changed() => self.follow(changed.is_ok()),
            Some(ended) = self.under_way.join_next() => self.ended(ended),
            Some(ended) = self.correction.join_next() => {
                // After an error the next correction is a minute away.
                if let Ok(Ok(corrected @ 1..)) = ended {
                    self.corrected(corrected);
                }
            }
            () = work.notified(), if idle => self.more = true,
            () = clock.until(until.unwrap_or_default(), self.seen), if until.is_some() => {}
        }
    }

    /// Claims as much as may start now: a claimed delivery that waits is hidden from other gates.
    async fn claim(&mut self, room: usize, now: Millis) {
        let config = Arc::clone(&self.config);
        let lease = self.lease();
        match self.claimed(room, lease).await {
            Ok(claims) => {
                self.backoff.reset();
                self.more = claims.len() >= room;
                self.look = now + millis(SOON);
                self.start(claims, &config, now + millis(lease)).await;
            }
            Err(error) => self.stumble(now, &error),
        }
    }

    /// The oldest deliveries; the next one in turn while the destination is not known to be up.
    async fn claimed(&mut self, room: usize, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        let store = &self.services.inbox.store;
        if matches!(self.health, Health::Up { .. }) {
            return store.claim(&self.name, room, lease).await;
        }
        let claim = store.claim_next(&self.name, self.turn, lease).await?;
        if let Some(claim) = &claim {
            self.turn = ProbeCursor::of(claim);
        }
        Ok(claim.into_iter().collect())
    }

    /// Long enough for an attempt; and for one before it, if there are suspects to wait for that.
    fn lease(&self) -> Duration {
        let timeout = self.config.queue.timeout;
        let before = if self.suspects.is_empty() {
            Duration::ZERO
        } else {
            timeout
        };
        before + timeout + MARGIN
    }

    async fn start(&mut self, claims: Vec<Claim>, config: &Arc<QueueConfig>, held_until: Millis) {
        // Said, perhaps, while the store was at work.
        self.leaving |= self.orders.has_changed().is_err();
        let purpose = if self.health.is_down() {
            Purpose::Probe
        } else {
            Purpose::Deliver
        };
        for claim in claims {
            let must_be_alone = self.suspects.must_be_alone(claim.event.id);
            let attempt = Attempt {
                claim,
                config: Arc::clone(config),
                held_until,
                purpose,
            };
            if self.leaving || self.is_too_late(&attempt) {
                self.release(attempt).await;
            } else if must_be_alone && purpose == Purpose::Deliver {
                self.held.push_back(attempt);
            } else {
                self.spawn(attempt);
            }
        }
    }

    /// Tries a suspect while nothing else is under way.
    async fn try_suspect(&mut self, mut held: Attempt, now: Millis) {
        if self.health.is_down() || now + millis(held.config.queue.timeout) > held.held_until {
            self.more = true;
            return self.release(held).await;
        }
        held.purpose = Purpose::Suspect;
        self.is_alone = true;
        self.spawn(held);
    }

    /// Whether the lease could end before the attempt does.
    fn is_too_late(&self, attempt: &Attempt) -> bool {
        self.services.clock.now() + millis(attempt.config.queue.timeout) > attempt.held_until
    }

    fn spawn(&mut self, attempt: Attempt) {
        let event = attempt.claim.event.id;
        let before = Before {
            has_failed: self.suspects.has_failed(event),
            is_suspect: self.suspects.contains(event),
            is_cause: self.suspects.is_cause(event),
            was_alone: self.under_way.is_empty(),
            responses: self.suspects.responses.clone(),
            count: self.suspects.responses.count(),
        };
        self.under_way
            .spawn(attempt.run(before, Arc::clone(&self.services)));
    }

    /// Gives a claim back. If that fails it comes back by itself, once its lease has ended.
    async fn release(&self, attempt: Attempt) {
        let (lease, until) = (&attempt.claim.lease, attempt.held_until);
        let _ = settle(&self.services, lease, &Settlement::Released, until).await;
    }

    async fn look_ahead(&mut self, now: Millis) {
        match self.services.inbox.store.next_due(&self.name).await {
            Ok(left) => {
                self.backoff.reset();
                self.more = left == Some(Duration::ZERO);
                // From before the store was asked: rather a little early than late.
                self.look = now + millis(left.map_or(LOOK, |left| left.min(LOOK)));
            }
            Err(error) => self.stumble(now, &error),
        }
    }

    /// Looks whether an operator has asked, through whichever gate, to try deliveries again.
    async fn look_for_command(&mut self, now: Millis) {
        match self.services.inbox.store.last_requeue(&self.name).await {
            Ok(last) => {
                self.backoff.reset();
                self.look = now + millis(LOOK);
                let known = self.command.replace(last);
                if known.is_some_and(|known| known != last) {
                    self.health.recheck();
                    self.more = true;
                }
            }
            Err(error) => self.stumble(now, &error),
        }
    }

    /// Starts to correct due times. Deliveries go on meanwhile.
    fn correct_due(&mut self, now: Millis) {
        self.correct = now + millis(CORRECT);
        let corrected = self.services.inbox.store.correct_due(&self.name);
        self.correction.spawn(corrected);
    }

    fn corrected(&mut self, corrected: u64) {
        // There may be more.
        self.correct = self.seen;
        self.more = true;
        Lines::corrected(&self.name, corrected);
    }

    fn stumble(&mut self, now: Millis, error: &StoreError) {
        if self.backoff.is_fresh() {
            self.services.lines.stuck(&self.name, error);
        }
        self.rest = now + millis(self.backoff.failed());
    }

    fn ended(&mut self, ended: Result<Shown, JoinError>) {
        match ended {
            Ok(shown) => self.take_up(shown),
            Err(error) => {
                tracing::error!(destination = &*self.name, %error, "an attempt has panicked");
            }
        }
    }

    /// Takes up what an attempt has shown.
    fn take_up(&mut self, shown: Shown) {
        let is_probe = shown.purpose == Purpose::Probe;
        if shown.sign == Sign::Life {
            self.suspects.responded(shown.turn.event);
        } else if !is_probe {
            let was_alone = shown.purpose == Purpose::Suspect;
            self.suspects.add(shown.turn.event, shown.fault, was_alone);
        }
        // It may be due again.
        self.more |= shown.sign != Sign::Life;
        let change = self.health.saw(shown.sign, is_probe, shown.at);
        self.health.bound(self.config.queue.concurrency);
        let Some(change) = change else {
            return;
        };
        Lines::changed(&self.name, change);
        if change == Change::WentDown {
            self.turn = shown.turn;
            self.command = None;
            self.look = shown.at;
        }
        self.config.meter.set_down(change == Change::WentDown);
    }

    fn follow(&mut self, goes_on: bool) {
        self.leaving = !goes_on;
        self.config = Arc::clone(&self.orders.borrow_and_update());
        self.config.meter.set_down(self.health.is_down());
        self.health.recheck();
        self.more = true;
    }
}
