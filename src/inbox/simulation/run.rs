//! One run: takes random steps until its time is over, ends all faults, and waits until nothing is
//! pending.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    time::{advance, sleep},
};

use super::{
    app::Mood,
    bug::Bug,
    client::Content,
    gate::Gate,
    ledger::GateId,
    outcome::Outcome,
    rows::Key,
    store::{Trouble, TroubleKind},
    world::World,
};
use crate::runtime::{clock::Millis, jitter};

/// The simulated hours of a run.
pub(super) const HOURS: u64 = 40;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The time within which everything is delivered once faults have ended: longer than each
/// schedule with its leases.
const LONGEST: u64 = 4 * HOUR;

/// The longest step while deliveries are due that no gate takes, because their app is down.
const LONGEST_STEP: u64 = 2 * MINUTE;

/// Runs a seed, perhaps with a planted bug.
pub(super) fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    jitter::seed(seed);
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let mut run = Run::new(seed, bug);
        run.work().await;
        run.outcome(seed)
    })
}

struct Run {
    world: Arc<World>,
    gates: Vec<Option<Gate>>,
    /// The time of the next start of each gate that does not run.
    starts: Vec<u64>,
    next_id: GateId,
    configured: Vec<Arc<str>>,
    contents: Vec<Content>,
}

impl Run {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let world = Arc::new(World::new(seed, bug));
        let count = world.plan.gates;
        let line = format!("{:?}", world.plan);
        world.note(format_args!("{line}"));
        Self {
            configured: world
                .plan
                .names
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            world,
            gates: (0..count).map(|_| None).collect(),
            starts: vec![0; count],
            next_id: 1,
            contents: Vec::new(),
        }
    }

    async fn work(&mut self) {
        while self.now() < HOURS * HOUR && self.is_sound() {
            let pause = self.pause();
            self.pass(self.now() + pause).await;
            self.act().await;
            self.interrupt().await;
            self.check();
        }
        self.end().await;
    }

    /// Stops a gate or sets a clock at times, while the last act has its effects.
    async fn interrupt(&mut self) {
        let faults = &self.world.plan.faults;
        let (crashes, clocks) = (faults.crashes, faults.clocks);
        let [stops, sets] = [8, 8].map(|percent| self.world.random().chance(percent));
        if crashes || self.has_failed() {
            // A commit takes a few milliseconds.
            let most = *self.world.random().pick(&[10, 200]);
            let moment = self.world.random().below(most);
            self.pass(self.now() + moment).await;
            let is_fragile = self.has_failed() || self.world.is_unsynced();
            if crashes && stops || is_fragile && self.world.random().chance(30) {
                self.stop().await;
            }
        }
        if clocks && sets {
            let moment = self.world.random().below(5 * SECOND);
            self.pass(self.now() + moment).await;
            self.set_clock();
        }
    }

    fn outcome(self, seed: u64) -> Outcome {
        let ledger = self.world.ledger();
        let trace = self.world.trace();
        Outcome {
            seed,
            hash: trace.hash(),
            accepted: ledger.accepted.values().sum(),
            power_cuts: ledger.power_cuts,
            violation: ledger.violation.clone(),
            trace: trace.to_string(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.world.elapsed()).expect("time passes")
    }

    fn is_sound(&self) -> bool {
        self.world.ledger().violation.is_none()
    }

    /// Returns the time until the next act: often so short that work is under way.
    fn pause(&self) -> u64 {
        let mut random = self.world.random();
        match random.below(100) {
            0..30 => random.below(2 * SECOND),
            30..50 => random.below(20 * SECOND),
            50..60 => random.below(2 * MINUTE),
            60..80 => random.below(HOUR),
            _ => random.below(10 * HOUR),
        }
    }

    fn check(&self) {
        self.world.check();
        let gates: Vec<_> = self.gates.iter().flatten().collect();
        self.world.check_departures(&gates);
        let day = Millis::try_from(12 * HOUR).expect("a short time");
        let before = self.world.elapsed() - day;
        self.world.ledger().forget_before(before);
    }

    /// Lets time pass: in small steps while something is under way, and otherwise at once.
    async fn pass(&mut self, until: u64) {
        let mut step = SECOND;
        let mut activity = None;
        while self.now() < until && self.is_sound() {
            self.start_due();
            let left = until - self.now();
            let is_quiet = activity == Some(self.world.activity()) && !self.world.is_busy();
            activity = Some(self.world.activity());
            if !is_quiet {
                step = SECOND;
                sleep(Duration::from_millis(left.min(step))).await;
                continue;
            }
            let free = match self.until_due() {
                Some(0) => step,
                Some(due) => due,
                None => left,
            };
            step = (step * 4).min(LONGEST_STEP);
            let free = free.min(left).min(self.until_start());
            advance(Duration::from_millis(free)).await;
            sleep(Duration::from_millis(1)).await;
        }
        self.start_due();
    }

    /// Returns the time until a delivery is due that some gate serves.
    fn until_due(&self) -> Option<u64> {
        let now = self.world.store_clock.now();
        let ledger = self.world.ledger();
        let gates = || self.gates.iter().flatten();
        let is_served =
            |queue: &str| gates().any(|gate| gate.configured.iter().any(|own| **own == *queue));
        let rows = ledger.rows.iter();
        let pending = rows.filter(|((_, queue), row)| row.is_pending() && is_served(queue));
        let due = pending.map(|(_, row)| row.due).min()?;
        Some(u64::try_from(due - now).unwrap_or_default())
    }

    fn until_start(&self) -> u64 {
        let stopped = self
            .gates
            .iter()
            .zip(&self.starts)
            .filter(|(gate, _)| gate.is_none());
        let next = stopped.map(|(_, at)| at.saturating_sub(self.now())).min();
        next.unwrap_or(u64::MAX)
    }

    fn start_due(&mut self) {
        let now = self.now();
        for machine in 0..self.gates.len() {
            if self.gates[machine].is_none() && self.starts[machine] <= now {
                let gate = Gate::start(&self.world, self.next_id, machine, &self.configured);
                self.next_id += 1;
                self.gates[machine] = Some(gate);
            }
        }
    }

    /// Does one thing at random.
    async fn act(&mut self) {
        let faults = &self.world.plan.faults;
        let (apps, store, syncs) = (faults.apps, faults.store, faults.syncs);
        let (crashes, clocks, reloads) = (faults.crashes, faults.clocks, faults.reloads);
        let (operators, tampering) = (faults.operators, faults.tampering);
        let act = self.world.random().below(100);
        match act {
            0..50 => self.send(),
            50..62 if apps => self.change_mood(),
            62..70 if store => self.trouble(),
            70..72 if syncs => self.befall(TroubleKind::FailsSync, HOUR, 100),
            72..79 if crashes => self.stop().await,
            79..84 if clocks => self.set_clock(),
            84..88 if reloads => self.reload(),
            88..96 if operators => {
                let world = Arc::clone(&self.world);
                if let Some(gate) = self.some_gate() {
                    gate.operate(&world);
                }
            }
            96..100 if tampering => self.world.tamper(),
            _ => {}
        }
    }

    /// Returns whether the store of a running gate has failed.
    fn has_failed(&self) -> bool {
        let ledger = self.world.ledger();
        let mut running = self.gates.iter().flatten();
        running.any(|gate| ledger.failed.contains(&gate.id))
    }

    fn some_gate(&mut self) -> Option<&mut Gate> {
        let mut running: Vec<_> = self.gates.iter_mut().flatten().collect();
        if running.is_empty() {
            return None;
        }
        let index = self.world.random().below(running.len() as u64);
        Some(running.swap_remove(usize::try_from(index).expect("an index")))
    }

    fn send(&mut self) {
        let world = Arc::clone(&self.world);
        let count = world.random().between(1, 4);
        for _ in 0..count {
            let (content, is_first) = world.content(&mut self.contents);
            if let Some(gate) = self.some_gate() {
                gate.send(&world, &content, is_first);
            }
        }
        let old = self.contents.len().saturating_sub(8);
        self.contents.drain(..old);
    }

    fn change_mood(&mut self) {
        let world = &self.world;
        let mut random = world.random();
        let name = random.pick(&world.plan.names).clone();
        let mood = *random.pick(&Mood::BAD);
        let time = random
            .between(MINUTE, 2 * HOUR)
            .min(random.between(MINUTE, HOUR));
        drop(random);
        let until = Millis::try_from(self.now() + time).expect("a time");
        world.note(format_args!("{name} is {mood:?} until {until}"));
        let mut moods = world.moods.lock().expect("no panic");
        moods.insert(name, (mood, until));
    }

    fn trouble(&mut self) {
        let kind = *self.world.random().pick(&TroubleKind::PASSING);
        let (time, percent) = {
            let mut random = self.world.random();
            (random.between(SECOND, 5 * MINUTE), random.between(10, 100))
        };
        self.befall(kind, time, percent);
    }

    fn befall(&mut self, kind: TroubleKind, time: u64, percent: u64) {
        let until = Millis::try_from(self.now() + time).expect("a time");
        let Some(id) = self.some_gate().map(|gate| gate.id) else {
            return;
        };
        let world = &self.world;
        world.note(format_args!(
            "gate {id}: its store {kind:?} in {percent} % until {until}"
        ));
        let trouble = Trouble {
            kind,
            until,
            percent,
        };
        world.troubles.lock().expect("no panic").insert(id, trouble);
    }

    /// Stops a gate, which starts again later.
    async fn stop(&mut self) {
        let machine = self.some_gate().map(|gate| gate.machine);
        let Some(gate) = machine.and_then(|machine| self.gates[machine].take()) else {
            return;
        };
        let (machine, id) = (gate.machine, gate.id);
        if self.world.random().chance(70) {
            gate.crash();
        } else {
            gate.drain().await;
        }
        // The tasks of the gate end.
        sleep(Duration::from_millis(1)).await;
        self.world.troubles.lock().expect("no panic").remove(&id);
        self.world.restart_machine();
        let pause = self.world.random().below(3 * MINUTE);
        self.starts[machine] = self.now() + pause;
    }

    fn set_clock(&self) {
        let world = &self.world;
        let mut random = world.random();
        let clock = random.below(world.plan.gates as u64 + 1);
        let by = random.between(1, 2 * HOUR).min(random.between(1, 2 * HOUR));
        let by = Millis::try_from(by).expect("a short time");
        let by = if random.chance(50) { by } else { -by };
        drop(random);
        world.note(format_args!("clock {clock} is set by {by} ms"));
        world.shift(usize::try_from(clock).expect("a small number"), by);
    }

    fn reload(&mut self) {
        let world = Arc::clone(&self.world);
        let names = world.plan.names.iter().map(|name| Arc::from(name.as_str()));
        let mut chosen: Vec<Arc<str>> = names.filter(|_| world.random().chance(70)).collect();
        if chosen.is_empty() {
            chosen.push(world.plan.names[0].as_str().into());
        }
        self.configured = chosen;
        let configured = self.configured.clone();
        for gate in self.gates.iter_mut().flatten() {
            // A gate may be forgotten.
            if world.random().chance(80) {
                gate.reload(&configured);
            }
        }
    }

    /// Ends all faults, and waits until nothing is pending.
    async fn end(&mut self) {
        self.world.note(format_args!("faults end"));
        self.world.is_calm.store(true, Relaxed);
        let names = self.world.plan.names.iter();
        self.configured = names.map(|name| name.as_str().into()).collect();
        for machine in 0..self.gates.len() {
            self.starts[machine] = self.now();
            if let Some(gate) = self.gates[machine].take() {
                gate.crash();
            }
        }
        sleep(Duration::from_millis(1)).await;
        self.world.restart_machine();
        let until = self.now() + LONGEST;
        while self.is_sound() && self.pending().is_some() && self.now() < until {
            self.pass(self.now() + MINUTE).await;
        }
        self.check();
        if let Some(key) = self.pending() {
            let text = format!(
                "{key:?} is still pending {} hours after all faults",
                LONGEST / HOUR
            );
            self.world.ledger().violate(3, text);
        }
    }

    fn pending(&self) -> Option<Key> {
        let ledger = self.world.ledger();
        let mut rows = ledger.rows.iter();
        let pending = rows.find(|(_, row)| row.is_pending());
        pending.map(|(key, _)| key.clone())
    }
}
