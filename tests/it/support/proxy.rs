//! A network between a store and its server that can be cut, frozen and swallow what knocks.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

#[derive(Default)]
struct State {
    open: Mutex<Vec<TcpStream>>,
    down: AtomicBool,
    frozen: AtomicBool,
    deaf: AtomicBool,
    /// Connections of our own that nobody accepts: they leave no room for others.
    crowd: Mutex<Vec<TcpStream>>,
    /// Where they came from: the server never sees them.
    own: Mutex<HashSet<SocketAddr>>,
}

/// How often a thread looks whether its connection may go on.
const PAUSE: Duration = Duration::from_millis(10);

/// Passes connections on to a server, as long as it is told to.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                while shared.deaf.load(Ordering::SeqCst) {
                    thread::sleep(PAUSE);
                }
                let peer = client.peer_addr().ok();
                if peer.is_some_and(|peer| shared.own.lock().unwrap().remove(&peer)) {
                    continue;
                }
                if shared.down.load(Ordering::SeqCst) {
                    continue;
                }
                // A server that is down lets nobody in: neither do we.
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    shared.open.lock().unwrap().push(from.try_clone().unwrap());
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || pass_on(from, to, &shared));
                }
            }
        });
        Self { address, state }
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            // It may be closed already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Refuses new connections, or no longer does.
    pub(crate) fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// Answers nobody who knocks, as when packets are lost on the way (a black hole), or does so again. Open
    /// connections stay.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.state.deaf.store(deaf, Ordering::SeqCst);
        let mut crowd = self.state.crowd.lock().unwrap();
        crowd.clear();
        while deaf && let Ok(stream) = TcpStream::connect_timeout(&self.address, 20 * PAUSE) {
            self.state.own.lock().unwrap().insert(stream.local_addr().unwrap());
            crowd.push(stream);
        }
    }

    /// Holds everything back, or no longer does.
    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.state.frozen.store(frozen, Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.frozen.load(Ordering::SeqCst) {
            thread::sleep(PAUSE);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
