//! Watches the conditions of a gate, and sends its alarms.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    admin,
    alarm::AlarmEngine,
    inbox::settings::StoreAddress,
    proxy::shared::{Shared, Stage},
    runtime::{background::run_on_thread, clock::Clock},
};

/// The interval between two looks. Conditions that begin in between share a message.
const INTERVAL: Duration = Duration::from_secs(2);

/// Watches a gate until the future is dropped.
pub(super) async fn watch(gate: Arc<Shared>) {
    let inbox = gate.inbox.as_ref();
    let store = inbox.map(|inbox| Arc::clone(&inbox.store));
    let is_postgres = |store: &StoreAddress| matches!(store, StoreAddress::Postgres(_));
    let shared = inbox.is_some_and(|inbox| is_postgres(&inbox.settings.store));
    let mut engine = AlarmEngine::new(store, shared);
    // The first look comes after the stored profiles were read.
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let receivers = gate.with_config(|config| config.alarms.clone());
        engine.follow(&receivers, &gate.metrics.alarms);
        ticks.tick().await;
        if receivers.is_empty() || gate.stage() != Stage::Serving {
            continue;
        }
        if let Some(inbox) = &gate.inbox {
            inbox.refresh_meter().await;
        }
        // The report of a thousand endpoints takes long, and this thread accepts connections. If the
        // system has no thread, the next look finds the same.
        let reported = Arc::clone(&gate);
        if let Ok(evaluation) = run_on_thread(move || admin::evaluation(&reported)).await {
            engine.compare(&evaluation, Clock::System.now()).await;
        }
    }
}
