//! The files that `make packages` has built into dist/, and a newer version of the Debian package.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::debian::succeeds;

/// The version of the packages.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns a file of dist/.
#[track_caller]
pub(crate) fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dist")
        .join(name);
    assert!(
        path.exists(),
        "{}: run `make packages packages-arm64`",
        path.display()
    );
    path
}

/// Returns the Debian package of an architecture.
pub(crate) fn debian_package(architecture: &str) -> PathBuf {
    built(&format!("cartgate_{VERSION}-1_{architecture}.deb"))
}

/// Returns the RPM package of an architecture.
pub(crate) fn rpm_package(architecture: &str) -> PathBuf {
    built(&format!("cartgate-{VERSION}-1.{architecture}.rpm"))
}

/// Returns the Debian package of this machine as a later version, whose configuration has another text.
pub(crate) fn newer_package(dir: &TempDir) -> PathBuf {
    let tree = dir.path().join("tree");
    let package = dir.path().join("newer.deb");
    let mut unpack = Command::new("dpkg-deb");
    succeeds(unpack.arg("-R").arg(debian_package("amd64")).arg(&tree));
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("a control file");
    let version = format!("Version: {VERSION}-1\n");
    assert!(text.contains(&version), "{text}");
    fs::write(&control, text.replace(&version, "Version: 99.0.0-1\n")).expect("written");
    let configuration = tree.join("etc/cartgate/cartgate.toml");
    let text = fs::read_to_string(&configuration).expect("a configuration");
    fs::write(&configuration, text + "# Of the newer version.\n").expect("written");
    // Fast compression: only this test reads it.
    let mut build = Command::new("dpkg-deb");
    succeeds(build.args(["-Zgzip", "-z1", "-b"]).arg(&tree).arg(&package));
    package
}
