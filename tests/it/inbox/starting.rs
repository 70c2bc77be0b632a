//! `cartgate inbox` while a gate starts: the gate has the file open and does not accept commands
//! yet.

use std::{fs, os::fd::OwnedFd, path::Path, thread};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

use super::{commands::gate, inbox};
use crate::support::wait_until;

/// Watches for a process that closes this file: the descriptor becomes readable when one has.
fn watch(file: &Path) -> OwnedFd {
    let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
    add_watch(&watch, file, WatchFlags::CLOSE_WRITE).expect("it is there");
    watch
}

#[test]
fn a_command_waits_for_a_gate_that_does_not_take_orders_yet() {
    let gate = gate(&[]);
    let (socket, hidden) = (gate.file("inbox.db.sock"), gate.file("hidden.sock"));
    wait_until("it takes orders", || socket.exists());
    fs::rename(&socket, &hidden).expect("moved");
    let lock = watch(&gate.file("inbox.db.lock"));
    thread::scope(|scope| {
        let command = scope.spawn(|| inbox(&gate, &["list"]));
        wait_until("the command has found the file locked", || {
            rustix::io::read(&lock, &mut [0; 256]).is_ok()
        });
        fs::rename(&hidden, &socket).expect("moved back");
        let ran = command.join().expect("no panic");
        ran.ends(0).says("no deliveries");
    });
}
