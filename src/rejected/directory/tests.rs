//! Tests of the limits on a real directory.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::rejected::{saved_file::SavedFile, saved_rejection};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Bench {
    dir: tempfile::TempDir,
    begun: SystemTime,
    received: u32,
}

impl Bench {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let second = Duration::from_secs(now.expect("after 1970").as_secs());
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            begun: SystemTime::UNIX_EPOCH + second,
            received: 0,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            count: 8,
            bytes: 80_000,
            ..Settings::new(self.dir.path().join("rejected"))
        }
    }

    /// Returns a rejection that was received a second after the one before.
    fn rejection(&mut self, source: &str, len: usize) -> SavedRejection {
        let since = self.begun.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.expect("after 1970").as_secs() + u64::from(self.received);
        self.received += 1;
        let time = uuid::Timestamp::from_unix_time(seconds, 0, 0, 0);
        SavedRejection {
            id: Uuid::new_v7(time),
            ..saved_rejection::of_len(source.parse().expect("a source"), len)
        }
    }

    fn save(&mut self, directory: &mut Directory, source: &str, len: usize) {
        let rejection = self.rejection(source, len);
        directory.save(&rejection).expect("saved");
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir.path().join("rejected")).expect("a directory");
        let mut names: Vec<_> = files
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }

    /// Returns the sources of the files, oldest first.
    fn sources(&self) -> Vec<String> {
        let source = |name: &String| {
            let file = fs::read(self.dir.path().join("rejected").join(name)).expect("a file");
            let rejection = SavedRejection::read(&file.into()).expect("a saved rejection");
            rejection.source.to_string()
        };
        self.files().iter().map(source).collect()
    }
}

#[test]
fn a_refresh_that_fails_forgets_no_file() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 9);
    let dir = bench.dir.path().join("rejected");
    fs::rename(&dir, bench.dir.path().join("elsewhere")).expect("moved");
    assert!(directory.refresh(bench.begun).is_err());
    assert_eq!(directory.entries.len(), 1);
}

#[test]
fn a_file_is_its_owners_alone_and_whole() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    let rejection = bench.rejection("192.0.2.1", 9);
    directory.save(&rejection).expect("saved");
    let dir = bench.dir.path().join("rejected");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let [name] = &bench.files()[..] else {
        panic!("{:?}", bench.files());
    };
    assert_eq!(mode(&dir.join(name)), 0o600);
    let file = fs::read(dir.join(name)).expect("a file");
    assert_eq!(
        file,
        [rejection.head(), rejection.bytes().to_vec()].concat()
    );
    assert_eq!(
        file.len() as u64,
        directory.entries[&rejection.id].load.bytes
    );
}

#[test]
fn beyond_its_share_a_source_loses_its_own_oldest() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    let first = bench.files();
    for _ in 0..5 {
        bench.save(&mut directory, "198.51.100.1", 1);
    }
    assert_eq!(
        bench.sources(),
        ["192.0.2.1", "198.51.100.1", "198.51.100.1"]
    );
    assert_eq!(bench.files()[0], first[0]);
    // A quarter of the bytes, too: these two are more.
    bench.save(&mut directory, "203.0.113.1", 15_000);
    bench.save(&mut directory, "203.0.113.1", 15_000);
    assert_eq!(bench.files().len(), 4);
    let larger = bench.rejection("203.0.113.1", 20_000);
    let error = directory.save(&larger).expect_err("more than a share");
    assert!(matches!(error, SaveError::TooLarge(_)), "{error}");
    assert_eq!(bench.files().len(), 4);
}

#[test]
fn a_full_directory_evicts_the_oldest_of_the_source_that_holds_the_most() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    for host in [2, 2, 3, 3, 4, 4] {
        bench.save(&mut directory, &format!("192.0.2.{host}"), 1);
    }
    bench.save(&mut directory, "192.0.2.5", 1);
    bench.save(&mut directory, "192.0.2.6", 1);
    let sources = bench.sources();
    assert_eq!(sources.len(), 8);
    assert_eq!(sources[..2], ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(
        sources[2], "192.0.2.3",
        "the second of 192.0.2.2 is there, and its first is not"
    );
}

#[test]
fn a_directory_of_equal_sources_evicts_the_oldest() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    for subnet in 0..40 {
        bench.save(&mut directory, &format!("2001:db8:0:{subnet:x}::/64"), 1);
    }
    let sources = bench.sources();
    assert_eq!((sources.len(), &*sources[0]), (8, "2001:db8:0:20::/64"));
    assert_eq!(sources[7], "2001:db8:0:27::/64");
}

#[test]
fn when_the_bytes_are_used_up_the_source_with_most_of_them_loses() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 10_000);
    for host in 1..=6 {
        bench.save(&mut directory, &format!("198.51.100.{host}"), 15_000);
    }
    let sources = bench.sources();
    assert_eq!(sources[0], "192.0.2.1");
    assert_eq!(sources.len(), 5, "{sources:?}");
    assert_eq!(sources[1], "198.51.100.3");
}

#[test]
fn the_bounds_hold_over_a_restart_and_what_is_not_ours_stays() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    for host in [1, 1, 2, 2, 3, 3] {
        bench.save(&mut directory, &format!("192.{host}.2.1"), 1);
    }
    let dir = bench.dir.path().join("rejected");
    let foreign = dir.join("notes.http");
    fs::write(&foreign, [b'a'; 100_000]).expect("written");
    let mut again = Directory::open(bench.settings()).expect("opened");
    assert_eq!(again.entries, directory.entries);
    bench.save(&mut again, "192.1.2.1", 1);
    assert_eq!(again.len(), 6, "the first source has its share already");
    let stricter = Settings {
        count: 3,
        ..bench.settings()
    };
    let directory = Directory::open(stricter).expect("opened");
    assert_eq!(directory.len(), 3);
    fs::remove_file(&foreign).expect("it is still there");
    assert_eq!(bench.sources(), ["192.2.2.1", "192.3.2.1", "192.1.2.1"]);
}

#[test]
fn what_a_person_removed_or_another_gate_wrote_is_seen() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    let mut other = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    bench.save(&mut directory, "192.0.2.1", 1);
    fs::remove_file(directory.path().join(&bench.files()[0])).expect("removed");
    bench.save(&mut other, "198.51.100.1", 1);
    directory.refresh(bench.begun).expect("read");
    let (sources, files) = (bench.sources(), bench.files());
    assert_eq!(sources, ["192.0.2.1", "198.51.100.1"]);
    let known: Vec<_> = directory
        .entries
        .keys()
        .map(|id| file_name::of(*id))
        .collect();
    assert_eq!(known, files);
}

#[test]
fn the_mark_of_a_forwarded_rejection_goes_with_its_file() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    let files = [(); 3].map(|()| {
        let rejection = bench.rejection("192.0.2.1", 1);
        directory.save(&rejection).expect("saved");
        let file = SavedFile::of(directory.path(), rejection.id);
        file.mark_forwarded().expect("marked");
        file
    });
    assert_eq!(bench.files().len(), 4, "a share of two, each with its mark");
    assert_eq!(files[0].forwarded(), None, "evicted with its file");
    directory.refresh(bench.begun).expect("read");
    assert_eq!(directory.len(), 2, "a mark counts as no rejection");
    assert!(files[1].forwarded().is_some());
    fs::remove_file(&files[1].path).expect("removed");
    directory.refresh(bench.begun).expect("read");
    assert_eq!(files[1].forwarded(), None);
    assert!(files[2].forwarded().is_some());
}

#[test]
fn what_waits_for_its_app_is_neither_too_old_nor_evicted() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    let waiting = *directory.entries.first_key_value().expect("saved").0;
    let waiting = SavedFile::of(directory.path(), waiting);
    waiting.mark_waiting().expect("marked");
    for _ in 0..5 {
        bench.save(&mut directory, "192.0.2.1", 1);
    }
    assert!(waiting.path.exists(), "a flood from its source");
    directory.refresh(bench.begun + 30 * DAY).expect("read");
    assert!(waiting.path.exists(), "its age");
    assert_eq!(directory.len(), 1);
    waiting.mark_delivered().expect("marked");
    directory.refresh(bench.begun + 30 * DAY).expect("read");
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn what_was_forwarded_while_it_waited_ages_out() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    let saved = *directory.entries.first_key_value().expect("saved").0;
    let saved = SavedFile::of(directory.path(), saved);
    saved.mark_waiting().expect("marked");
    saved.mark_forwarded().expect("marked");
    directory.refresh(bench.begun + 30 * DAY).expect("read");
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn a_directory_full_of_what_waits_takes_no_more() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    for host in 0..8 {
        bench.save(&mut directory, &format!("192.0.2.{host}"), 1);
    }
    for id in directory.entries.keys() {
        let file = SavedFile::of(directory.path(), *id);
        file.mark_waiting().expect("marked");
    }
    let newcomer = bench.rejection("198.51.100.1", 1);
    let error = directory.save(&newcomer).expect_err("no room");
    assert!(matches!(error, SaveError::Full), "{error}");
    assert_eq!(directory.len(), 8);
}

#[test]
fn what_is_too_old_goes() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    bench.save(&mut directory, "192.0.2.1", 1);
    bench.save(&mut directory, "192.0.2.1", 1);
    let limit = bench.begun + 7 * DAY;
    directory.refresh(limit - DAY).expect("read");
    assert_eq!(bench.files().len(), 2);
    directory
        .refresh(limit + Duration::from_secs(1))
        .expect("read");
    assert_eq!(bench.files().len(), 1);
    directory.refresh(limit + DAY).expect("read");
    assert!(bench.files().is_empty());
}

#[test]
fn nothing_is_followed_out_of_the_directory() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    let outside = bench.dir.path().join("outside");
    fs::write(&outside, b"precious").expect("written");
    let rejection = bench.rejection("192.0.2.1", 1);
    symlink(
        &outside,
        directory.path().join(file_name::unfinished(rejection.id)),
    )
    .expect("linked");
    directory.save(&rejection).expect_err("its name is taken");
    let planted = directory.file(Uuid::now_v7());
    symlink(&outside, &planted).expect("linked");
    directory.refresh(bench.begun + 30 * DAY).expect("read");
    assert_eq!(directory.len(), 0);
    assert_eq!(fs::read(&outside).expect("there"), b"precious");
    assert!(fs::symlink_metadata(planted).is_ok(), "no file of ours");
}

#[test]
fn what_a_crash_left_is_cleared_but_not_what_is_being_written() {
    let mut bench = Bench::new();
    let mut directory = Directory::open(bench.settings()).expect("opened");
    let rejection = bench.rejection("192.0.2.1", 1);
    create(&directory.path().join(file_name::unfinished(rejection.id))).expect("made");
    directory
        .refresh(bench.begun + UNFINISHED_AGE)
        .expect("read");
    assert_eq!(bench.files().len(), 1);
    directory
        .refresh(bench.begun + 2 * UNFINISHED_AGE)
        .expect("read");
    assert!(bench.files().is_empty());
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, b"").expect("written");
    for place in [file.clone(), file.join("rejected"), dir.path().join("a/b")] {
        let error = Directory::open(Settings::new(&place)).expect_err("no directory");
        assert!(
            error.to_string().contains(&place.display().to_string()),
            "{error}"
        );
    }
}
