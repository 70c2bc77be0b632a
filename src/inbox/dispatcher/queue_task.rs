//! The task of one queue: claims due deliveries, starts their attempts, and waits.
//!
//! Queues share nothing but the store, so a slow destination delays its own queue alone.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use uuid::Uuid;

use super::{
    attempt::{Attempt, Evidence, Purpose, settle},
    backoff::Backoff,
    delivery_log::DeliveryLog,
    health::{Health, HealthChange, HealthSignal, at_most},
    queue_config::QueueConfig,
    services::Services,
    suspects::Suspects,
};
use crate::{
    delivery::event::{Claim, ProbeCursor, Settlement},
    inbox::store::StoreError,
    runtime::clock::{Millis, millis},
};

/// The time by which a lease outlasts its attempt, for the store to settle it.
const MARGIN: Duration = Duration::from_secs(15);

/// The interval at which the task looks for changes that no message announces: those of other gates
/// and of commands in the store, and a clock that was put forward.
const LOOK: Duration = Duration::from_secs(1);

/// The least time between a claim that found nothing more and the next look: due deliveries may be
/// claimed by other gates.
const SOON: Duration = Duration::from_millis(100);

/// The interval at which the task corrects due times that a wrong clock set too far ahead. If the
/// clock is put back, it does so at once.
const CORRECT: Duration = Duration::from_secs(60);

/// The state of a queue's task.
pub(super) struct QueueTask {
    name: Arc<str>,
    services: Arc<Services>,
    configs: watch::Receiver<Arc<QueueConfig>>,
    config: Arc<QueueConfig>,
    is_draining: bool,
    health: Health,
    /// The last delivery that found the destination down. The next probe is the one after it.
    cursor: ProbeCursor,
    /// The last requeue command, once it is known while the destination is down.
    last_requeue: Option<Option<Uuid>>,
    suspects: Suspects,
    /// Claimed suspects that must run alone, and wait until all attempts have ended.
    waiting: VecDeque<Attempt>,
    /// Whether the running attempt is that of a suspect.
    is_alone: bool,
    attempts: JoinSet<Evidence>,
    /// Whether more deliveries may be due.
    may_have_more: bool,
    /// The time of the next look for due deliveries.
    next_look: Millis,
    /// The time of the next correction of due times.
    next_correction: Millis,
    /// The running correction.
    correction: JoinSet<Result<u64, StoreError>>,
    /// The last time that the clock showed.
    last_now: Millis,
    backoff: Backoff,
    /// The end of the pause that follows an error of the store.
    paused_until: Millis,
}

impl QueueTask {
    /// Makes a queue that follows `configs`. It drains once their sender is dropped.
    pub(super) fn new(
        name: Arc<str>,
        services: Arc<Services>,
        mut configs: watch::Receiver<Arc<QueueConfig>>,
    ) -> Self {
        let config = Arc::clone(&configs.borrow_and_update());
        // An earlier queue of this destination may have left it marked as down.
        config.meter.set_down(false);
        Self {
            name,
            services,
            configs,
            config,
            is_draining: false,
            health: Health::Unproven,
            cursor: ProbeCursor::START,
            last_requeue: None,
            suspects: Suspects::default(),
            waiting: VecDeque::new(),
            is_alone: false,
            attempts: JoinSet::new(),
            may_have_more: true,
            next_look: 0,
            next_correction: 0,
            correction: JoinSet::new(),
            last_now: 0,
            backoff: Backoff::of_store(),
            paused_until: 0,
        }
    }

    /// Works until it must drain, and then lets its attempts end.
    pub(super) async fn run(mut self) {
        while !self.is_draining {
            self.step().await;
        }
        for suspect in std::mem::take(&mut self.waiting) {
            self.release(suspect).await;
        }
        while let Some(ended) = self.attempts.join_next().await {
            self.ended(ended);
        }
        self.config.meter.set_down(false);
    }

    /// Does what is due, or waits.
    async fn step(&mut self) {
        let now = self.services.clock.now();
        self.follow_clock(now);
        if self.next_correction <= now && self.correction.is_empty() {
            self.correct_due(now);
        }
        if self.attempts.is_empty() {
            self.is_alone = false;
            if let Some(suspect) = self.waiting.pop_front() {
                return self.try_suspect(suspect, now).await;
            }
        }
        let (capacity, from) = self.capacity();
        if capacity > 0 && from <= now {
            if self.may_have_more {
                return self.claim(capacity, now).await;
            }
            if self.next_look <= now {
                return self.look_for_due(now).await;
            }
        }
        let look = self.next_look.max(self.paused_until);
        if from > now && look <= now && self.health.is_down() {
            return self.look_for_requeue(now).await;
        }
        let next = match (self.may_have_more, self.health.is_down()) {
            (true, false) => from,
            (true, true) => from.min(look),
            (false, false) => from.max(look),
            (false, true) => look,
        };
        self.wait((capacity > 0).then_some(next)).await;
    }

    /// Returns how many more attempts may start, and the time from which they may.
    fn capacity(&self) -> (usize, Millis) {
        if self.is_alone || !self.waiting.is_empty() {
            return (0, self.paused_until);
        }
        let concurrency = self.config.queue.concurrency;
        let (capacity, from) = self.health.capacity(concurrency, self.attempts.len());
        (capacity, from.max(self.paused_until))
    }

    /// Moves all times so that a clock that was put back delays nothing.
    fn follow_clock(&mut self, now: Millis) {
        if now < self.last_now {
            self.next_correction = now;
        }
        self.last_now = now;
        self.health.follow_clock(now);
        self.next_look = at_most(self.next_look, millis(LOOK), now);
        self.paused_until = at_most(self.paused_until, millis(self.backoff.most()), now);
    }

    /// Waits for a change, or until `until`.
    async fn wait(&mut self, until: Option<Millis>) {
        let is_idle = until.is_some() && !self.may_have_more;
        let (clock, work) = (&self.services.clock, &self.config.queue.work);
        tokio::select! {
            biased;
            changed = self.configs.changed() => self.reconfigure(changed.is_ok()),
            Some(ended) = self.attempts.join_next() => self.ended(ended),
            Some(ended) = self.correction.join_next() => {
                // After an error, the next correction is a minute away.
                if let Ok(Ok(corrected @ 1..)) = ended {
                    self.corrected(corrected);
                }
            }
            () = work.notified(), if is_idle => self.may_have_more = true,
            () = clock.until(until.unwrap_or_default(), self.last_now), if until.is_some() => {}
        }
    }

    /// Claims only as many deliveries as may start now: other gates do not see a claimed one that
    /// waits.
    async fn claim(&mut self, capacity: usize, now: Millis) {
        let config = Arc::clone(&self.config);
        let lease = self.lease();
        match self.claim_from_store(capacity, lease).await {
            Ok(claims) => {
                self.backoff.reset();
                self.may_have_more = claims.len() >= capacity;
                self.next_look = now + millis(SOON);
                let purpose = self.purpose();
                // An attempt at a claimed event may just have ended.
                while let Some(ended) = self.attempts.try_join_next() {
                    self.ended(ended);
                }
                let claims = claims.into_iter().map(|claim| Attempt {
                    claim,
                    config: Arc::clone(&config),
                    lease_ends: now + millis(lease),
                    purpose,
                });
                self.start(claims.collect()).await;
            }
            Err(error) => self.pause(now, &error),
        }
    }

    /// Claims the oldest deliveries, or the next probe while the destination is not known to be up.
    async fn claim_from_store(
        &mut self,
        capacity: usize,
        lease: Duration,
    ) -> Result<Vec<Claim>, StoreError> {
        let store = &self.services.inbox.store;
        if matches!(self.health, Health::Up { .. }) {
            return store.claim(&self.name, capacity, lease).await;
        }
        let claim = store.claim_next(&self.name, self.cursor, lease).await?;
        if let Some(claim) = &claim {
            self.cursor = ProbeCursor::of(claim);
        }
        Ok(claim.into_iter().collect())
    }

    /// Returns a lease that is long enough for an attempt. If there are suspects, which wait for
    /// other attempts to end, it is long enough for one of those, too.
    fn lease(&self) -> Duration {
        let timeout = self.config.queue.timeout;
        let before = if self.suspects.is_empty() {
            Duration::ZERO
        } else {
            timeout
        };
        before + timeout + MARGIN
    }

    fn purpose(&self) -> Purpose {
        if self.health.is_down() {
            Purpose::Probe
        } else {
            Purpose::Deliver
        }
    }

    async fn start(&mut self, attempts: Vec<Attempt>) {
        // The sender may have been dropped while the store was at work.
        self.is_draining |= self.configs.has_changed().is_err();
        for attempt in attempts {
            let must_be_alone = self.suspects.must_be_alone(attempt.claim.event.id);
            if self.is_draining || attempt.is_too_late(self.services.clock.now()) {
                self.release(attempt).await;
            } else if must_be_alone && attempt.purpose == Purpose::Deliver {
                self.waiting.push_back(attempt);
            } else {
                self.spawn(attempt);
            }
        }
    }

    /// Tries a suspect while no other attempt runs.
    async fn try_suspect(&mut self, mut suspect: Attempt, now: Millis) {
        if self.health.is_down() || suspect.is_too_late(now) {
            self.may_have_more = true;
            return self.release(suspect).await;
        }
        suspect.purpose = Purpose::Suspect;
        self.is_alone = true;
        self.spawn(suspect);
    }

    fn spawn(&mut self, attempt: Attempt) {
        let is_alone = self.attempts.is_empty();
        let baseline = self.suspects.baseline(attempt.claim.event.id, is_alone);
        self.attempts
            .spawn(attempt.run(baseline, Arc::clone(&self.services)));
    }

    /// Gives a claim back. If the store fails, the lease ends by itself.
    async fn release(&self, attempt: Attempt) {
        let (lease, ends) = (&attempt.claim.lease, attempt.lease_ends);
        let _ = settle(&self.services, lease, &Settlement::Released, ends).await;
    }

    /// Asks the store when the next delivery is due.
    async fn look_for_due(&mut self, now: Millis) {
        match self.services.inbox.store.next_due(&self.name).await {
            Ok(left) => {
                self.backoff.reset();
                self.may_have_more = left == Some(Duration::ZERO);
                // Counted from before the request: rather early than late.
                self.next_look = now + millis(left.map_or(LOOK, |left| left.min(LOOK)));
            }
            Err(error) => self.pause(now, &error),
        }
    }

    /// Asks the store whether an operator has requeued deliveries, through any gate.
    async fn look_for_requeue(&mut self, now: Millis) {
        match self.services.inbox.store.last_requeue(&self.name).await {
            Ok(last) => {
                self.backoff.reset();
                self.next_look = now + millis(LOOK);
                let known = self.last_requeue.replace(last);
                if known.is_some_and(|known| known != last) {
                    self.health.recheck();
                    self.may_have_more = true;
                }
            }
            Err(error) => self.pause(now, &error),
        }
    }

    /// Starts to correct due times. Deliveries go on meanwhile.
    fn correct_due(&mut self, now: Millis) {
        self.next_correction = now + millis(CORRECT);
        let corrected = self.services.inbox.store.correct_due(&self.name);
        self.correction.spawn(corrected);
    }

    fn corrected(&mut self, corrected: u64) {
        // A correction is limited, so more due times may be wrong.
        self.next_correction = self.last_now;
        self.may_have_more = true;
        DeliveryLog::corrected(&self.name, corrected);
    }

    /// Pauses after an error of the store.
    fn pause(&mut self, now: Millis, error: &StoreError) {
        if self.backoff.is_fresh() {
            self.services.log.stuck(&self.name, error);
        }
        self.paused_until = now + millis(self.backoff.failed());
    }

    fn ended(&mut self, ended: Result<Evidence, JoinError>) {
        match ended {
            Ok(evidence) => self.take_up(evidence),
            Err(error) => {
                tracing::error!(destination = &*self.name, %error, "attempt panicked");
            }
        }
    }

    /// Takes up the evidence of an attempt.
    fn take_up(&mut self, evidence: Evidence) {
        let is_probe = evidence.purpose == Purpose::Probe;
        let event = evidence.cursor.event;
        if evidence.signal == HealthSignal::Up {
            self.suspects.responded(event);
        } else if !is_probe {
            let was_alone = evidence.purpose == Purpose::Suspect;
            self.suspects.add(event, evidence.fault, was_alone);
        }
        // A failed event may be due again.
        self.may_have_more |= evidence.signal != HealthSignal::Up;
        let change = self.health.observe(evidence.signal, is_probe, evidence.at);
        self.health.bound(self.config.queue.concurrency);
        let Some(change) = change else {
            return;
        };
        DeliveryLog::health_changed(&self.config.queue.destination, change);
        if change == HealthChange::WentDown {
            self.cursor = evidence.cursor;
            self.last_requeue = None;
            self.next_look = evidence.at;
        }
        self.config.meter.set_down(change == HealthChange::WentDown);
    }

    /// Takes up a new configuration. Without one the queue drains.
    fn reconfigure(&mut self, has_config: bool) {
        self.is_draining = !has_config;
        self.config = Arc::clone(&self.configs.borrow_and_update());
        self.config.meter.set_down(self.health.is_down());
        self.health.recheck();
        self.may_have_more = true;
    }
}
