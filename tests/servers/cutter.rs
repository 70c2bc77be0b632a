//! A connection to a server that can be cut in the middle of traffic, or go dead.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use super::door::Door;

pub(crate) struct Cutter {
    door: Door,
    dead: Arc<Switch>,
}

#[derive(Default)]
struct Switch {
    on: Mutex<bool>,
    changed: Condvar,
}

impl Cutter {
    /// Opens a forwarder in front of a server.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let dead = Arc::<Switch>::default();
        let switch = Arc::clone(&dead);
        let door = Door::open(move |client| join(client, server, &switch));
        Self { door, dead }
    }

    /// Returns the address of the forwarder.
    pub(crate) fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Breaks every connection and rejects new ones.
    pub(crate) fn cut(&self) {
        self.door.shut();
    }

    /// Drops all traffic silently, like a lost route.
    pub(crate) fn go_dead(&self) {
        self.dead.turn(true);
    }

    /// Forwards again, beginning with the traffic that was held back.
    pub(crate) fn mend(&self) {
        self.dead.turn(false);
        self.door.reopen();
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.dead.turn(false);
    }
}

impl Switch {
    fn turn(&self, on: bool) {
        *self.on.lock().expect("no panic") = on;
        self.changed.notify_all();
    }

    fn wait_until_off(&self) {
        let on = self.on.lock().expect("no panic");
        let off = self.changed.wait_while(on, |on| *on);
        drop(off.expect("no panic"));
    }
}

/// Copies in both directions until one side ends.
fn join(client: TcpStream, server: SocketAddr, dead: &Arc<Switch>) {
    // A client of a missing server sees a connection that ends at once.
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let second = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    let (from, to, switch) = (second(&server), second(&client), Arc::clone(dead));
    let back = thread::spawn(move || copy(from, to, &switch));
    copy(client, server, dead);
    back.join().expect("no panic");
}

fn copy(mut from: TcpStream, mut to: TcpStream, dead: &Switch) {
    let mut piece = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        dead.wait_until_off();
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    // Either may have ended already; afterwards both have.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
