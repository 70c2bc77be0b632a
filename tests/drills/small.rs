//! A small tmpfs, which is soon full.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{mount::Mount, skip};

pub(crate) struct Small {
    mount: Mount,
}

impl Small {
    /// Mounts one. Reports a skipped test and returns `None` if this machine forbids the mount.
    pub(crate) fn new(mebibytes: u32) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        let mount = Mount::new(&["-t", "tmpfs", "-o", &size, "tmpfs"]);
        let mount = mount.inspect_err(|why| skip::report("full disks", why));
        mount.ok().map(|mount| Self { mount })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mount.path()
    }

    /// Fills all free space.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        // The rest is written in pieces of a page, so that no space is left.
        let full = loop {
            if let Err(error) = ballast.write_all(&[0; 4096]) {
                break error.kind();
            }
        };
        assert_eq!(full, io::ErrorKind::StorageFull);
    }

    /// Fills all free space but so many bytes.
    pub(crate) fn fill_but(&self, left: u64) {
        self.fill();
        let ballast = File::options().write(true).open(self.ballast());
        let ballast = ballast.expect("it is there");
        let length = ballast.metadata().expect("a length").len();
        ballast.set_len(length - left).expect("it shrinks");
    }

    /// Frees the space.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.mount.path().join("ballast")
    }
}

#[test]
#[ignore = "needs root; make test runs it"]
fn a_full_disk_takes_nothing_until_it_has_space_again() {
    let Some(small) = Small::new(2) else {
        return;
    };
    let file = small.path().join("file");
    fs::write(&file, [b'x'; 4096]).expect("there is space");
    small.fill();
    let full = fs::write(small.path().join("other"), "x").expect_err("there is none");
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    small.free();
    fs::write(&file, [b'x'; 8192]).expect("there is space");
}
