//! A gate that watches its files reloads without a signal: each kind of file, each way to replace
//! it, under load.

mod certificates;
mod configuration;
mod secrets;

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::{program::Program, support::wait_until};

const IN_FORCE: &str = "configuration in force";
const FAILED: &str = "reload failed; the old configuration stays in force";

/// Returns a file with the secrets `current` and `previous` of these paths.
fn file(watch: bool, url: &str, current: &str, previous: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
watch = {watch}
[admin]
listen = "127.0.0.1:0"
[secret.current]
file = "{current}"
[secret.previous]
file = "{previous}"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current", "previous"]
[[endpoint.destination]]
url = "{url}"
"#
    )
}

/// Returns the number of log lines with this text.
fn count(program: &Program, text: &str) -> usize {
    let lines = program.lines();
    lines.iter().filter(|line| line.contains(text)).count()
}

/// Waits for this number of lines that a configuration is in force.
#[track_caller]
fn in_force(program: &Program, times: usize) {
    wait_until("it is in force", || count(program, IN_FORCE) >= times);
}

/// Waits until the gate has looked at its files at least twice.
fn a_few_looks() {
    std::thread::sleep(std::time::Duration::from_millis(3_500));
}

/// Replaces a file as `mv` does.
fn rename_over(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    crate::program::write_secret(&new, content);
    fs::rename(new, path).expect("renamed");
}

/// Replaces a link as `ln -sfn` and Kubernetes do.
fn link_over(link: &Path, target: &str) {
    let new = link.with_file_name("new-link");
    symlink(target, &new).expect("linked");
    fs::rename(new, link).expect("renamed");
}
