//! Admits accepted connections and assigns them to workers.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    admin::FrontDoor,
    net::listener::Incoming,
    proxy::{admission::Holder, shared::Shared, worker::Workers},
};

/// Connections that may receive the response "gate full" at the same time. Further ones are closed
/// without a response.
const TURNED_AWAY: usize = 256;

/// Assigns connections to the workers of a gate.
pub(super) struct Balancer {
    pub(super) workers: Workers,
    turned_away: Arc<Semaphore>,
    gate: Arc<Shared>,
}

impl Balancer {
    pub(super) fn new(workers: Workers, gate: Arc<Shared>) -> Self {
        Self {
            workers,
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            gate,
        }
    }

    /// Assigns a connection to the worker with the fewest, or rejects it if the gate is full.
    pub(super) fn assign(&self, incoming: Incoming) {
        let (holder, rate) = self.gate.with_config(|config| {
            let holder = Holder::of(&incoming.peer, &config.trusted_hops);
            (holder, config.timeouts.body_rate)
        });
        if let Some(member) = self.gate.connections.admit(holder, rate) {
            self.workers.serve(incoming, member);
        } else if let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() {
            self.workers.turn_away(incoming, permit);
        }
    }
}

impl FrontDoor for Balancer {
    fn enter(&self, incoming: Incoming) {
        self.assign(incoming);
    }
}
