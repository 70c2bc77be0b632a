//! The listener of a server: open, it accepts connections; shut, it rejects new ones and has broken
//! all others.

use std::{
    collections::HashMap,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use socket2::SockRef;

use super::{port::Port, wait::wait_until};

/// Serves a connection on its own thread.
type Serve = dyn Fn(TcpStream) + Send + Sync;

pub(crate) struct Door {
    port: Port,
    state: Arc<Mutex<State>>,
    serve: Arc<Serve>,
}

#[derive(Default)]
struct State {
    /// None while it is shut.
    listener: Option<TcpListener>,
    connections: HashMap<u64, TcpStream>,
    opened: u64,
}

impl Door {
    /// Opens a listener.
    pub(crate) fn open(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let door = Self {
            port: Port::reserve(),
            state: Arc::default(),
            serve: Arc::new(serve),
        };
        door.reopen();
        door
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Rejects new connections and breaks the open ones.
    pub(crate) fn shut(&self) {
        let mut state = self.state.lock().expect("no panic");
        if let Some(listener) = state.listener.take() {
            // Closing it would not wake the thread that accepts there.
            let woken = SockRef::from(&listener).shutdown(Shutdown::Both);
            woken.expect("it listened");
        }
        for connection in state.connections.values() {
            // The other side may have left before.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Waits until no client is connected and everything received has been read.
    #[track_caller]
    pub(crate) fn wait_until_left_alone(&self) {
        wait_until("connections end", || {
            self.state.lock().expect("no panic").connections.is_empty()
        });
    }

    /// Accepts connections again, on the same port.
    pub(crate) fn reopen(&self) {
        let mut state = self.state.lock().expect("no panic");
        if state.listener.is_some() {
            return;
        }
        let listener = self.port.listen();
        state.listener = Some(listener.try_clone().expect("a second handle"));
        drop(state);
        let (state, serve) = (Arc::clone(&self.state), Arc::clone(&self.serve));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let Some(number) = enter(&state, &stream) else {
                    return;
                };
                let (state, serve) = (Arc::clone(&state), Arc::clone(&serve));
                thread::spawn(move || {
                    serve(stream);
                    let mut state = state.lock().expect("no panic");
                    state.connections.remove(&number);
                });
            }
        });
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Records a connection, unless the listener was shut since it was accepted.
fn enter(state: &Mutex<State>, stream: &TcpStream) -> Option<u64> {
    let mut state = state.lock().expect("no panic");
    state.listener.as_ref()?;
    state.opened += 1;
    let number = state.opened;
    let second = stream.try_clone().expect("a second handle");
    state.connections.insert(number, second);
    Some(number)
}
