//! The gate's connections to an app: full queues, unexpected data on pooled connections, and old
//! connections.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::Path,
    sync::{Mutex, mpsc::channel},
    thread,
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    program::Program,
    support::{App, BODY, Client, PATIENCE, Recorded, Then, app::answer, genuine, ms, wire::Wire},
};

/// Returns a Unix socket with room for one waiting connection.
fn narrow(path: &Path) -> UnixListener {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SockAddr::unix(path).expect("a path"))
        .expect("bound");
    socket.listen(0).expect("listening");
    OwnedFd::from(socket).into()
}

fn content(_: &Recorded, wire: &mut dyn Wire) -> io::Result<Then> {
    wire.write_all(&answer("200 OK", "", b"taken"))?;
    Ok(Then::Close)
}

#[test]
fn a_burst_waits_for_room_in_the_queue_of_a_unix_socket() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.sock");
    let app = App::unix_listening(&path, narrow(&path), ms(3), content);
    let gate = Program::serve(&app, &[]);
    let mut clients: Vec<Client> = (0..40).map(|_| gate.client()).collect();
    for client in &mut clients {
        client.send(genuine(BODY));
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(app.count(), 40);
}

#[test]
fn a_queue_that_stays_full_is_504_after_the_connect_timeout() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.sock");
    let _listener = narrow(&path);
    let mut queued = Vec::new();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("set");
        if socket
            .connect(&SockAddr::unix(&path).expect("a path"))
            .is_err()
        {
            break;
        }
        queued.push(socket);
        assert!(queued.len() < 64, "the queue never fills");
    }
    let upstream = format!("unix:{}", path.display());
    let gate = Program::serve_at(&upstream, &["--connect-timeout", "150ms"]);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, answer.error()), (504, "connection_timeout"));
}

/// After each response the app does something unexpected, and the next delivery follows at once.
fn surprises(deed: impl Fn(&mut dyn Wire) -> io::Result<Then> + Send + Sync + 'static) {
    let (ask, asked) = channel::<()>();
    let (tell, told) = channel::<()>();
    let channels = Mutex::new((asked, tell));
    let app = App::tcp(move |_, wire| {
        wire.write_all(&answer("200 OK", "", b"own"))?;
        let channels = channels.lock().expect("no panic");
        // A failed test may have closed the channel.
        let _ = channels.0.recv();
        let then = deed(wire);
        let _ = channels.1.send(());
        then
    });
    let gate = Program::serve(&app, &[]);
    let mut client = gate.client();
    for _ in 0..100 {
        let answer = client.ask(genuine(BODY));
        assert_eq!((answer.status, &answer.body[..]), (200, &b"own"[..]));
        ask.send(()).expect("the app waits");
        let done = told.recv_timeout(PATIENCE);
        done.expect("the app did it");
    }
}

#[test]
fn an_unsolicited_response_is_never_the_next_one() {
    surprises(|wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 7\r\n\r\nplanted")?;
        Ok(Then::Keep)
    });
}

#[test]
fn a_connection_that_the_app_closes_after_its_response_costs_no_delivery() {
    surprises(|wire| {
        wire.end()?;
        Ok(Then::Close)
    });
}

#[test]
fn a_connection_in_constant_use_is_replaced() {
    let app = App::content();
    let gate = Program::serve(&app, &["--upstream-max-age", "150ms"]);
    let mut client = gate.client();
    let mut deliveries = 0;
    while app.connections() < 4 {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        deliveries += 1;
        // Only a gate that never replaces its connection reaches this point.
        assert!(deliveries < 3_000, "one connection for ever");
        thread::sleep(ms(2));
    }
    assert!(
        deliveries > 10,
        "{deliveries} deliveries over 4 connections"
    );
}
