//! The socket at which a gate reports its health to `cartgate healthcheck`.
//!
//! It lies in the abstract namespace of Linux, because a container may have no directory that the
//! gate can write to, and a gate need not have an admin listener. Its name is random, and
//! `/proc/net/unix` lists it. Any user can create such a socket, so a client asks only those of its
//! own user.

use std::{collections::BTreeSet, fs, io, time::Duration};

use futures_util::future::join_all;
use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};
use uuid::Uuid;

/// The beginning of each name.
const PREFIX: &str = "cartgate-health-";

/// The flags of a listening socket in `/proc/net/unix`.
const LISTENING: &str = "00010000";

/// The limit of the time in which a full queue of connections must get a free place.
const QUEUED: Duration = Duration::from_millis(500);

/// The pause between two attempts to get a place in a full queue.
const RETRY: Duration = Duration::from_millis(5);

/// Binds a socket with a new name. Must be called on a runtime.
///
/// # Errors
///
/// When the system has no abstract namespace, or permits no further socket.
pub(crate) fn bind() -> io::Result<UnixListener> {
    UnixListener::bind(address(&format!("{PREFIX}{}", Uuid::now_v7().simple())))
}

/// Accepts the next client of this user or of root. Drops those of other users at once, so that
/// they do not keep the gate's own user waiting.
///
/// # Errors
///
/// When no connection can be accepted, for example because the process has no file left.
pub(crate) async fn accept(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (client, _) = listener.accept().await?;
        let user = client.peer_cred().map(|peer| peer.uid());
        if user.is_ok_and(|user| user == 0 || user == geteuid().as_raw()) {
            return Ok(client);
        }
    }
}

/// Connects to the gates in this network and process namespace that run as this user; for root, as
/// any user. Returns each connection with the id of the gate's process, in the order of the ids.
pub(crate) async fn connect() -> Vec<(i32, UnixStream)> {
    // A system that does not list its sockets has no abstract namespace either.
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    let names = names(&String::from_utf8_lossy(&table));
    let gates = join_all(names.iter().map(|name| connect_to(name))).await;
    let mut gates: Vec<_> = gates.into_iter().flatten().collect();
    gates.sort_by_key(|(process, _)| *process);
    gates
}

/// Connects to a socket, if a gate of this user and of this process namespace listens there.
async fn connect_to(name: &str) -> Option<(i32, UnixStream)> {
    let stream = timeout(QUEUED, place_in_queue(name)).await.ok()?.ok()?;
    let peer = stream.peer_cred().ok()?;
    let own = geteuid();
    let is_own = own.is_root() || peer.uid() == own.as_raw();
    // A process in another namespace has the id 0. Containers can share a network.
    let process = peer.pid().filter(|process| *process > 0)?;
    is_own.then_some((process, stream))
}

/// Connects, and tries again while the queue of the socket is full.
async fn place_in_queue(name: &str) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(address(name)).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(RETRY).await,
            connected => return connected,
        }
    }
}

/// Returns the address of a name in the abstract namespace.
fn address(name: &str) -> String {
    format!("\0{name}")
}

/// Returns the names of the listening sockets in `/proc/net/unix`.
fn names(table: &str) -> BTreeSet<String> {
    let listening = table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let flags = fields.nth(3)?;
        let name = fields.nth(3)?.strip_prefix('@')?;
        (flags == LISTENING && name.starts_with(PREFIX)).then(|| name.to_owned())
    });
    listening.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Num       RefCount Protocol Flags    Type St Inode Path
000000001: 00000002 00000000 00010000 0001 01 11 @cartgate-health-1
000000002: 00000003 00000000 00000000 0001 03 12 @cartgate-health-2
000000003: 00000002 00000000 00010000 0001 01 13 @another
000000004: 00000002 00000000 00010000 0001 01 14 /run/cartgate-health-3
000000005: 00000003 00000000 00000000 0001 03 15
";

    #[test]
    fn only_listening_sockets_of_gates_are_found() {
        let found: Vec<_> = names(TABLE).into_iter().collect();
        assert_eq!(found, ["cartgate-health-1"]);
        assert!(names("").is_empty());
    }

    #[tokio::test]
    async fn a_gate_of_this_user_is_found_while_it_runs() {
        let socket = bind().expect("bound");
        let own = i32::try_from(std::process::id()).expect("an id");
        let finds = async || connect().await.iter().any(|(process, _)| *process == own);
        assert!(finds().await);
        drop(socket);
        assert!(!finds().await);
        a_full_queue_is_no_missing_gate().await;
    }

    /// Part of the test above, because a second socket of this process would disturb it.
    async fn a_full_queue_is_no_missing_gate() {
        let socket = bind().expect("bound");
        let address = socket.local_addr().expect("an address");
        let name = address.as_abstract_name().map(String::from_utf8_lossy);
        let name = name.expect("a name").into_owned();
        let mut queued = Vec::new();
        while let Ok(client) = UnixStream::connect(format!("\0{name}")).await {
            queued.push(client);
        }
        assert!(!queued.is_empty());
        let asked = tokio::spawn(async move { connect_to(&name).await });
        tokio::task::yield_now().await;
        accept(&socket).await.expect("a client of this user");
        assert!(asked.await.expect("it ends").is_some());
    }
}
