//! The files of a configuration, each with its state when the gate last looked at it.
//!
//! The state is what `stat` tells about the file at the end of all symbolic links. Unlike inotify,
//! which watches one directory entry, this sees the swap of a link at any level (certbot's `live/`,
//! the `..data` of Kubernetes), a file that is not there yet, and changes on network and overlay
//! file systems and in bind mounts.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The files that a reload reads, with their states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WatchedFiles(BTreeMap<PathBuf, FileState>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Regular {
        device: u64,
        inode: u64,
        size: u64,
        /// Seconds and nanoseconds.
        modified: (i64, i64),
        /// The kernel sets this time at each change, also if a program restores the other one.
        changed: (i64, i64),
    },
    /// A pipe or a device. Its times change at each use, also by the gate itself.
    Special {
        device: u64,
        inode: u64,
    },
    Inaccessible(ErrorKind),
}

impl WatchedFiles {
    /// Adds files in their present states. If this precedes their reading, a change during the
    /// reading is not missed.
    pub(crate) fn add<P: Into<PathBuf>>(&mut self, paths: impl IntoIterator<Item = P>) {
        for path in paths.into_iter().map(Into::into) {
            let state = FileState::of(&path);
            self.0.entry(path).or_insert(state);
        }
    }

    /// Returns the same files in their present states.
    pub(crate) fn again(&self) -> Self {
        let paths = self.0.keys();
        let states = paths.map(|path| (path.clone(), FileState::of(path)));
        Self(states.collect())
    }

    /// Returns the files whose states differ from those in `before`.
    pub(crate) fn changed_since<'s>(&'s self, before: &Self) -> impl Iterator<Item = &'s Path> {
        let files = self.0.iter();
        let changed = files.filter(|(path, state)| before.0.get(*path) != Some(*state));
        changed.map(|(path, _)| path.as_path())
    }

    /// Returns the number of the files.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FileState {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Self::of_regular(&found),
            Ok(found) => Self::Special {
                device: found.dev(),
                inode: found.ino(),
            },
            Err(error) => Self::Inaccessible(error.kind()),
        }
    }

    fn of_regular(found: &Metadata) -> Self {
        Self::Regular {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::{
        fs::{File, FileTimes},
        os::unix::fs::{PermissionsExt as _, symlink},
        time::{Duration, Instant},
    };

    struct Watched {
        dir: tempfile::TempDir,
        files: WatchedFiles,
    }

    impl Watched {
        /// Watches `name`, whose directory `prepare` has filled.
        fn new(name: &str, prepare: impl FnOnce(&Path)) -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            prepare(dir.path());
            let mut files = WatchedFiles::default();
            files.add([dir.path().join(name)]);
            assert_eq!(files.again(), files, "nothing has changed");
            Self { dir, files }
        }

        fn notices(mut self, change: impl Fn(&Path)) -> Self {
            // The clock of a file system may be coarse. The watcher reads only files that were
            // quiet for a second.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(5) {
                change(self.dir.path());
                let now = self.files.again();
                if now != self.files {
                    assert_eq!(now.changed_since(&self.files).count(), 1);
                    self.files = now;
                    return self;
                }
            }
            panic!("the change was not noticed");
        }
    }

    fn write(path: &Path, text: &str) {
        fs::write(path, text).expect("written");
    }

    #[test]
    fn every_way_to_change_a_file_is_noticed() {
        let watched = Watched::new("file", |dir| write(&dir.join("file"), "one"));
        watched
            .notices(|dir| write(&dir.join("file"), "two"))
            .notices(|dir| {
                write(&dir.join("new"), "two");
                fs::rename(dir.join("new"), dir.join("file")).expect("renamed");
            })
            .notices(|dir| {
                let mode = fs::Permissions::from_mode(0o640);
                fs::set_permissions(dir.join("file"), mode).expect("mode set");
            })
            .notices(|dir| {
                let _ = fs::remove_file(dir.join("file"));
            })
            .notices(|dir| write(&dir.join("file"), "two"));
    }

    #[test]
    fn a_rewrite_of_the_same_size_with_the_old_time_is_noticed() {
        let watched = Watched::new("file", |dir| write(&dir.join("file"), "one"));
        let path = watched.dir.path().join("file");
        let modified = fs::metadata(&path).expect("found").modified();
        let times = FileTimes::new().set_modified(modified.expect("a time"));
        watched.notices(|dir| {
            write(&dir.join("file"), "two");
            let file = File::options().write(true).open(dir.join("file"));
            file.expect("opened").set_times(times).expect("set");
        });
    }

    #[test]
    fn the_swap_of_a_link_is_noticed_at_any_level() {
        fn swap(link: &Path, target: &str) {
            let new = link.with_file_name("new-link");
            symlink(target, &new).expect("linked");
            fs::rename(new, link).expect("renamed");
        }
        let watched = Watched::new("secret", |dir| {
            for version in ["..1", "..2"] {
                fs::create_dir(dir.join(version)).expect("created");
                write(&dir.join(version).join("secret"), "same");
            }
            symlink("..1", dir.join("..data")).expect("linked");
            symlink("..data/secret", dir.join("secret")).expect("linked");
        });
        watched
            .notices(|dir| swap(&dir.join("..data"), "..2"))
            .notices(|dir| swap(&dir.join("secret"), "..1/secret"))
            .notices(|dir| swap(&dir.join("secret"), "nowhere"));
    }

    #[test]
    fn reading_a_pipe_does_not_change_it() {
        let watched = Watched::new("pipe", |dir| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, dir.join("pipe"), mode).expect("a pipe");
        });
        let pipe = watched.dir.path().join("pipe");
        let mut options = File::options();
        let mut both = options.read(true).write(true).open(pipe).expect("opened");
        std::io::Write::write_all(&mut both, b"text").expect("written");
        assert_eq!(watched.files.again(), watched.files);
    }
}
