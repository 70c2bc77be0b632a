//! Tests of saved rejections: the files, their limits, and the commands on them.

mod api;
mod bounds;
mod commands;
mod late;
mod listing;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cartgate::{
    net::trusted_hops::{Hop, TrustedHops},
    rejected::{SavedRejection, Settings},
};
use tempfile::TempDir;
use tower_cartgate::{Keyring, Policy, Secret};

use crate::{
    program::write_secret,
    support::{App, Client, Gate, SECRET, Setup, wait_until},
};

/// The secret that Cartfunnel has replaced by `SECRET` and that a gate may still have.
const OLD_SECRET: &[u8] = b"planted-secret-of-yesterday";

/// The directory of saved rejections of a gate, and the app behind it.
struct Site {
    dir: TempDir,
    app: App,
    settings: Settings,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings::new(dir.path().join("rejected"));
        let app = App::content();
        Self { dir, app, settings }
    }

    fn gate(&self) -> Gate {
        self.gate_with(SECRET)
    }

    fn gate_with(&self, secret: &'static [u8]) -> Gate {
        let settings = self.settings.clone();
        let keyring = move || Keyring::single(Secret::new(secret).expect("a secret"));
        let before = Setup::before(&self.app);
        before
            .with(|setup| {
                setup.policy = Box::new(move |_| Policy::new(keyring()));
                setup.config.rejected = Some(settings);
            })
            .start()
    }

    /// Starts a gate behind a trusted proxy that names the clients.
    fn gate_behind_a_proxy(&self) -> Gate {
        let settings = self.settings.clone();
        let socket = self.dir.path().join("gate.sock");
        let before = Setup::before(&self.app);
        before
            .with(|setup| {
                setup.listen = format!("unix:{}", socket.display())
                    .parse()
                    .expect("a path");
                setup.config.trusted_hops = TrustedHops::from_iter([Hop::Unix]);
                setup.config.rejected = Some(settings);
            })
            .start()
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.settings.dir).expect("a directory");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        // A file that is being written has another name.
        files.retain(|file| file.extension().is_some_and(|end| end == "http"));
        files.sort();
        files
    }

    /// Waits for the file of a delivery. One thread writes the files in turn, so earlier ones are complete.
    fn file(&self, id: &str) -> PathBuf {
        let mut found = None;
        wait_until("a rejection is saved", || {
            let is_its = |file: &PathBuf| file.display().to_string().contains(id);
            found = self.files().into_iter().find(is_its);
            found.is_some()
        });
        found.expect("waited for")
    }

    fn sources(&self) -> Vec<String> {
        let source = |file: &PathBuf| saved(file).source.to_string();
        self.files().iter().map(source).collect()
    }

    fn secret_file(&self, name: &str, secret: &[u8]) -> String {
        let path = self.dir.path().join(name);
        write_secret(&path, secret);
        path.display().to_string()
    }
}

fn saved(file: &Path) -> SavedRejection {
    SavedRejection::read(&fs::read(file).expect("a file").into()).expect("a saved rejection")
}

/// Sends a request that must be rejected, and returns its id.
fn rejected(client: &mut Client, request: impl AsRef<[u8]>) -> String {
    let answer = client.ask(request);
    assert_eq!(answer.status, 401);
    answer
        .header("x-cartgate-delivery")
        .expect("an id")
        .to_owned()
}

/// Runs the built program. Returns its exit status and its output, which must not contain a secret.
fn cartgate(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let Output {
        status,
        stdout,
        stderr,
    } = command.env_clear().args(args).output().expect("it runs");
    let said = [stdout, stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    for secret in [SECRET, OLD_SECRET] {
        let secret = std::str::from_utf8(secret).expect("ASCII");
        assert!(!said.contains(secret), "a secret: {said}");
    }
    (status.code().expect("no signal"), said)
}
