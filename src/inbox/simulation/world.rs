//! The parts of a run that its tasks share. All tasks run on one thread, so no lock is contended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use rusqlite::Connection;
use tokio::time::Instant;
use tower_cartgate::Secret;
use uuid::Uuid;

use super::{
    app::Mood,
    bug::Bug,
    judge::Circumstances,
    ledger::{GateId, Ledger},
    plan::Plan,
    random::Random,
    rows,
    store::Trouble,
    trace::Trace,
};
use crate::{
    delivery::seal::{DeliverySeals, Sealer},
    inbox::{settings::Limits, store::sqlite::simulated::Database},
    runtime::clock::{Clock, Millis, millis},
};

/// The time at which a run begins.
const START: Millis = 1_800_000_000_000;

/// The shared parts of a run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) bug: Option<Bug>,
    pub(super) sealer: Sealer,
    random: Mutex<Random>,
    trace: Mutex<Trace>,
    ledger: Mutex<Ledger>,
    database: Mutex<Database>,
    /// The first event with each unique value, for a planted bug.
    pub(super) firsts: Arc<Mutex<BTreeMap<[u8; 32], Uuid>>>,
    /// The database that a power cut would leave, if it differs.
    on_disk: Mutex<Option<Connection>>,
    /// The mood of each app, and its end.
    pub(super) moods: Mutex<BTreeMap<String, (Mood, Millis)>>,
    pub(super) troubles: Mutex<BTreeMap<GateId, Trouble>>,
    /// Whether faults have ended.
    pub(super) is_calm: AtomicBool,
    /// The clock of each gate's machine.
    pub(super) clocks: Vec<Clock>,
    pub(super) store_clock: Clock,
    /// All that the store's clock was put forward.
    forward: AtomicI64,
    begun: Instant,
    open: Arc<AtomicUsize>,
    activity: AtomicU64,
}

/// Something under way, during which time passes in small steps.
pub(super) struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let plan = Plan::of(seed);
        let secret = |text: &str| Secret::new(text).expect("a secret");
        let key = secret("the key of a simulation");
        let encryption = plan.encrypts.then(|| secret("another key, for encryption"));
        let clocks: Vec<_> = (0..plan.gates).map(|_| Clock::simulated(START)).collect();
        let store_clock = match &clocks[..] {
            [only] => only.clone(),
            _ => Clock::simulated(START),
        };
        let limits = Limits {
            copies: match bug {
                Some(Bug::IgnoresCopyLimit) => u32::MAX,
                _ => plan.limits.copies,
            },
            ..plan.limits
        };
        Self {
            sealer: Sealer::new(&key, encryption.as_ref()),
            database: Database::create(limits, DeliverySeals::new(&key)).into(),
            random: Random::new(seed).into(),
            plan,
            bug,
            trace: Mutex::default(),
            ledger: Mutex::default(),
            firsts: Arc::default(),
            on_disk: Mutex::default(),
            moods: Mutex::default(),
            troubles: Mutex::default(),
            is_calm: AtomicBool::new(false),
            clocks,
            store_clock,
            forward: AtomicI64::new(0),
            begun: Instant::now(),
            open: Arc::default(),
            activity: AtomicU64::new(0),
        }
    }

    pub(super) fn random(&self) -> MutexGuard<'_, Random> {
        lock(&self.random)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub(super) fn database(&self) -> MutexGuard<'_, Database> {
        lock(&self.database)
    }

    pub(super) fn trace(&self) -> MutexGuard<'_, Trace> {
        lock(&self.trace)
    }

    /// Adds a line to the log of the run.
    pub(super) fn note(&self, line: fmt::Arguments<'_>) {
        let at = self.elapsed();
        let (hours, rest) = (at / 3_600_000, at % 3_600_000);
        let (minutes, seconds) = (rest / 60_000, rest % 60_000);
        let (seconds, thousandths) = (seconds / 1000, seconds % 1000);
        let line = format!("{hours:3}:{minutes:02}:{seconds:02}.{thousandths:03} {line}");
        self.trace().add(line);
    }

    /// Returns the time since the beginning, which no change of a clock affects.
    pub(super) fn elapsed(&self) -> Millis {
        millis(self.begun.elapsed())
    }

    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Relaxed)
    }

    /// Sets the clock of one machine.
    pub(super) fn shift(&self, clock: usize, by: Millis) {
        let clocks = self.clocks.iter();
        let is_own = self.plan.gates == 1;
        let mut all = clocks.chain((!is_own).then_some(&self.store_clock));
        let of_store = if is_own { 0 } else { self.plan.gates };
        if clock == of_store && by > 0 {
            self.forward.fetch_add(by, Relaxed);
        }
        if let Some(chosen) = all.nth(clock) {
            let mut ledger = self.ledger();
            ledger.latest = ledger.latest.max(chosen.now());
            chosen.shift(by);
        }
    }

    /// Notes that something is under way until the result is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.open.fetch_add(1, Relaxed);
        self.activity.fetch_add(1, Relaxed);
        Busy(Arc::clone(&self.open))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// Returns a number that grows whenever something happens.
    pub(super) fn activity(&self) -> u64 {
        self.activity.load(Relaxed)
    }

    /// Judges the changes in the database since the last look.
    pub(super) fn observe(&self, db: &Connection, gate: Option<GateId>) {
        let mut ledger = self.ledger();
        let changes = rows::changes(db);
        if changes == ledger.changes {
            return;
        }
        ledger.changes = changes;
        let clocks = self.clocks.iter().chain([&self.store_clock]);
        let at = self.elapsed();
        let circumstances = Circumstances {
            gate,
            at,
            store_at: at + self.forward.load(Relaxed),
            latest: clocks.map(Clock::now).fold(ledger.latest, Millis::max),
            retain: millis(self.plan.retain),
            copies: usize::try_from(self.plan.limits.copies).unwrap_or(usize::MAX),
        };
        ledger.latest = circumstances.latest;
        ledger.observe(rows::read(db), circumstances);
    }

    /// Takes up changes of the simulation's own, which are not judged.
    pub(super) fn take_up(&self, db: &Connection) {
        let mut ledger = self.ledger();
        ledger.changes = rows::changes(db);
        ledger.rows = rows::read(db);
    }

    /// Keeps what the disk holds before a commit that is not synced. The server that two gates share
    /// has no power cuts.
    pub(super) fn keep_on_disk(&self) {
        if self.plan.gates > 1 {
            return;
        }
        let mut on_disk = lock(&self.on_disk);
        on_disk.get_or_insert_with(|| self.database().copy());
    }

    /// Writes all to the disk.
    pub(super) fn sync_disk(&self) {
        *lock(&self.on_disk) = None;
    }

    /// Returns whether a power cut would lose a commit.
    pub(super) fn is_unsynced(&self) -> bool {
        lock(&self.on_disk).is_some()
    }

    /// Restarts the machine of a gate that has ended. A power cut loses all that is not synced.
    /// Otherwise the kernel writes it.
    pub(super) fn restart_machine(&self) {
        if self.random().chance(50) {
            self.lose_unsynced();
        } else {
            self.sync_disk();
        }
    }

    /// Continues with what the disk holds.
    fn lose_unsynced(&self) {
        let Some(on_disk) = lock(&self.on_disk).take() else {
            return;
        };
        self.note(format_args!("the power is cut, and a commit is lost"));
        let mut database = self.database();
        database.restore(on_disk);
        let before = std::mem::take(&mut self.ledger().rows);
        self.take_up(database.connection());
        self.ledger().judge_power_cut(&before);
    }

    /// Checks all that the store holds.
    pub(super) fn check(&self) {
        let database = self.database();
        let db = database.connection();
        let contradiction = rows::contradictions(db);
        let totals = rows::totals(db);
        let mut ledger = self.ledger();
        if let Some(what) = contradiction {
            ledger.violate(1, what.to_owned());
        }
        if totals != database.totals() {
            let counted = database.totals();
            ledger.violate(
                1,
                format!("the totals are {counted:?}, and should be {totals:?}"),
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
