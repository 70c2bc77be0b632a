//! The courier: looks for late deliveries at the start, after each reload and from time to time, and
//! delivers them one after the other.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    errand::Errand,
    examination::{Examined, endpoint, examine},
    ledger::{Ledger, Setback},
    retry::until_look,
};
use crate::{
    proxy::{
        shared::{Shared, Stage},
        snapshot::Snapshot,
    },
    rejected::{DirectoryLock, LateState, SavedFile},
    runtime::background::{ThreadError, run_on_thread},
};

pub(super) const TARGET: &str = "cartgate::late";

/// The pause after each delivery, so that an app that was down is not flooded.
const PACE: Duration = Duration::from_millis(50);

/// The time to wait for another gate or an operator who delivers from the directory.
const PATIENCE: Duration = Duration::from_secs(5);

/// Delivers saved rejections that verify by now, until the gate drains. `reloads` changes with each
/// configuration. Returns at once if the gate saves none.
pub(crate) async fn deliver<T>(gate: Arc<Shared>, mut reloads: watch::Receiver<T>) {
    let Some(dir) = gate.rejected.as_ref().map(|own| own.dir().to_owned()) else {
        return;
    };
    let mut courier = Courier::new(gate, dir);
    let mut looks = 0;
    while courier.is_wanted() {
        courier.look().await;
        let wait = courier.wait(until_look(looks));
        tokio::select! {
            changed = reloads.changed() => {
                if changed.is_err() {
                    return;
                }
                looks = 0;
            }
            () = sleep(wait) => looks = looks.saturating_add(1),
        }
    }
}

struct Courier {
    gate: Arc<Shared>,
    dir: PathBuf,
    snapshot: Arc<Snapshot>,
    ledger: Ledger,
    /// The last error of the directory, so that it is logged once.
    error: Option<String>,
}

/// A file that is about to be delivered.
enum LoadedErrand {
    Genuine(Box<Errand>),
    /// Another gate or an operator has delivered it.
    Done(LateState),
    /// It is gone, or does not verify any more: the next look judges it.
    Unknown,
}

impl Courier {
    fn new(gate: Arc<Shared>, dir: PathBuf) -> Self {
        Self {
            snapshot: gate.config(),
            gate,
            dir,
            ledger: Ledger::default(),
            error: None,
        }
    }

    fn is_wanted(&self) -> bool {
        self.gate.stage() == Stage::Serving
    }

    /// Whether the configuration is still the one in force, and the gate serves.
    fn is_current(&self) -> bool {
        self.is_wanted() && Arc::ptr_eq(&self.snapshot, &self.gate.config())
    }

    /// Returns the wait until the next look, or until the next delivery if that is due earlier.
    fn wait(&self, look: Duration) -> Duration {
        match self.ledger.next_due(Instant::now()) {
            Some(due) if self.error.is_none() => look.min(due.max(PACE)),
            _ => look,
        }
    }

    /// Judges new files, and delivers what is due.
    async fn look(&mut self) {
        let result = self.try_look().await;
        self.report(result);
    }

    async fn try_look(&mut self) -> io::Result<()> {
        let config = self.gate.config();
        if !Arc::ptr_eq(&self.snapshot, &config) {
            self.ledger.follow(&self.snapshot, &config);
            self.snapshot = config;
        }
        let (gate, snapshot) = (Arc::clone(&self.gate), Arc::clone(&self.snapshot));
        let is_over = move |snapshot: &Arc<Snapshot>| {
            gate.stage() != Stage::Serving || !Arc::ptr_eq(snapshot, &gate.config())
        };
        let scan = move |ledger: &mut Ledger, dir: &Path| {
            ledger.scan(dir, &snapshot, || is_over(&snapshot))
        };
        if !self.with_ledger(scan).await? {
            return Ok(());
        }
        self.show();
        self.with_ledger(Ledger::mark_done).await?;
        let marked = self.with_ledger(Ledger::mark_waiting).await;
        self.show();
        while self.is_current()
            && let Some(id) = self.ledger.next(Instant::now())
        {
            self.gate.late.set_busy(true);
            let result = self.deliver(id).await;
            self.gate.late.set_busy(false);
            self.show();
            result?;
            sleep(PACE).await;
        }
        marked
    }

    /// Delivers a file while no one else can.
    async fn deliver(&mut self, id: Uuid) -> io::Result<()> {
        let Some(_lock) = DirectoryLock::take(&self.dir, PATIENCE).await? else {
            self.postpone(id, busy());
            return Ok(());
        };
        let (snapshot, file) = (Arc::clone(&self.snapshot), SavedFile::of(&self.dir, id));
        let loaded = on_thread(move || load(&file, &snapshot)).await?;
        // A reload may have removed its secret meanwhile.
        if !self.is_current() {
            return Ok(());
        }
        match loaded {
            LoadedErrand::Genuine(errand) => self.run(id, *errand).await,
            LoadedErrand::Done(state) => {
                self.ledger.note_done(id, state);
                Ok(())
            }
            LoadedErrand::Unknown => {
                self.ledger.entries.remove(&id);
                Ok(())
            }
        }
    }

    async fn run(&mut self, id: Uuid, errand: Errand) -> io::Result<()> {
        let endpoint = Arc::clone(&self.snapshot.endpoint(errand.index).name);
        let secret = errand.verified.secret_name().clone();
        match errand.run(&self.gate, &self.snapshot).await {
            Ok(state) => {
                tracing::info!(
                    target: TARGET,
                    delivery = %id, endpoint = &*endpoint, %secret, state = state.as_str(),
                    "late delivery done"
                );
                self.ledger.finish(id, state);
                self.with_ledger(Ledger::mark_done).await
            }
            Err(setback) => {
                let cause = setback.cause.clone();
                let wait = self.postpone(id, setback);
                let retry = humantime::format_duration(wait).to_string();
                tracing::warn!(
                    target: TARGET,
                    delivery = %id, endpoint = &*endpoint, cause, retry,
                    "late delivery failed; it waits"
                );
                Ok(())
            }
        }
    }

    fn postpone(&mut self, id: Uuid, setback: Setback) -> Duration {
        self.ledger.postpone(id, setback)
    }

    /// Shows the standings, and logs each endpoint that has no more to wait for.
    fn show(&self) {
        let now = self.ledger.standings();
        let before = self.gate.late.show(now.clone());
        for (endpoint, standing) in now {
            let ended = before
                .get(&endpoint)
                .is_some_and(|before| before.waiting > 0 && standing.delivered > before.delivered);
            if standing.waiting == 0 && ended {
                let (delivered, rejected) = (standing.delivered, standing.all());
                tracing::info!(
                    target: TARGET,
                    endpoint = &*endpoint, delivered, rejected, copies = standing.copies,
                    "deliveries rejected during the rotation were delivered"
                );
            }
        }
    }

    /// Logs an error of the directory when it changes.
    fn report(&mut self, result: io::Result<()>) {
        let error = result.err().map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|_| error != self.error) {
            let dir = self.dir.display();
            tracing::error!(target: TARGET, %dir, error, "late deliveries wait: the directory cannot be used");
        }
        self.error = error;
    }

    /// Works on the ledger and the directory on a thread.
    async fn with_ledger<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Ledger, &Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (mut ledger, dir) = (std::mem::take(&mut self.ledger), self.dir.clone());
        let done = on_thread(move || {
            let result = work(&mut ledger, &dir);
            Ok((ledger, result))
        });
        let (ledger, result) = done.await?;
        self.ledger = ledger;
        result
    }
}

/// Reads and verifies a file.
fn load(file: &SavedFile, snapshot: &Snapshot) -> io::Result<LoadedErrand> {
    if let Some(state) = file.late_state().filter(|one| *one != LateState::Waiting) {
        file.unmark_waiting()?;
        return Ok(LoadedErrand::Done(state));
    }
    let Ok(Some(rejection)) = file.read() else {
        return Ok(LoadedErrand::Unknown);
    };
    let Some(index) = endpoint(snapshot, &rejection) else {
        return Ok(LoadedErrand::Unknown);
    };
    match examine(snapshot.endpoint(index), &rejection) {
        Examined::Genuine(verified) => Ok(LoadedErrand::Genuine(Box::new(Errand {
            rejection,
            verified,
            index,
        }))),
        Examined::Refused(_) | Examined::Forged => Ok(LoadedErrand::Unknown),
    }
}

fn busy() -> Setback {
    Setback {
        cause: "another gate or an operator delivers from the same directory".to_owned(),
        is_own: false,
    }
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match run_on_thread(work).await {
        Ok(result) => result,
        // A pause is better than a ledger that forgets what was delivered.
        Err(ThreadError::NoThread { work, .. }) => work(),
        Err(error) => Err(error.into_error()),
    }
}
