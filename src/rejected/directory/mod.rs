//! The directory of kept deliveries: what lies there, and who must go. One thread owns it.
//!
//! - The directory is the truth, and this its index, read anew each minute: so bounds hold over a
//!   restart, beside an old gate that still drains, and for what a person removes.
//! - A file is ours if its name is what we would give it, and it is a regular file. All else is left
//!   alone and not counted.
//! - Room is made before a file is written, so the bounds hold at each moment.
//! - A file is there whole or not at all: it is written under a name that no listing of `*.http` has,
//!   and renamed. It is not synced; a power failure may take the last seconds with it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, DirBuilder, File, OpenOptions},
    hash::Hash,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use uuid::Uuid;

use super::{
    Settings,
    source::{Network, Source},
};
use crate::rejected::rejection::{Refused, SOURCE, received_at};

/// An unfinished file of this age was left by a crash.
const UNFINISHED: Duration = Duration::from_secs(60);

/// More than any head that a gate takes.
const LONGEST_HEAD: u64 = 2 * 1024 * 1024;

/// What lies in the directory, the oldest first.
#[derive(Debug)]
pub(crate) struct Shelf {
    settings: Settings,
    entries: BTreeMap<Uuid, Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// None if the file does not say: then it is one of a source of their own.
    source: Option<Source>,
    bytes: u64,
}

/// What became of a delivery that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    Kept,
    /// There is no room for it: it alone is more than a share, or too many came in this second.
    LeftOut,
}

impl Shelf {
    /// Makes the directory if need be, proves that it can be written, and brings what lies there
    /// within the bounds.
    pub(crate) fn open(settings: Settings) -> io::Result<Self> {
        let mut shelf = Self {
            settings,
            entries: BTreeMap::new(),
        };
        shelf.prepare().map_err(|error| {
            let dir = shelf.settings.dir.display();
            let text = format!("refused deliveries cannot be kept in {dir}: {error}");
            io::Error::new(error.kind(), text)
        })?;
        Ok(shelf)
    }

    fn prepare(&mut self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.settings.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.settings.check()?,
        }
        let probe = self.path(&unfinished(&name(Uuid::now_v7())));
        create(&probe)?;
        fs::remove_file(probe)?;
        self.look_around(SystemTime::now())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.settings.dir
    }

    /// Keeps a delivery; what must go for it goes first.
    pub(crate) fn put(&mut self, refused: &Refused) -> io::Result<Placed> {
        let head = refused.head();
        let entry = Entry {
            source: Some(refused.source),
            bytes: head.len() as u64 + refused.length(),
        };
        if self.settings.count == 0 || entry.bytes > self.share().bytes {
            return Ok(Placed::LeftOut);
        }
        self.make_room(Some(&entry))?;
        let name = name(refused.id);
        let unfinished = self.path(&unfinished(&name));
        let written = write(&unfinished, &head, refused)
            .and_then(|()| fs::rename(&unfinished, self.path(&name)));
        if written.is_err() {
            // What counts is why it could not be written; a rest is cleared later.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        self.entries.insert(refused.id, entry);
        Ok(Placed::Kept)
    }

    /// Reads the directory anew; what is too old or over the bounds goes.
    pub(crate) fn look_around(&mut self, now: SystemTime) -> io::Result<()> {
        let mut seen = HashSet::new();
        for file in fs::read_dir(&self.settings.dir)? {
            let file = file?;
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            match id_of(name) {
                Some(id) if self.entries.contains_key(&id) || self.learn(id, &file.path()) => {
                    seen.insert(id);
                }
                Some(_) => {}
                None => clear_unfinished(name, &file.path(), now),
            }
        }
        self.entries.retain(|id, _| seen.contains(id));
        self.expire(now)?;
        self.make_room(None)
    }

    /// Whether it is a file that can be one of ours; then it is counted.
    fn learn(&mut self, id: Uuid, path: &Path) -> bool {
        // A link's own metadata: nothing is followed out of the directory.
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let entry = Entry {
                    source: source_in(path),
                    bytes: metadata.len(),
                };
                self.entries.insert(id, entry);
                true
            }
            _ => false,
        }
    }

    fn expire(&mut self, now: SystemTime) -> io::Result<()> {
        let limit = self.settings.age;
        let is_old = |id: &Uuid| received_at(*id).is_some_and(|then| age(then, now) > limit);
        while let Some(id) = self.entries.keys().next().copied().filter(is_old) {
            self.remove(id)?;
        }
        Ok(())
    }

    fn make_room(&mut self, newcomer: Option<&Entry>) -> io::Result<()> {
        while let Some(id) = self.surplus(newcomer) {
            self.remove(id)?;
        }
        Ok(())
    }

    /// Who must go, so that all that is there and a newcomer are within the bounds: the oldest of a
    /// source that is beyond its share; then, of the network that holds most of what is scarce, the
    /// oldest of the source that holds most.
    fn surplus(&self, newcomer: Option<&Entry>) -> Option<Uuid> {
        let all = || self.entries.values().chain(newcomer);
        let whole = all().fold(Load::default(), Load::with);
        let by_source = tally(all(), |entry| entry.source);
        let share = self.share();
        let mut oldest_first = self.entries.iter();
        let greedy = oldest_first.find(|(_, entry)| by_source[&entry.source].exceeds(share));
        if let Some((id, _)) = greedy {
            return Some(*id);
        }
        let scarce = whole.scarce(self.whole())?;
        let by_network = tally(all(), Entry::network);
        // Of several equals the last one is taken, so the newest come first.
        let most = self.entries.iter().rev().max_by_key(|(_, entry)| {
            let network = scarce(by_network[&entry.network()]);
            (network, scarce(by_source[&entry.source]))
        });
        most.map(|(id, _)| *id)
    }

    fn remove(&mut self, id: Uuid) -> io::Result<()> {
        match fs::remove_file(self.path(&name(id))) {
            // A person was faster.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.entries.remove(&id);
        Ok(())
    }

    fn whole(&self) -> Load {
        Load {
            count: self.settings.count,
            bytes: self.settings.bytes,
        }
    }

    fn share(&self) -> Load {
        let parts = self.settings.share.max(1);
        Load {
            count: (self.settings.count / parts).max(1),
            bytes: self.settings.bytes / parts,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.settings.dir.join(name)
    }
}

impl Entry {
    fn network(&self) -> Option<Network> {
        self.source.map(Source::network)
    }
}

/// What some entries take, or may take.
#[derive(Debug, Default, Clone, Copy)]
struct Load {
    count: u64,
    bytes: u64,
}

impl Load {
    fn with(self, entry: &Entry) -> Self {
        Self {
            count: self.count + 1,
            bytes: self.bytes + entry.bytes,
        }
    }

    fn exceeds(self, limit: Self) -> bool {
        self.count > limit.count || self.bytes > limit.bytes
    }

    /// What there is too much of.
    fn scarce(self, limit: Self) -> Option<fn(Self) -> u64> {
        if self.count > limit.count {
            Some(|load| load.count)
        } else if self.bytes > limit.bytes {
            Some(|load| load.bytes)
        } else {
            None
        }
    }
}

fn tally<'e, K: Eq + Hash>(
    entries: impl Iterator<Item = &'e Entry>,
    key: impl Fn(&Entry) -> K,
) -> HashMap<K, Load> {
    let mut loads = HashMap::new();
    for entry in entries {
        let load: &mut Load = loads.entry(key(entry)).or_default();
        *load = load.with(entry);
    }
    loads
}

/// `20261124T181614Z-019….http`: a listing is in the order of time.
pub(crate) fn name(id: Uuid) -> String {
    let received = received_at(id).unwrap_or(SystemTime::UNIX_EPOCH);
    let time = crate::text::rfc3339::seconds(received);
    format!("{}-{id}.http", time.replace(['-', ':'], ""))
}

/// The id of a file that is named as we would name it.
pub(crate) fn id_of(file: &str) -> Option<Uuid> {
    let (_, id) = file.strip_suffix(".http")?.split_once('-')?;
    let id = Uuid::try_parse(id).ok()?;
    (received_at(id).is_some() && name(id) == file).then_some(id)
}

fn unfinished(name: &str) -> String {
    format!(".{name}.part")
}

fn clear_unfinished(file: &str, path: &Path, now: SystemTime) {
    let name = file
        .strip_prefix('.')
        .and_then(|rest| rest.strip_suffix(".part"));
    let begun = name.and_then(id_of).and_then(received_at);
    if begun.is_some_and(|begun| age(begun, now) > UNFINISHED) {
        // It is tried again in a minute.
        let _ = fs::remove_file(path);
    }
}

fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// Nobody else may read it at any moment, and a link that waits under its name is not followed.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn write(path: &Path, head: &[u8], refused: &Refused) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(head)?;
    for piece in &refused.body {
        file.write_all(piece)?;
    }
    Ok(())
}

/// The source that a file's head names; of its body nothing is read but what comes along.
fn source_in(path: &Path) -> Option<Source> {
    let mut lines = BufReader::new(File::open(path).ok()?.take(LONGEST_HEAD)).split(b'\n');
    let prefix = format!("{SOURCE}: ");
    let line = lines
        .by_ref()
        .map_while(Result::ok)
        .take_while(|line| line != b"\r")
        .find(|line| line.starts_with(prefix.as_bytes()))?;
    std::str::from_utf8(&line[prefix.len()..])
        .ok()?
        .trim_end()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
