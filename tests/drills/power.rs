//! A disk whose power can be cut: ext4 on a loop device. Data that was not synced before the cut
//! never reaches the disk.

use std::{
    ffi::OsString,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    mount::Mount,
    native::compile,
    skip,
    tool::{run, tool},
};

/// The size of the disk. It has room for the data of a drill and for the journal of ext4.
const BYTES: u64 = 256 << 20;

pub(crate) struct Disk {
    mount: Mount,
    arguments: Vec<OsString>,
    godown: PathBuf,
    _dir: TempDir,
}

impl Disk {
    /// Makes a disk. Reports a skipped test and returns `None` if this machine has no loop devices
    /// or forbids the mount.
    pub(crate) fn new() -> Option<Self> {
        let made = Self::make();
        made.inspect_err(|why| skip::report("power cuts", why)).ok()
    }

    fn make() -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let image = dir.path().join("image");
        let file = File::create(&image).expect("a file");
        file.set_len(BYTES).expect("a sparse file");
        let made = run(tool("mkfs.ext4").args(["-q", "-F"]).arg(&image), "");
        assert!(made.status.success(), "{made:?}");
        let arguments = vec!["-o".into(), "loop".into(), image.into_os_string()];
        Ok(Self {
            mount: Mount::new(&arguments)?,
            arguments,
            godown: compile("godown.c", &[], dir.path()),
            _dir: dir,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mount.path()
    }

    /// Cuts the power. Programs that use the disk still see the data that they wrote, and get
    /// errors.
    pub(crate) fn cut(&self) {
        let mut godown = Command::new(&self.godown);
        let cut = run(godown.arg(self.path()), "");
        assert!(cut.status.success(), "{cut:?}");
    }

    /// Makes the disk as the next start finds it, once no program uses it.
    pub(crate) fn come_back(&self) {
        self.mount.again(&self.arguments);
    }
}

#[test]
#[ignore = "needs root and loop devices; make test runs it"]
fn a_cut_takes_what_was_not_synced_and_nothing_else() {
    let Some(disk) = Disk::new() else {
        return;
    };
    let part = vec![b'x'; 100_000];
    let file = |name: &str| disk.path().join(name);
    let names = ["synced", "unsynced", "half", "other"];
    let mut files = names.map(|name| File::create(file(name)).expect("a file"));
    for (name, file) in names.iter().zip(&mut files) {
        if *name != "unsynced" {
            file.write_all(&part).expect("written");
            file.sync_all().expect("synced");
        }
    }
    for unsynced in [1, 2] {
        files[unsynced].write_all(&part).expect("written");
    }
    disk.cut();
    let late = files[0].write_all(&part).and_then(|()| files[0].sync_all());
    late.expect_err("the disk is gone");
    drop(files);
    disk.come_back();
    let there = names.map(|name| std::fs::read(file(name)).unwrap_or_default().len());
    assert_eq!(there, [100_000, 0, 100_000, 100_000]);
}
