//! The writer of saved rejections: a handle for the workers, and the thread that writes the files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    directory::{Directory, SaveError},
    load::Load,
    queue::{Job, Queue, Slot},
    saved_rejection::{RejectedRequest, SavedRejection},
    settings::Settings,
};

/// The pause after each file. It bounds the disk and processor time that a flood can use.
const PAUSE: Duration = Duration::from_millis(20);

/// The interval at which the directory is read again, and the shortest one between two log lines.
const TICK: Duration = Duration::from_secs(60);

/// A handle that saves rejections. The thread ends after its last file when the handle is dropped.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
}

/// The counters of a writer.
#[derive(Debug, Default)]
pub struct Counters {
    saved: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    /// The number of rejections that were saved.
    #[must_use]
    pub fn saved(&self) -> u64 {
        self.saved.load(Relaxed)
    }

    /// The number of rejections that were not saved: too many at once, too large, or an error of
    /// the disk.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl Writer {
    /// Opens the directory and starts the thread.
    ///
    /// # Errors
    ///
    /// When the directory cannot be created, read or written. The error names it.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(settings.share));
        let counters = Arc::<Counters>::default();
        let dir = settings.dir.clone();
        let thread = WriterThread {
            directory: Directory::open(settings)?,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            report: Report::default(),
        };
        thread::Builder::new()
            .name("cartgate-rejected".to_owned())
            .spawn(move || thread.run())?;
        Ok(Self {
            dir,
            queue,
            counters,
        })
    }

    /// The directory of the files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The counters since the start.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether all rejections in the queue are written.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a rejection if there is room for it; otherwise counts it as dropped. `memory` is
    /// dropped once the file is written.
    pub(crate) fn save(&self, request: &RejectedRequest<'_>, memory: impl Send + 'static) {
        let slot = Slot {
            source: request.source,
            load: Load::one(request.body_len()),
        };
        let queued = self.queue.push(slot, || Job {
            rejection: SavedRejection::new(request),
            _memory: Box::new(memory),
        });
        if !queued {
            self.counters.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The state of the thread. Only this thread touches the directory.
struct WriterThread {
    directory: Directory,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    report: Report,
}

impl WriterThread {
    #[expect(
        clippy::disallowed_methods,
        reason = "the pause is for this thread, which has no other work"
    )]
    fn run(mut self) {
        let mut refreshed = Instant::now();
        while let Ok(job) = self.queue.next(TICK.saturating_sub(refreshed.elapsed())) {
            if let Some(job) = job {
                self.save(&job.rejection);
                thread::sleep(PAUSE);
            }
            if refreshed.elapsed() >= TICK {
                refreshed = Instant::now();
                let result = self.directory.refresh(SystemTime::now());
                self.report.error = result.err().map(SaveError::Io).or(self.report.error.take());
            }
            self.report
                .log(Instant::now(), &self.counters, &self.directory);
        }
    }

    fn save(&mut self, rejection: &SavedRejection) {
        match self.directory.save(rejection) {
            Ok(()) => self.counters.saved.fetch_add(1, Relaxed),
            Err(error) => {
                self.report.error = Some(error);
                self.counters.dropped.fetch_add(1, Relaxed)
            }
        };
    }
}

/// The log lines of the thread: the first event at once, then one summary a minute.
#[derive(Debug, Default)]
struct Report {
    logged: Option<Instant>,
    saved: u64,
    dropped: u64,
    error: Option<SaveError>,
}

impl Report {
    fn log(&mut self, now: Instant, counters: &Counters, directory: &Directory) {
        let Some((saved, dropped)) = self.due(now, counters) else {
            return;
        };
        let (dir, files) = (directory.path().display(), directory.len());
        if let Some(error) = self.error.take() {
            tracing::error!(%dir, %error, "rejected deliveries cannot be saved");
        }
        tracing::warn!(
            saved,
            dropped,
            files,
            %dir,
            "rejected deliveries saved; `cartgate rejected list` shows the causes"
        );
    }

    /// Returns how many were saved and dropped since the last line, if a line is due.
    fn due(&mut self, now: Instant, counters: &Counters) -> Option<(u64, u64)> {
        let is_recent = |logged| now.saturating_duration_since(logged) < TICK;
        let (saved, dropped) = (counters.saved(), counters.dropped());
        let is_unchanged = (saved, dropped) == (self.saved, self.dropped) && self.error.is_none();
        if is_unchanged || self.logged.is_some_and(is_recent) {
            return None;
        }
        let since = (saved - self.saved, dropped - self.dropped);
        (self.logged, self.saved, self.dropped) = (Some(now), saved, dropped);
        Some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{net::source::Source, rejected::saved_rejection};

    #[test]
    fn the_first_event_is_logged_at_once_and_then_a_summary_a_minute() {
        let (mut report, counters) = (Report::default(), Counters::default());
        let start = Instant::now();
        let mut due = |seconds| report.due(start + Duration::from_secs(seconds), &counters);
        assert_eq!(due(0), None);
        counters.saved.fetch_add(1, Relaxed);
        assert_eq!(due(0), Some((1, 0)));
        counters.saved.fetch_add(2, Relaxed);
        counters.dropped.fetch_add(5, Relaxed);
        assert_eq!(due(59), None);
        assert_eq!(due(60), Some((2, 5)));
        assert_eq!(due(600), None);
    }

    #[test]
    fn rejections_that_cannot_be_saved_are_counted_and_reported() {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings {
            bytes: 64 * 1024,
            ..Settings::new(dir.path().join("rejected"))
        };
        let mut thread = WriterThread {
            queue: Arc::new(Queue::new(settings.share)),
            directory: Directory::open(settings).expect("opened"),
            counters: Arc::default(),
            report: Report::default(),
        };
        let rejection = |len| saved_rejection::of_len(Source::Unix, len);
        let mut save = |len| {
            thread.save(&rejection(len));
            let counted = (thread.counters.saved(), thread.counters.dropped());
            (counted, thread.report.error.take())
        };
        assert!(matches!(save(1), ((1, 0), None)));
        assert!(matches!(
            save(17_000),
            ((1, 1), Some(SaveError::TooLarge(_)))
        ));
        std::fs::remove_dir_all(dir.path().join("rejected")).expect("removed");
        assert!(matches!(save(1), ((1, 2), Some(SaveError::Io(_)))));
    }

    #[test]
    fn a_dropped_writer_still_writes_its_queue() {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings::new(dir.path().join("rejected"));
        let writer = Writer::start(settings).expect("started");
        let (head, ()) = http::Request::new(()).into_parts();
        let (written, done) = std::sync::mpsc::sync_channel::<()>(0);
        for _ in 0..3 {
            let request = RejectedRequest {
                id: uuid::Uuid::now_v7(),
                endpoint: "hooks",
                peer: &crate::net::peer::Peer::Unix,
                source: Source::Unix,
                head: &head,
                body: &[],
            };
            writer.save(&request, written.clone());
        }
        let counters = Arc::clone(writer.counters());
        drop((writer, written));
        done.recv().expect_err("the memory of all is released");
        assert_eq!((counters.saved(), counters.dropped()), (3, 0));
    }
}
