//! Rotations of secrets under load: no genuine delivery is rejected, and no removed secret is
//! accepted once the log reports the new ones.

use std::{
    fs,
    path::Path,
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use super::{FAILED, IN_FORCE, a_few_looks, count, file, in_force, link_over, rename_over};
use crate::{
    program::{Program, write_secret},
    support::{App, BODY, Client, ms, request, sign_with, wait_until},
};

const SENDERS: usize = 3;

/// Returns a secret; all have the same length.
fn secret(generation: usize) -> Vec<u8> {
    format!("planted secret {generation:04} of the tests").into_bytes()
}

fn delivery(secret: &[u8]) -> Vec<u8> {
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(secret, BODY));
    request("POST /hooks HTTP/1.1", &lines, BODY)
}

/// The secrets of the senders. Each sender holds a read lock while it sends, so that a secret is
/// removed only when no delivery with its signature is on its way.
#[derive(Default)]
struct Sending {
    generation: RwLock<usize>,
    sent: AtomicUsize,
    over: AtomicBool,
}

/// Ends the senders when it is dropped, also if a wait fails.
struct Over<'s>(&'s Sending);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, SeqCst);
    }
}

impl Sending {
    fn send(&self, mut client: Client) {
        while !self.over.load(SeqCst) {
            let generation = self.generation.read().expect("no panic");
            let answer = client.ask(delivery(&secret(*generation)));
            assert_eq!(answer.status, 200, "a genuine one by secret {generation}");
            self.sent.fetch_add(1, SeqCst);
        }
    }

    fn wait_for_more(&self) {
        let before = self.sent.load(SeqCst);
        wait_until("deliveries on the way", || {
            self.sent.load(SeqCst) > before + SENDERS
        });
    }
}

/// A way to replace the secrets `current` and `previous` in a directory.
type Replace = fn(&Path, current: &[u8], previous: &[u8]);

/// Rotates through these ways, each from one generation to the next, while senders send.
fn rotates(program: &Program, dir: &Path, ways: &[Replace]) {
    let sending = Sending::default();
    *sending.generation.write().expect("no panic") = 1;
    thread::scope(|threads| {
        let _over = Over(&sending);
        for _ in 0..SENDERS {
            threads.spawn(|| sending.send(program.client()));
        }
        let mut probe = program.client();
        let mut status = |generation| probe.ask(delivery(&secret(generation))).status;
        for (replace, current) in ways.iter().zip(2..) {
            replace(dir, &secret(current), &secret(current - 1));
            in_force(program, current - 1);
            assert_eq!(status(current), 200, "the new one");
            assert_eq!(status(current - 1), 200, "the one before");
            assert_eq!(status(current - 2), 401, "the one that has gone");
            sending.wait_for_more();
            *sending.generation.write().expect("no panic") = current;
        }
    });
    assert_eq!(count(program, IN_FORCE), ways.len());
    assert_eq!(count(program, FAILED), 0);
}

#[test]
fn secrets_are_replaced_and_rewritten_under_load() {
    let app = App::content();
    let files: [(&str, &[u8]); 2] = [("current", &secret(1)), ("previous", &secret(0))];
    let program = Program::serve_file(&file(true, &app.url, "current", "previous"), &files);
    program.line(&["watching the files", "files=3"]);
    let replace: Replace = |dir, current, previous| {
        rename_over(&dir.join("previous"), previous);
        rename_over(&dir.join("current"), current);
    };
    // The size stays the same.
    let rewrite: Replace = |dir, current, previous| {
        write_secret(&dir.join("previous"), previous);
        write_secret(&dir.join("current"), current);
    };
    let create: Replace = |dir, current, previous| {
        for (name, content) in [("previous", previous), ("current", current)] {
            fs::remove_file(dir.join(name)).expect("removed");
            write_secret(&dir.join(name), content);
        }
    };
    rotates(&program, &program.file(""), &[replace, rewrite, create]);
    let changed = program.line(&["reloading, because files have changed"]);
    assert!(changed.contains("files=\"current, previous\""), "{changed}");
}

/// Kubernetes mounts a Secret in this way: each file is a link through the link `..data`, which is
/// replaced as a whole.
#[test]
fn the_data_link_of_kubernetes_is_swapped_under_load() {
    fn version(mount: &Path, current: &[u8], previous: &[u8]) -> String {
        let name = format!(
            "..2026_{}",
            String::from_utf8_lossy(current).replace(' ', "_")
        );
        fs::create_dir_all(mount.join(&name)).expect("created");
        write_secret(&mount.join(&name).join("current"), current);
        write_secret(&mount.join(&name).join("previous"), previous);
        name
    }
    let swap: Replace = |mount, current, previous| {
        let data = mount.join("..data");
        let old = fs::read_link(&data).expect("a link");
        link_over(&data, &version(mount, current, previous));
        fs::remove_dir_all(mount.join(old)).expect("removed");
    };
    let dir = tempfile::tempdir().expect("a directory");
    let mount = dir.path();
    link_over(
        &mount.join("..data"),
        &version(mount, &secret(1), &secret(0)),
    );
    for name in ["current", "previous"] {
        link_over(&mount.join(name), &format!("..data/{name}"));
    }
    let app = App::content();
    let path = |name| mount.join(name).display().to_string();
    let text = file(true, &app.url, &path("current"), &path("previous"));
    let program = Program::serve_file(&text, &[]);
    rotates(&program, mount, &[swap, swap]);
}

#[test]
fn a_half_written_secret_is_not_taken() {
    let app = App::content();
    let files: [(&str, &[u8]); 2] = [("current", &secret(1)), ("previous", &secret(0))];
    let program = Program::serve_file(&file(true, &app.url, "current", "previous"), &files);
    let current = program.file("current");
    let mut client = program.client();
    // A slow writer, over several looks. Each of the states would be a usable secret.
    let whole = secret(2);
    for length in 1..=whole.len() {
        fs::write(&current, &whole[..length]).expect("written");
        assert_eq!(client.ask(delivery(&secret(1))).status, 200, "the old one");
        thread::sleep(ms(120));
    }
    in_force(&program, 1);
    assert_eq!(client.ask(delivery(&whole)).status, 200);
    assert_eq!(client.ask(delivery(&secret(1))).status, 401);
    assert_eq!(count(&program, IN_FORCE), 1);
    assert_eq!(count(&program, FAILED), 0);
}

#[test]
fn an_unusable_secret_leaves_the_old_one_until_it_is_mended() {
    let app = App::content();
    let files: [(&str, &[u8]); 2] = [("current", &secret(1)), ("previous", &secret(0))];
    let program = Program::serve_file(&file(true, &app.url, "current", "previous"), &files);
    let current = program.file("current");
    let mut client = program.client();
    let mut old_stays = |failures: usize| {
        wait_until("the failure", || count(&program, FAILED) == failures);
        a_few_looks();
        assert_eq!(count(&program, FAILED), failures, "one line each");
        assert_eq!(client.ask(delivery(&secret(1))).status, 200);
    };
    write_secret(&current, b"");
    old_stays(1);
    fs::remove_file(&current).expect("removed");
    old_stays(2);
    write_secret(&current, &secret(2));
    in_force(&program, 1);
    assert_eq!(client.ask(delivery(&secret(2))).status, 200);
    assert_eq!(client.ask(delivery(&secret(1))).status, 401);
}

#[test]
fn the_flag_and_the_variable_watch_the_files_of_flags() {
    let app = App::content();
    let by_flag = Program::serve(&app, &["--watch"]);
    let by_variable = Program::serve_with(&app, &[], &[("CARTGATE_WATCH", "true")]);
    for program in [by_flag, by_variable] {
        program.line(&["watching the files", "files=1"]);
        program.write_secret(&secret(2));
        in_force(&program, 1);
        assert_eq!(program.client().ask(delivery(&secret(2))).status, 200);
    }
}

#[test]
fn a_file_that_changes_all_the_time_does_not_hold_back_a_rotation() {
    let app = App::content();
    let files: [(&str, &[u8]); 2] = [("current", &secret(1)), ("previous", &secret(0))];
    let program = Program::serve_file(&file(true, &app.url, "current", "previous"), &files);
    let sending = Sending::default();
    thread::scope(|threads| {
        let _over = Over(&sending);
        threads.spawn(|| {
            while !sending.over.load(SeqCst) {
                rename_over(&program.file("previous"), &secret(0));
                thread::sleep(ms(100));
            }
        });
        write_secret(&program.file("current"), &secret(2));
        in_force(&program, 1);
        program.line(&["WARN", "files change all the time", "files=previous"]);
        let mut client = program.client();
        assert_eq!(client.ask(delivery(&secret(2))).status, 200);
        assert_eq!(client.ask(delivery(&secret(1))).status, 401);
    });
}
