//! A network between the gateway and a server of its store that delays, swallows, cuts and resets when it is told to.
//! It knows nothing of what passes: TLS goes through as it is.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{sleep, timeout},
};

use super::wire;

/// How long the server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often somebody who must wait looks again.
const PAUSE: Duration = Duration::from_millis(5);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides see an orderly end.
    Close,
    /// Both sides see a reset (RST).
    Reset,
    /// Half of what is sent next arrives, then both sides see an end.
    Midway,
}

/// Passes connections on to a server, as long as it is told to.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Host and port of the server.
    server: String,
    is_refusing: Cell<bool>,
    is_swallowing: Cell<bool>,
    delay: Cell<Duration>,
    links: RefCell<Vec<Weak<Link>>>,
}

/// A connection, from one end to the other.
#[derive(Debug)]
struct Link {
    near: TcpStream,
    far: TcpStream,
    end: Cell<Option<End>>,
    told: Notify,
}

impl Proxy {
    /// Listens on a port of its own.
    pub(super) async fn to(server: String) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Rc::new(State { server, ..State::default() });
        actix_web::rt::spawn(listen(address, listener, Rc::clone(&state)));
        Ok(Self { address, state })
    }

    /// Refuses new connections, or no longer does.
    pub(super) fn set_refusing(&self, is_refusing: bool) {
        self.state.is_refusing.set(is_refusing);
    }

    /// Passes nothing on, or does so again. What the sender has given up by then never arrives.
    pub(super) fn set_swallowing(&self, is_swallowing: bool) {
        self.state.is_swallowing.set(is_swallowing);
    }

    /// Lets everything arrive so much later.
    pub(super) fn set_delay(&self, delay: Duration) {
        self.state.delay.set(delay);
    }

    /// Ends connections: those that `choose` picks.
    pub(super) fn end(&self, end: End, mut choose: impl FnMut() -> bool) {
        self.state.links.borrow_mut().retain(|link| link.strong_count() > 0);
        for link in self.state.links.borrow().iter().filter_map(Weak::upgrade).filter(|_| choose()) {
            link.end.set(Some(end));
            link.told.notify_waiters();
        }
    }
}

async fn listen(address: SocketAddr, listener: TcpListener, state: Rc<State>) {
    let mut open = Some(listener);
    loop {
        if state.is_refusing.get() {
            // Nobody listens: the system refuses.
            open = None;
        } else if open.is_none() {
            open = TcpListener::bind(address).await.ok();
        }
        let Some(listener) = &open else {
            sleep(PAUSE).await;
            continue;
        };
        if let Ok(Ok((near, _))) = timeout(PAUSE, listener.accept()).await {
            actix_web::rt::spawn(pass(near, Rc::clone(&state)));
        }
    }
}

async fn pass(near: TcpStream, state: Rc<State>) {
    // A server that is down lets nobody in: neither do we.
    let Ok(Ok(far)) = timeout(PATIENCE, TcpStream::connect(&state.server)).await else {
        near.set_zero_linger().ok();
        return;
    };
    near.set_nodelay(true).ok();
    far.set_nodelay(true).ok();
    let link = Rc::new(Link { near, far, end: Cell::new(None), told: Notify::new() });
    state.links.borrow_mut().push(Rc::downgrade(&link));
    tokio::select! {
        () = carry(&link, &link.near, &link.far, &state) => {}
        () = carry(&link, &link.far, &link.near, &state) => {}
    }
    if link.end.get() == Some(End::Reset) {
        for stream in [&link.near, &link.far] {
            // It may be closed already.
            stream.set_zero_linger().ok();
        }
    }
}

/// Carries what comes in one direction, until the connection ends.
async fn carry(link: &Link, from: &TcpStream, to: &TcpStream, state: &State) {
    let mut buffer = [0; 16_384];
    loop {
        let number = tokio::select! {
            read = wire::read(from, &mut buffer) => read.unwrap_or(0),
            () = link.told.notified() => match link.end.get() {
                Some(End::Midway) | None => continue,
                Some(_) => 0,
            },
        };
        let mut bytes = buffer.get(..number).unwrap_or_default().to_vec();
        let mut is_late = false;
        let waits = !state.delay.get().is_zero();
        if waits {
            sleep(state.delay.get()).await;
        }
        while state.is_swallowing.get() && link.end.get().is_none() {
            is_late = true;
            sleep(PAUSE).await;
        }
        // Who gave up while it was held back does not send it any more.
        let is_gone = (is_late || waits) && has_closed(from, &mut bytes);
        match link.end.get() {
            Some(End::Midway) => bytes.truncate(number / 2),
            Some(_) => return,
            None => {}
        }
        if bytes.is_empty() || is_gone || wire::write(to, &bytes).await.is_err() {
            return;
        }
        if link.end.get().is_some() {
            return;
        }
    }
}

/// True if the sender has closed the connection; what has come meanwhile is added.
fn has_closed(from: &TcpStream, bytes: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16_384];
    loop {
        match from.try_read(&mut buffer) {
            Ok(0) => return true,
            Ok(number) => bytes.extend_from_slice(buffer.get(..number).unwrap_or_default()),
            Err(e) => return e.kind() != io::ErrorKind::WouldBlock,
        }
    }
}
