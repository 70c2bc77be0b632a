//! Hands refused deliveries from the workers to the thread that writes them, and says in the log that
//! it does. A worker only copies a head and shares the body's bytes; what does not fit is dropped and
//! counted, so that a full or slow disk holds up no answer.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::request::Parts;

use super::{Refused, Settings, Source};
use crate::{
    endpoint::Endpoint,
    proxy::context::RequestContext,
    rejected::{
        directory::{Placed, Shelf},
        rate::Pace,
    },
};

/// Deliveries that may wait to be written. A small body, which the gate's memory does not count, keeps
/// no more than a read buffer alive: some MiB for all that wait.
const WAITING: usize = 64;

/// Bytes of bodies that may wait. They stay counted in the gate's memory, and a stalled disk must not
/// take all of that from the deliveries that are still to come. A longer body waits alone.
const WAITING_BYTES: u64 = 4 * 1024 * 1024;

/// How often the directory is read anew, and how often the log says what was kept, at most.
const TICK: Duration = Duration::from_secs(60);

/// Keeps refused deliveries. Dropped, its thread ends.
#[derive(Debug)]
pub struct Keeper {
    inbox: SyncSender<Item>,
    waiting: Arc<Waiting>,
    counters: Arc<Counters>,
}

/// What a keeper has done since it began.
#[derive(Debug, Default)]
pub struct Counters {
    kept: AtomicU64,
    dropped: AtomicU64,
}

struct Item {
    refused: Refused,
    _place: Place,
    /// Its end gives the body's memory back.
    _exchange: Arc<RequestContext>,
}

impl Counters {
    /// Deliveries that were written.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept.load(Relaxed)
    }

    /// Deliveries that were to be kept and were not: too many at once, too large, or no room on disk.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl Keeper {
    /// Opens the directory and starts the thread.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made, read or written; the error names it.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let pace = Pace::new(settings.share, Instant::now());
        let shelf = Shelf::open(settings)?;
        let (inbox, items) = sync_channel(WAITING);
        let counters = Arc::<Counters>::default();
        let scribe = Scribe {
            shelf,
            pace,
            counters: Arc::clone(&counters),
            report: Report::default(),
        };
        std::thread::Builder::new()
            .name("cartgate-keeper".to_owned())
            .spawn(move || scribe.work(&items))?;
        Ok(Self {
            inbox,
            waiting: Arc::default(),
            counters,
        })
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether something waits to be written.
    pub(crate) fn is_busy(&self) -> bool {
        self.waiting.lock().count > 0
    }

    /// Hands on a delivery whose signature no secret makes, if there is room.
    pub(crate) fn consider(
        &self,
        exchange: &Arc<RequestContext>,
        endpoint: &Endpoint,
        head: &Parts,
        forged: &[Bytes],
    ) {
        let length = forged.iter().map(|piece| piece.len() as u64).sum();
        // Before anything is copied: most of a flood ends here.
        let handed_on = self.waiting.place(length).is_some_and(|place| {
            let item = Item {
                refused: refused(exchange, endpoint, head, forged),
                _place: place,
                _exchange: Arc::clone(exchange),
            };
            self.inbox.try_send(item).is_ok()
        });
        if !handed_on {
            self.counters.dropped.fetch_add(1, Relaxed);
        }
    }
}

fn refused(
    exchange: &RequestContext,
    endpoint: &Endpoint,
    head: &Parts,
    forged: &[Bytes],
) -> Refused {
    let trusted = &exchange.config.trusted_hops;
    let source = Source::of(&exchange.peer, &head.headers, trusted);
    let peer = exchange.peer.to_string();
    Refused::new(exchange.id, (&endpoint.name, &peer, source), head, forged)
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Waiting(Mutex<Load>);

#[derive(Debug, Default)]
struct Load {
    count: usize,
    bytes: u64,
}

/// One delivery's part of what waits; given up when dropped.
struct Place {
    waiting: Arc<Waiting>,
    bytes: u64,
}

impl Waiting {
    fn place(self: &Arc<Self>, bytes: u64) -> Option<Place> {
        let mut load = self.lock();
        let fits = load.count < WAITING && load.bytes + bytes <= WAITING_BYTES;
        if load.count > 0 && !fits {
            return None;
        }
        load.count += 1;
        load.bytes += bytes;
        drop(load);
        Some(Place {
            waiting: Arc::clone(self),
            bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Load> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut load = self.waiting.lock();
        load.count -= 1;
        load.bytes -= self.bytes;
    }
}

/// The thread: it alone touches the directory.
struct Scribe {
    shelf: Shelf,
    pace: Pace,
    counters: Arc<Counters>,
    report: Report,
}

impl Scribe {
    fn work(mut self, items: &Receiver<Item>) {
        let mut looked = Instant::now();
        loop {
            match items.recv_timeout(TICK.saturating_sub(looked.elapsed())) {
                Ok(item) => self.keep(&item.refused),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                if let Err(error) = self.shelf.look_around(SystemTime::now()) {
                    self.report.error = Some(error);
                }
            }
            self.report.say(Instant::now(), &self.counters, &self.shelf);
        }
    }

    fn keep(&mut self, refused: &Refused) {
        let now = Instant::now();
        let placed = if self.pace.allows(now, refused.source, refused.length()) {
            self.shelf.put(refused)
        } else {
            Ok(Placed::LeftOut)
        };
        match placed {
            Ok(Placed::Kept) => {
                self.counters.kept.fetch_add(1, Relaxed);
                return;
            }
            Ok(Placed::LeftOut) => {}
            Err(error) => self.report.error = Some(error),
        }
        self.counters.dropped.fetch_add(1, Relaxed);
    }
}

/// What the log is told.
struct News {
    kept: u64,
    dropped: u64,
    error: Option<io::Error>,
}

/// What the log was told.
#[derive(Debug, Default)]
struct Report {
    said: Option<Instant>,
    kept: u64,
    dropped: u64,
    error: Option<io::Error>,
}

impl Report {
    fn say(&mut self, now: Instant, counters: &Counters, shelf: &Shelf) {
        let Some(News {
            kept,
            dropped,
            error,
        }) = self.due(now, counters)
        else {
            return;
        };
        let (dir, files) = (shelf.dir().display(), shelf.len());
        if let Some(error) = error {
            tracing::error!(%dir, %error, "refused deliveries cannot be kept");
        }
        tracing::warn!(
            kept,
            dropped,
            files,
            %dir,
            "deliveries were refused and kept: `cartgate refused list --dir DIR --secret-file FILE` names the causes, and \
             `cartgate send URL --delivery FILE` sends one on that verifies"
        );
    }

    /// What is new. The first is said at once; then all of a minute together.
    fn due(&mut self, now: Instant, counters: &Counters) -> Option<News> {
        let said = |said| now.saturating_duration_since(said) < TICK;
        let (kept, dropped) = (counters.kept(), counters.dropped());
        let nothing = (kept, dropped) == (self.kept, self.dropped) && self.error.is_none();
        if nothing || self.said.is_some_and(said) {
            return None;
        }
        let news = News {
            kept: kept - self.kept,
            dropped: dropped - self.dropped,
            error: self.error.take(),
        };
        *self = Self {
            said: Some(now),
            kept,
            dropped,
            error: None,
        };
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_and_no_more() {
        let waiting = Arc::<Waiting>::default();
        let places: Vec<_> = (0..WAITING * 2).map_while(|_| waiting.place(1)).collect();
        assert_eq!(places.len(), WAITING);
        drop(places);
        assert!(waiting.place(1).is_some());
    }

    #[test]
    fn a_long_body_waits_alone() {
        let waiting = Arc::<Waiting>::default();
        let long = waiting.place(WAITING_BYTES * 10).expect("nothing waits");
        assert!(waiting.place(1).is_none());
        drop(long);
        let _short = waiting.place(1).expect("nothing waits");
        assert!(waiting.place(WAITING_BYTES).is_none());
        assert!(waiting.place(WAITING_BYTES - 1).is_some());
    }

    #[test]
    fn the_log_hears_of_the_first_at_once_and_then_once_a_minute() {
        let (mut report, counters) = (Report::default(), Counters::default());
        let begun = Instant::now();
        let mut said = |seconds| {
            let news = report.due(begun + Duration::from_secs(seconds), &counters);
            news.map(|news| (news.kept, news.dropped))
        };
        assert_eq!(said(0), None);
        counters.kept.fetch_add(1, Relaxed);
        assert_eq!(said(0), Some((1, 0)));
        counters.kept.fetch_add(2, Relaxed);
        counters.dropped.fetch_add(5, Relaxed);
        assert_eq!(said(59), None);
        assert_eq!(said(60), Some((2, 5)));
        assert_eq!(said(600), None);
    }

    #[test]
    fn what_cannot_be_kept_is_counted_and_why_is_said() {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings::new(dir.path().join("kept"));
        let mut scribe = Scribe {
            pace: Pace::new(1, Instant::now()),
            shelf: Shelf::open(settings).expect("opened"),
            counters: Arc::default(),
            report: Report::default(),
        };
        let counters = Arc::clone(&scribe.counters);
        let counted = || (counters.kept(), counters.dropped());
        scribe.keep(&of_length(1));
        assert_eq!(counted(), (1, 0));
        scribe.keep(&of_length(17 * 1024 * 1024));
        assert_eq!(counted(), (1, 1));
        assert!(scribe.report.error.is_none());
        std::fs::remove_dir_all(scribe.shelf.dir()).expect("removed");
        scribe.keep(&of_length(1));
        assert_eq!(counted(), (1, 2));
        assert!(scribe.report.error.is_some());
    }

    fn of_length(length: usize) -> Refused {
        let (head, ()) = http::Request::new(()).into_parts();
        let id = uuid::Uuid::now_v7();
        Refused::new(
            id,
            ("hooks", "unix", Source::Unix),
            &head,
            &[vec![b'a'; length].into()],
        )
    }
}
