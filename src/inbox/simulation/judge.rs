//! Judges each change of a delivery in the store.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    ledger::{GateId, Hold, Ledger},
    plan::FEWEST_WAITS,
    rows::{self, Key, Row, Rows},
};
use crate::{delivery::event::DeliveryState, runtime::clock::Millis};

/// The circumstances of a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// The gate that made the change; none for the simulation's own.
    pub(super) gate: Option<GateId>,
    /// The time by a clock that is never set.
    pub(super) at: Millis,
    /// The same, with all that the store's clock was put forward. A lease ends by this time.
    pub(super) store_at: Millis,
    /// The latest time that any clock shows.
    pub(super) latest: Millis,
    pub(super) retain: Millis,
    pub(super) copies: usize,
}

impl Ledger {
    /// Judges the changes that one job made, and takes up the new rows.
    pub(super) fn observe(&mut self, new: Rows, now: Circumstances) {
        let old = std::mem::take(&mut self.rows);
        let arrived: Vec<&Key> = new.keys().filter(|key| !old.contains_key(*key)).collect();
        self.rows = old;
        for key in &arrived {
            self.judge_arrival(key, &new[*key], now);
        }
        let arrived: BTreeSet<Uuid> = arrived.iter().map(|(event, _)| *event).collect();
        for event in arrived {
            self.judge_recipients(event, &new, now);
        }
        let old = std::mem::take(&mut self.rows);
        for (key, before) in &old {
            match new.get(key) {
                None => self.judge_end(key, before, now),
                Some(after) if after != before => self.judge_change(key, before, after, now),
                Some(_) => {}
            }
        }
        self.rows = new;
    }

    /// Judges whether all that was acknowledged outlives a power cut, by the deliveries before it.
    pub(super) fn judge_power_cut(&mut self, before: &Rows) {
        let rows = std::mem::take(&mut self.rows);
        self.power_cuts += u32::from(*before != rows);
        for key in before.keys().filter(|key| !rows.contains_key(*key)) {
            let (event, queue) = key;
            // The power cut may undo a move, by an operator or a stranger.
            let may_move = self.is_moved(*event) || self.tampered.contains(event);
            let is_left = may_move && rows::has(&rows, *event);
            if self.acknowledged.contains(event) && !is_left {
                let text = format!("{event} was acknowledged, and is lost for {queue}");
                self.violate(1, text);
            }
            if !rows::has(&rows, *event) {
                self.stored.remove(event);
            }
        }
        self.holds
            .retain(|key, _| rows.get(key).is_some_and(|row| row.is_held));
        self.rows = rows;
    }

    fn judge_arrival(&mut self, key: &Key, row: &Row, now: Circumstances) {
        let (event, queue) = key;
        let moves_here = |moved: &BTreeSet<String>| moved.contains(queue);
        if self.moved.get(event).is_some_and(moves_here) {
            return;
        }
        let Some(sent) = self.sent.get(event) else {
            return self.violate(1, format!("{event} was never sent"));
        };
        let is_subscribed = sent.queues.iter().any(|own| **own == **queue);
        let is_left_over = queue.is_empty() && sent.queues.is_empty();
        if !is_subscribed && !is_left_over {
            return self.violate(
                3,
                format!("{event} is for {queue}, which did not ask for it"),
            );
        }
        if self.stored.contains_key(event) {
            return self.violate(1, format!("{event} got {queue} later than the others"));
        }
        if row.copy > 0 && self.undelivered_copies(*event, queue) >= now.copies {
            self.violate(7, format!("{event} is one copy too many for {queue}"));
        }
    }

    /// Judges whether a new event is stored for each destination that lacks it.
    fn judge_recipients(&mut self, event: Uuid, new: &Rows, now: Circumstances) {
        if self.stored.contains_key(&event) || self.violation.is_some() {
            return;
        }
        for queue in self.sent[&event].queues.clone() {
            let key = (event, (*queue).to_owned());
            let is_full = || self.undelivered_copies(event, &queue) >= now.copies;
            if !new.contains_key(&key) && !self.has_holder(event, &queue, now.at) && !is_full() {
                self.violate(
                    8,
                    format!("{event} is not stored for {queue}, which lacks it"),
                );
            }
        }
        let mut own = new.iter().filter(|((id, _), _)| *id == event);
        let copy = own.next().map(|(_, row)| row.copy).unwrap_or_default();
        self.stored.insert(event, copy);
    }

    fn judge_end(&mut self, key: &Key, before: &Row, now: Circumstances) {
        let event = key.0;
        let hold = self.holds.remove(key);
        if before.is_pending() {
            self.ended.insert(key.clone(), now.at);
        }
        if self.purged.contains(&event) || self.is_moved(event) {
            return;
        }
        let is_counted_copy = before.copy > 0 && !before.is_marked;
        if before.is_delivered() {
            let expires = before.last.unwrap_or_default() + now.retain;
            if !is_counted_copy && expires > now.latest {
                self.violate(3, format!("{key:?} is removed before its retention ends"));
            }
        } else if is_counted_copy && self.has_accepted(key) {
            self.judge_settler(key, hold, now);
        } else {
            self.violate(3, format!("{key:?} is removed, and was {:?}", before.state));
        }
    }

    fn judge_change(&mut self, key: &Key, before: &Row, after: &Row, now: Circumstances) {
        if before.state != after.state {
            self.judge_state(key, before, after, now);
        }
        if after.lease > before.lease && after.is_held {
            self.judge_claim(key, after, now);
        } else if before.is_held && !after.is_held {
            let hold = self.holds.remove(key);
            self.judge_settler(key, hold, now);
        }
    }

    fn judge_state(&mut self, key: &Key, before: &Row, after: &Row, now: Circumstances) {
        use DeliveryState::{Dead, Delivered, Pending, Quarantined};
        let event = key.0;
        let is_fair = match (before.state, after.state) {
            (Pending, Delivered) => self.has_accepted(key),
            (Pending, Dead) => self.refused.contains(key) || after.attempts > FEWEST_WAITS,
            (_, Quarantined) => self.tampered.contains(&event),
            (_, Pending) => self.requeued.contains(&event) || self.is_moved(event),
            _ => false,
        };
        if !is_fair {
            let invariant = if after.state == Quarantined { 5 } else { 3 };
            let change = format!("from {:?} to {:?}", before.state, after.state);
            self.violate(invariant, format!("{key:?} goes {change} without a reason"));
        }
        if before.is_pending() {
            self.ended.insert(key.clone(), now.at);
        }
        if before.is_delivered() {
            let accepted = self.accepted.get(key).copied().unwrap_or_default();
            self.void.insert(key.clone(), accepted);
        }
    }

    fn judge_claim(&mut self, key: &Key, after: &Row, now: Circumstances) {
        if let Some(hold) = self.holds.get(key)
            && now.store_at - hold.since < hold.lease
        {
            self.violate(
                4,
                format!("{key:?} is claimed while gate {} holds it", hold.gate),
            );
        }
        let hold = now.gate.map(|gate| Hold {
            gate,
            since: now.store_at,
            lease: after.wait,
        });
        match hold {
            Some(hold) => drop(self.holds.insert(key.clone(), hold)),
            None => self.violate(4, format!("{key:?} is claimed by no gate")),
        }
    }

    /// Judges whether the gate that settled a delivery held it.
    fn judge_settler(&mut self, key: &Key, hold: Option<Hold>, now: Circumstances) {
        let (Some(hold), Some(gate)) = (hold, now.gate) else {
            return;
        };
        if hold.gate != gate && !self.is_moved(key.0) {
            let text = format!(
                "{key:?} is settled by gate {gate}, and gate {} holds it",
                hold.gate
            );
            self.violate(4, text);
        }
    }
}
