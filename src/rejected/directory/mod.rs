//! The directory of saved rejections, its limits, and the eviction of files. One thread owns it.
//!
//! - The directory is the truth, and `entries` is an index of it that is read again each minute.
//!   The limits therefore hold across restarts, beside an old gate that still drains, and after an
//!   operator removed files.
//! - Only regular files with a name that the gate gives count as saved rejections. Other files are
//!   ignored.
//! - Files are evicted before a new one is written, so the limits hold at each moment.
//! - A mark is a small file beside a rejection, and goes with it. A rejection with the mark `.late`
//!   waits to be delivered: neither its age nor a newcomer evicts it.
//! - A file appears whole: it is written under another name and renamed. It is not synced; a power
//!   failure may lose the last seconds.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, DirEntry, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use uuid::Uuid;

use super::{
    file_name,
    load::Load,
    saved_file::{LateState, SavedFile},
    saved_rejection::{SOURCE, SavedRejection},
    settings::Settings,
};
use crate::{delivery::arrival_time, net::source::Source};

/// The age at which an unfinished file counts as left by a crash.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);

/// The most that is read of a file to find its source; longer than any head that a gate accepts.
const MAX_HEAD: u64 = 2 * 1024 * 1024;

/// The directory with an index of its files, oldest first.
#[derive(Debug)]
pub(super) struct Directory {
    settings: Settings,
    entries: BTreeMap<Uuid, Entry>,
    /// The files that were found to wait when they were to be evicted.
    waiting: HashSet<Uuid>,
}

/// A file of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// `None` if the file names no source. All such files count as one source.
    source: Option<Source>,
    load: Load,
}

/// The reason why a rejection was not saved.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error("a rejection of {0} bytes is larger than the share of one source")]
    TooLarge(u64),
    #[error("the directory is full of deliveries that wait for their app")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Directory {
    /// Opens the directory. Creates it if it is absent, checks that it is writable, and evicts
    /// files beyond the limits.
    pub(super) fn open(settings: Settings) -> io::Result<Self> {
        let mut directory = Self {
            settings,
            entries: BTreeMap::new(),
            waiting: HashSet::new(),
        };
        directory.prepare().map_err(|error| {
            let dir = directory.path().display();
            let text = format!("rejected deliveries cannot be saved in {dir}: {error}");
            io::Error::new(error.kind(), text)
        })?;
        Ok(directory)
    }

    fn prepare(&mut self) -> io::Result<()> {
        self.settings.create_directory()?;
        self.settings.check()?;
        let probe = self.path().join(file_name::unfinished(Uuid::now_v7()));
        create(&probe)?;
        fs::remove_file(probe)?;
        self.refresh(SystemTime::now())
    }

    pub(super) fn path(&self) -> &Path {
        &self.settings.dir
    }

    /// The number of files.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Saves a rejection, after it has evicted the files that must make room for it.
    pub(super) fn save(&mut self, rejection: &SavedRejection) -> Result<(), SaveError> {
        let head = rejection.head();
        let bytes = head.len() as u64 + rejection.body_len();
        let entry = Entry {
            source: Some(rejection.source),
            load: Load::one(bytes),
        };
        if entry.load.exceeds(self.share()) || self.settings.count == 0 {
            return Err(SaveError::TooLarge(bytes));
        }
        self.make_room(Some(&entry))?;
        if self.is_over(Some(&entry)) {
            return Err(SaveError::Full);
        }
        self.write(rejection, &head)?;
        self.entries.insert(rejection.id, entry);
        Ok(())
    }

    /// Reads the directory again, and removes files that are too old or beyond the limits.
    pub(super) fn refresh(&mut self, now: SystemTime) -> io::Result<()> {
        let mut entries = BTreeMap::new();
        let mut marks = Vec::new();
        for file in fs::read_dir(self.path())? {
            let file = file?;
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(id) = file_name::id(name) {
                let entry = self
                    .entries
                    .get(&id)
                    .copied()
                    .or_else(|| Entry::read(&file));
                entries.extend(entry.map(|entry| (id, entry)));
            } else if let Some(id) = file_name::marked_id(name) {
                marks.push(id);
            } else if let Some(id) = file_name::unfinished_id(name)
                && age(id, now) > UNFINISHED_AGE
            {
                // A failure is harmless: the next refresh tries again.
                let _ = fs::remove_file(file.path());
            }
        }
        self.entries = entries;
        self.waiting.clear();
        // An operator has removed the files of these.
        marks.retain(|id| !self.entries.contains_key(id) && !self.is_there(*id));
        marks.into_iter().for_each(|id| self.remove_marks(id));
        self.expire(now)?;
        self.make_room(None)
    }

    fn expire(&mut self, now: SystemTime) -> io::Result<()> {
        let is_old = |id: &&Uuid| age(**id, now) > self.settings.age;
        let old: Vec<_> = self.entries.keys().take_while(is_old).copied().collect();
        old.into_iter().try_for_each(|id| self.evict(id))
    }

    fn make_room(&mut self, newcomer: Option<&Entry>) -> io::Result<()> {
        while let Some(id) = self.surplus(newcomer) {
            self.evict(id)?;
        }
        Ok(())
    }

    /// Whether the file of a delivery exists. Another gate may have saved it after the listing began.
    fn is_there(&self, id: Uuid) -> bool {
        fs::symlink_metadata(self.file(id)).is_ok()
    }

    /// Removes a file unless it waits. The look is fresh, because a file may begin to wait at any
    /// moment.
    fn evict(&mut self, id: Uuid) -> io::Result<()> {
        if SavedFile::of(self.path(), id).late_state() == Some(LateState::Waiting) {
            self.waiting.insert(id);
            return Ok(());
        }
        self.remove(id)
    }

    /// Whether the files and a newcomer exceed the limit of the whole directory.
    fn is_over(&self, newcomer: Option<&Entry>) -> bool {
        let mut total = Load::default();
        let all = self.entries.values().chain(newcomer);
        all.for_each(|entry| total += entry.load);
        total.exceeds(self.settings.limit())
    }

    /// Returns the file to evict next: the oldest of the source that holds the most, without those
    /// that wait. Returns `None` if the files and a newcomer are within all limits.
    fn surplus(&self, newcomer: Option<&Entry>) -> Option<Uuid> {
        let (limit, share) = (self.settings.limit(), self.share());
        let mut total = Load::default();
        let mut held = HashMap::<_, Load>::new();
        for entry in self.entries.values().chain(newcomer) {
            total += entry.load;
            *held.entry(entry.source).or_default() += entry.load;
        }
        let rank = |entry: &Entry| {
            let load = held[&entry.source];
            (load.exceeds(share), load.part_of(limit))
        };
        // `max_by_key` returns the last of several equals, so the oldest comes last.
        let newest_first = self.entries.iter().rev();
        let newest_first = newest_first.filter(|(id, _)| !self.waiting.contains(id));
        let (id, entry) = newest_first.max_by_key(|(_, entry)| rank(entry))?;
        (total.exceeds(limit) || held[&entry.source].exceeds(share)).then_some(*id)
    }

    fn share(&self) -> Load {
        self.settings.limit().share(self.settings.share)
    }

    fn remove(&mut self, id: Uuid) -> io::Result<()> {
        match fs::remove_file(self.file(id)) {
            // An operator may have removed it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.entries.remove(&id);
        self.remove_marks(id);
        Ok(())
    }

    fn remove_marks(&self, id: Uuid) {
        for mark in [file_name::forwarded(id), file_name::late(id)] {
            // Usually there is none. After a failure, the next refresh tries again.
            let _ = fs::remove_file(self.path().join(mark));
        }
    }

    fn write(&self, rejection: &SavedRejection, head: &[u8]) -> io::Result<()> {
        let unfinished = self.path().join(file_name::unfinished(rejection.id));
        let written = write_new(&unfinished, head, rejection)
            .and_then(|()| fs::rename(&unfinished, self.file(rejection.id)));
        if written.is_err() {
            // The first error counts. A later refresh removes what is left.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn file(&self, id: Uuid) -> PathBuf {
        self.path().join(file_name::of(id))
    }
}

impl Entry {
    /// Reads the entry of a file that was found in the directory. Follows no symbolic link.
    fn read(file: &DirEntry) -> Option<Self> {
        let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self {
            source: source_in(&file.path()),
            load: Load::one(metadata.len()),
        })
    }
}

fn age(id: Uuid, now: SystemTime) -> Duration {
    arrival_time(id)
        .and_then(|received| now.duration_since(received).ok())
        .unwrap_or_default()
}

/// Creates a file that other users cannot read at any moment. Follows no link under its name.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn write_new(path: &Path, head: &[u8], rejection: &SavedRejection) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(head)?;
    for piece in &rejection.body {
        file.write_all(piece)?;
    }
    Ok(())
}

/// Reads the source from the head of a file.
fn source_in(path: &Path) -> Option<Source> {
    let prefix = format!("{SOURCE}: ");
    let line = BufReader::new(File::open(path).ok()?.take(MAX_HEAD))
        .split(b'\n')
        .map_while(Result::ok)
        .take_while(|line| line != b"\r")
        .find(|line| line.starts_with(prefix.as_bytes()))?;
    let source = str::from_utf8(&line[prefix.len()..]).ok()?;
    source.trim_end().parse().ok()
}

#[cfg(test)]
mod tests;
