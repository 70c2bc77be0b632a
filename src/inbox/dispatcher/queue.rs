//! The task of one queue: it claims what may start now, has it attempted, and waits. Queues share nothing but the store, so
//! a slow destination holds up its own queue alone.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

use super::{
    Post, Tools, at_most,
    attempt::{Attempt, Shown, settle},
    backoff::Backoff,
    health::Health,
    lines::Lines,
    millis,
};
use crate::inbox::{
    clock::Millis,
    event::{Claim, Settlement},
    store::StoreError,
};

/// How much longer than an attempt a lease lasts, for the store to note how that ended.
const MARGIN: Duration = Duration::from_secs(15);

/// How often it looks for what nobody told it of: what other gates and commands leave in a store, and a clock that was put
/// forward.
const LOOK: Duration = Duration::from_secs(1);

/// How soon it looks at the earliest after a claim that found nothing more: what is due may be in other hands.
const SOON: Duration = Duration::from_millis(100);

/// A queue at work.
pub(super) struct Queue {
    name: Arc<str>,
    tools: Arc<Tools>,
    orders: watch::Receiver<Arc<Post>>,
    post: Arc<Post>,
    leaving: bool,
    health: Health,
    under_way: JoinSet<Shown>,
    /// Whether more may be due.
    more: bool,
    /// When to look whether more is due.
    look: Millis,
    backoff: Backoff,
    /// After an error of the store: until when it is left alone.
    rest: Millis,
}

impl Queue {
    /// A queue that follows `orders`, until their sender is gone.
    pub(super) fn new(
        name: Arc<str>,
        tools: Arc<Tools>,
        mut orders: watch::Receiver<Arc<Post>>,
    ) -> Self {
        let post = Arc::clone(&orders.borrow_and_update());
        Self {
            name,
            tools,
            orders,
            post,
            leaving: false,
            health: Health::Unproven,
            under_way: JoinSet::new(),
            more: true,
            look: 0,
            backoff: Backoff::of_store(),
            rest: 0,
        }
    }

    /// Works until it is to leave, and then lets end what is under way.
    pub(super) async fn run(mut self) {
        while !self.leaving {
            self.turn().await;
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.ended(ended);
        }
    }

    async fn turn(&mut self) {
        let now = self.tools.clock.now();
        self.follow_clock(now);
        let concurrency = self.post.queue.concurrency;
        let (room, from) = self.health.room(concurrency, self.under_way.len());
        let from = from.max(self.rest);
        if room > 0 && from <= now {
            if self.more {
                return self.claim(room, now).await;
            }
            if self.look <= now {
                return self.look_ahead(now).await;
            }
        }
        let next = if self.more { from } else { from.max(self.look) };
        self.wait((room > 0).then_some(next)).await;
    }

    /// Has a clock that was put back hold up nothing.
    fn follow_clock(&mut self, now: Millis) {
        self.health.follow_clock(now);
        self.look = at_most(self.look, millis(LOOK), now);
        self.rest = at_most(self.rest, millis(self.backoff.most()), now);
    }

    /// Waits until something has changed, or it is so late.
    async fn wait(&mut self, until: Option<Millis>) {
        let idle = until.is_some() && !self.more;
        let (clock, work) = (&self.tools.clock, &self.post.queue.work);
        tokio::select! {
            changed = self.orders.changed() => self.follow(changed.is_ok()),
            Some(ended) = self.under_way.join_next() => self.ended(ended),
            () = work.notified(), if idle => self.more = true,
            () = clock.until(until.unwrap_or_default()), if until.is_some() => {}
        }
    }

    /// Claims what may start now, and no more: what is claimed and waits is hidden from other gates.
    async fn claim(&mut self, room: usize, now: Millis) {
        let post = Arc::clone(&self.post);
        let lease = post.queue.timeout + MARGIN;
        let claimed = self.tools.inbox.store.claim(&self.name, room, lease);
        match claimed.await {
            Ok(claims) => {
                self.backoff.reset();
                self.more = claims.len() >= room;
                self.look = now + millis(SOON);
                self.start(claims, &post, now + millis(lease)).await;
            }
            Err(error) => self.stumble(now, &error),
        }
    }

    async fn start(&mut self, claims: Vec<Claim>, post: &Arc<Post>, held_until: Millis) {
        // Said, perhaps, while the store was at work.
        self.leaving |= self.orders.has_changed().is_err();
        let too_late = self.tools.clock.now() + millis(post.queue.timeout) > held_until;
        if self.leaving || too_late {
            for claim in claims {
                let released = Settlement::Released;
                // What cannot be given back comes back by itself.
                let _ = settle(&self.tools, &claim.lease, released, held_until).await;
            }
            return;
        }
        let probe = self.health.is_down();
        for claim in claims {
            let attempt = Attempt {
                claim,
                post: Arc::clone(post),
                held_until,
                probe,
            };
            self.under_way.spawn(attempt.run(Arc::clone(&self.tools)));
        }
    }

    async fn look_ahead(&mut self, now: Millis) {
        match self.tools.inbox.store.next_due(&self.name).await {
            Ok(left) => {
                self.backoff.reset();
                self.more = left == Some(Duration::ZERO);
                // From before the store was asked: rather a little early than late.
                self.look = now + millis(left.map_or(LOOK, |left| left.min(LOOK)));
            }
            Err(error) => self.stumble(now, &error),
        }
    }

    fn stumble(&mut self, now: Millis, error: &StoreError) {
        if self.backoff.is_fresh() {
            self.tools.lines.stuck(&self.name, error);
        }
        self.rest = now + millis(self.backoff.failed());
    }

    fn ended(&mut self, ended: Result<Shown, JoinError>) {
        match ended {
            Ok(shown) => {
                let Shown { sign, probe, at } = shown;
                if let Some(change) = self.health.saw(sign, probe, at) {
                    Lines::changed(&self.name, change);
                }
            }
            Err(error) => {
                tracing::error!(destination = &*self.name, %error, "an attempt has panicked");
            }
        }
    }

    fn follow(&mut self, goes_on: bool) {
        self.leaving = !goes_on;
        self.post = Arc::clone(&self.orders.borrow_and_update());
        self.health.recheck();
        self.more = true;
    }
}
