//! The shelf on a real directory.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

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
            ..Settings::new(self.dir.path().join("kept"))
        }
    }

    /// Each a second after the one before.
    fn refused(&mut self, source: &str, length: usize) -> Refused {
        let since = self.begun.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.expect("after 1970").as_secs() + u64::from(self.received);
        self.received += 1;
        let time = uuid::Timestamp::from_unix_time(seconds, 0, 0, 0);
        let (head, ()) = http::Request::new(()).into_parts();
        let source = source.parse().expect("a source");
        let body = vec![b'a'; length].into();
        Refused::new(Uuid::new_v7(time), ("hooks", "-", source), &head, &[body])
    }

    fn put(&mut self, shelf: &mut Shelf, source: &str, length: usize) -> Placed {
        let refused = self.refused(source, length);
        shelf.put(&refused).expect("written")
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir.path().join("kept")).expect("a directory");
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

    /// The sources of what lies there, the oldest first.
    fn sources(&self) -> Vec<String> {
        let source = |name: &String| {
            let file = fs::read(self.dir.path().join("kept").join(name)).expect("a file");
            let refused = Refused::read(&file.into()).expect("a kept delivery");
            refused.source.to_string()
        };
        self.files().iter().map(source).collect()
    }
}

#[test]
fn a_file_is_its_owners_alone_and_whole() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    let refused = bench.refused("192.0.2.1", 9);
    assert_eq!(shelf.put(&refused).expect("written"), Placed::Kept);
    let dir = bench.dir.path().join("kept");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let [name] = &bench.files()[..] else {
        panic!("{:?}", bench.files());
    };
    assert_eq!(mode(&dir.join(name)), 0o600);
    let file = fs::read(dir.join(name)).expect("a file");
    assert_eq!(file, [refused.head(), refused.bytes().to_vec()].concat());
    assert_eq!(file.len() as u64, shelf.entries[&refused.id].bytes);
}

#[test]
fn beyond_its_share_a_source_loses_its_own_oldest() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    bench.put(&mut shelf, "192.0.2.1", 1);
    let first = bench.files();
    for _ in 0..5 {
        bench.put(&mut shelf, "198.51.100.1", 1);
    }
    assert_eq!(
        bench.sources(),
        ["192.0.2.1", "198.51.100.1", "198.51.100.1"]
    );
    assert_eq!(bench.files()[0], first[0]);
    // A quarter of the bytes, too: these two are more.
    bench.put(&mut shelf, "203.0.113.1", 15_000);
    bench.put(&mut shelf, "203.0.113.1", 15_000);
    assert_eq!(bench.files().len(), 4);
    assert_eq!(
        bench.put(&mut shelf, "203.0.113.1", 20_000),
        Placed::LeftOut
    );
    assert_eq!(bench.files().len(), 4);
}

#[test]
fn when_all_is_full_the_network_that_holds_most_loses() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    bench.put(&mut shelf, "192.0.2.1", 1);
    bench.put(&mut shelf, "192.0.2.1", 1);
    // An attacker with a /64 for each forgery.
    for subnet in 0..40 {
        bench.put(&mut shelf, &format!("2001:db8:0:{subnet:x}::/64"), 1);
    }
    let sources = bench.sources();
    assert_eq!(sources.len(), 8);
    assert_eq!(sources[..2], ["192.0.2.1", "192.0.2.1"]);
    assert_eq!(sources[7], "2001:db8:0:27::/64", "the newest is there");
}

#[test]
fn when_the_bytes_are_used_up_the_network_with_most_of_them_loses() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    bench.put(&mut shelf, "192.0.2.1", 10_000);
    for host in 1..=6 {
        bench.put(&mut shelf, &format!("198.51.100.{host}"), 15_000);
    }
    let sources = bench.sources();
    assert_eq!(sources[0], "192.0.2.1");
    assert_eq!(sources.len(), 5, "{sources:?}");
    assert_eq!(sources[1], "198.51.100.3");
}

#[test]
fn the_bounds_hold_over_a_restart_and_what_is_not_ours_stays() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    for host in [1, 1, 2, 2, 3, 3] {
        bench.put(&mut shelf, &format!("192.{host}.2.1"), 1);
    }
    let dir = bench.dir.path().join("kept");
    let foreign = dir.join("notes.http");
    fs::write(&foreign, [b'a'; 100_000]).expect("written");
    let mut again = Shelf::open(bench.settings()).expect("opened");
    assert_eq!(again.entries, shelf.entries);
    bench.put(&mut again, "192.1.2.1", 1);
    assert_eq!(again.len(), 6, "the first source has its share already");
    let stricter = Settings {
        count: 3,
        ..bench.settings()
    };
    let shelf = Shelf::open(stricter).expect("opened");
    assert_eq!(shelf.len(), 3);
    fs::remove_file(&foreign).expect("it is still there");
    assert_eq!(bench.sources(), ["192.2.2.1", "192.3.2.1", "192.1.2.1"]);
}

#[test]
fn what_a_person_removed_or_another_gate_wrote_is_seen() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    let mut other = Shelf::open(bench.settings()).expect("opened");
    bench.put(&mut shelf, "192.0.2.1", 1);
    bench.put(&mut shelf, "192.0.2.1", 1);
    fs::remove_file(shelf.path(&bench.files()[0])).expect("removed");
    bench.put(&mut other, "198.51.100.1", 1);
    shelf.look_around(bench.begun).expect("read");
    let (sources, files) = (bench.sources(), bench.files());
    assert_eq!(sources, ["192.0.2.1", "198.51.100.1"]);
    let known: Vec<_> = shelf.entries.keys().map(|id| name(*id)).collect();
    assert_eq!(known, files);
}

#[test]
fn what_is_too_old_goes() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    bench.put(&mut shelf, "192.0.2.1", 1);
    bench.put(&mut shelf, "192.0.2.1", 1);
    let limit = bench.begun + 7 * DAY;
    shelf.look_around(limit - DAY).expect("read");
    assert_eq!(bench.files().len(), 2);
    shelf
        .look_around(limit + Duration::from_secs(1))
        .expect("read");
    assert_eq!(bench.files().len(), 1);
    shelf.look_around(limit + DAY).expect("read");
    assert!(bench.files().is_empty());
}

#[test]
fn nothing_is_followed_out_of_the_directory() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    let outside = bench.dir.path().join("outside");
    fs::write(&outside, b"precious").expect("written");
    let refused = bench.refused("192.0.2.1", 1);
    symlink(&outside, shelf.path(&unfinished(&name(refused.id)))).expect("linked");
    shelf.put(&refused).expect_err("its name is taken");
    let planted = shelf.path(&name(Uuid::now_v7()));
    symlink(&outside, &planted).expect("linked");
    shelf.look_around(bench.begun + 30 * DAY).expect("read");
    assert_eq!(shelf.len(), 0);
    assert_eq!(fs::read(&outside).expect("there"), b"precious");
    assert!(fs::symlink_metadata(planted).is_ok(), "no file of ours");
}

#[test]
fn what_a_crash_left_is_cleared_but_not_what_is_being_written() {
    let mut bench = Bench::new();
    let mut shelf = Shelf::open(bench.settings()).expect("opened");
    let refused = bench.refused("192.0.2.1", 1);
    create(&shelf.path(&unfinished(&name(refused.id)))).expect("made");
    shelf.look_around(bench.begun + UNFINISHED).expect("read");
    assert_eq!(bench.files().len(), 1);
    shelf
        .look_around(bench.begun + 2 * UNFINISHED)
        .expect("read");
    assert!(bench.files().is_empty());
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, b"").expect("written");
    for place in [file.clone(), file.join("kept"), dir.path().join("a/b")] {
        let error = Shelf::open(Settings::new(&place)).expect_err("no directory");
        assert!(
            error.to_string().contains(&place.display().to_string()),
            "{error}"
        );
    }
}
