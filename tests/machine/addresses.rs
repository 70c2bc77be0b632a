//! An app whose host name has several addresses, some of them dead.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

use socket2::{Domain, Socket, Type};

use crate::{
    program::Program,
    support::{App, BODY, Then, app::answer, genuine, ms},
    tool::tool,
};

/// An address that is dead on the same port: a full queue drops each further SYN.
fn silent(address: SocketAddr) -> (Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&address.into()).expect("bound");
    socket.listen(0).expect("listening");
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, ms(100)) {
        queued.push(stream);
        assert!(queued.len() < 64, "the queue never fills");
    }
    (socket, queued)
}

#[test]
#[ignore = "needs unshare and a mount namespace; make test runs it"]
fn deliveries_reach_the_address_that_lives() {
    let listener = TcpListener::bind("127.0.0.2:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = App::listening(listener, |_, wire| {
        wire.write_all(&answer("200 OK", "", b"taken"))?;
        Ok(Then::Keep)
    });
    // The system sorts the addresses in its own order; the live one is never the first.
    let dead = [1, 3].map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port)));
    let _dead = dead.map(silent);
    let dir = tempfile::tempdir().expect("a directory");
    let hosts = dir.path().join("hosts");
    let lines = [1, 2, 3].map(|last| format!("127.0.0.{last} app.test\n"));
    fs::write(&hosts, lines.concat()).expect("written");
    let mut command = tool("unshare");
    let mount = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "/bin/sh", "-c", mount]);
    command.arg(&hosts);
    let gate = Program::serve_by(command, &format!("http://app.test:{port}"), &[]);
    for _ in 0..3 {
        let answer = gate.client().ask(genuine(BODY));
        assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
    }
    assert_eq!(app.count(), 3);
}
