//! Compiles the small C programs of the drills when they are needed.

use std::path::{Path, PathBuf};

use crate::tool::{of_the_project, run, tool};

/// Compiles `tests/drills/SOURCE` into a program in `dir`, or with `-shared` into a library.
pub(crate) fn compile(source: &str, options: &[&str], dir: &Path) -> PathBuf {
    let made = dir.join(source).with_extension("out");
    let mut cc = tool("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-o"])
        .arg(&made)
        .args(options)
        .arg(of_the_project("tests/drills").join(source));
    let output = run(&mut cc, "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cc: {errors}");
    made
}
