//! Operators that purge, replay, retry and move deliveries, and a stranger who changes the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{gate::Gate, rows::Row, world::World};
use crate::inbox::operations::{Action, DeliveryFilter, JobRequest};

impl Gate {
    /// Starts a job on some of the stored events.
    pub(super) fn operate(&mut self, world: &Arc<World>) {
        let Some(ids) = world.some_events() else {
            return;
        };
        let mut random = world.random();
        let action = *random.pick(&[Action::Purge, Action::Replay, Action::Retry, Action::Move]);
        let to = (action == Action::Move).then(|| (**random.pick(&self.configured)).to_owned());
        let rate = random.chance(30).then_some(0.5);
        let is_cancelled = random.chance(15);
        drop(random);
        world.permit(action, &ids, to.as_deref());
        let request = JobRequest {
            action,
            selection: DeliveryFilter {
                ids: ids.clone(),
                ..DeliveryFilter::default()
            },
            to,
            rate,
        };
        let (id, jobs, world) = (self.id, Arc::clone(&self.jobs), Arc::clone(world));
        world.note(format_args!(
            "gate {id}: {} of {ids:?} to {:?}",
            action.as_str(),
            request.to
        ));
        self.serve(async move {
            let Ok(created) = jobs.create(request).await else {
                return;
            };
            let started = jobs.start(created.id).is_ok();
            if started && is_cancelled {
                let cancelled = jobs.cancel(created.id).await;
                world.note(format_args!("gate {id}: cancelled: {}", cancelled.is_ok()));
            }
        });
    }
}

impl World {
    fn some_events(&self) -> Option<Vec<Uuid>> {
        let stored = self.events(|_| true);
        if stored.is_empty() {
            return None;
        }
        let mut random = self.random();
        let count = random.between(1, 3);
        let chosen: BTreeSet<Uuid> = (0..count).map(|_| *random.pick(&stored)).collect();
        Some(chosen.into_iter().collect())
    }

    /// Returns the stored events with such deliveries.
    fn events(&self, is_such: impl Fn(&Row) -> bool) -> Vec<Uuid> {
        let ledger = self.ledger();
        let rows = ledger.rows.iter().filter(|(_, row)| is_such(row));
        let events: BTreeSet<Uuid> = rows.map(|((event, _), _)| *event).collect();
        events.into_iter().collect()
    }

    /// Notes what a job may do.
    fn permit(&self, action: Action, ids: &[Uuid], to: Option<&str>) {
        let mut ledger = self.ledger();
        match (action, to) {
            (Action::Purge, _) => ledger.purged.extend(ids),
            (Action::Move, Some(to)) => {
                for id in ids {
                    let moved: &mut BTreeMap<_, BTreeSet<String>> = &mut ledger.moved;
                    moved.entry(*id).or_default().insert(to.to_owned());
                }
            }
            _ => ledger.requeued.extend(ids),
        }
    }

    /// Changes an event or a delivery in the store behind the gate's back.
    pub(super) fn tamper(&self) {
        // Only a pending event can still be sent.
        let mut events = self.events(Row::is_pending);
        if events.is_empty() || self.random().chance(30) {
            events = self.events(|_| true);
        }
        if events.is_empty() {
            return;
        }
        let target = *self.random().pick(&events);
        let mut ledger = self.ledger();
        let Some(digest) = ledger.sent.get(&target).map(|sent| sent.digest) else {
            return;
        };
        let alike = ledger.sent.iter().filter(|(_, sent)| sent.digest == digest);
        let alike: Vec<Uuid> = alike.map(|(id, _)| *id).collect();
        ledger.tampered.extend(alike);
        drop(ledger);
        let database = self.database();
        let db = database.connection();
        let kind = self.random().below(6);
        let sql = [
            "UPDATE content SET bytes = cast('x' || substr(bytes, 2) AS BLOB)
                 WHERE body = (SELECT body FROM event WHERE id = ?)",
            "UPDATE event SET head = cast(substr(head, 1, length(head) - 1) || 'x' AS BLOB) WHERE id = ?",
            "UPDATE event SET copy = copy + 1 WHERE id = ?",
            "UPDATE delivery SET queue = 'app0' WHERE event = ?1
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = ?1 AND queue = 'app0')",
            "UPDATE event SET endpoint = CASE endpoint WHEN 'orders' THEN 'carts' ELSE 'orders' END
                 WHERE id = ?",
            "UPDATE event SET head = (SELECT head FROM event WHERE id <> ?1 ORDER BY id DESC LIMIT 1)
                 WHERE id = ?1",
        ];
        let sql = sql[usize::try_from(kind).expect("a small number")];
        // A change that breaks a rule of the tables has no effect.
        let changed = db.execute(sql, [target.as_bytes()]);
        self.note(format_args!(
            "a stranger changes {target} by way {kind}: {changed:?}"
        ));
        self.take_up(db);
    }
}
