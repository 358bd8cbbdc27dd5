//! A network between the gateway and a directory that knows LDAP (RFC 4511) well enough to count the changes that pass,
//! and breaks at the one that is chosen.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// Tags of requests that change something: modify, add, delete, rename, and extended ones (a password).
const CHANGES: [u8; 5] = [0x66, 0x68, 0x4a, 0x6c, 0x77];

/// How late what is late arrives.
const LATE: Duration = Duration::from_millis(150);

/// What is lost when it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// So many changes were made and answered; the next one never arrives.
    Request,
    /// So many changes were made, and the answer to the last one is lost.
    Answer,
    /// As with a request, but it arrives a little later.
    Late,
}

/// Where it breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fuse {
    /// Behind so many changes.
    pub(crate) after: usize,
    /// What is lost.
    pub(crate) loss: Loss,
    /// True: connections can be opened again at once. False: not before [`Wire::mend`].
    pub(crate) comes_back: bool,
}

#[derive(Default)]
struct State {
    open: Vec<TcpStream>,
    is_down: bool,
    fuse: Option<Fuse>,
    /// Changes that were sent on, and how many of them were answered.
    sent: usize,
    answered: usize,
}

/// Passes connections without TLS on to a directory.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if lock(&shared).is_down {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                // Numbers of the messages on this connection that are changes.
                let changes = Arc::new(Mutex::new(Vec::new()));
                for (from, to, is_up) in [(&client, &server, true), (&server, &client, false)] {
                    lock(&shared).open.push(from.try_clone().unwrap());
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (shared, changes) = (Arc::clone(&shared), Arc::clone(&changes));
                    thread::spawn(move || pass_on(from, to, is_up, &shared, &changes));
                }
            }
        });
        Self { address, state }
    }

    /// Counts from here on, and breaks where the fuse says.
    pub(crate) fn arm(&self, fuse: Option<Fuse>) {
        let mut state = lock(&self.state);
        (state.fuse, state.sent, state.answered) = (fuse, 0, 0);
    }

    /// Lets connections be opened again.
    pub(crate) fn mend(&self) {
        let mut state = lock(&self.state);
        (state.fuse, state.is_down) = (None, false);
    }

    /// How many changes were answered since it was armed.
    pub(crate) fn answered(&self) -> usize {
        lock(&self.state).answered
    }

    /// True if the fuse has blown.
    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.state).fuse.is_none()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    /// True if the message is not passed on, since everything breaks here.
    fn breaks_at(&mut self, is_change: bool, is_up: bool) -> bool {
        if !is_change {
            return false;
        }
        let is_here = self.fuse.is_some_and(|fuse| match (fuse.loss, is_up) {
            (Loss::Request | Loss::Late, true) => self.sent >= fuse.after,
            (Loss::Answer, false) => self.answered + 1 >= fuse.after,
            _ => false,
        });
        match is_up {
            true if !is_here => self.sent += 1,
            true => {}
            false => self.answered += 1,
        }
        if let Some(fuse) = self.fuse.filter(|_| is_here) {
            self.is_down = !fuse.comes_back;
            self.fuse = None;
            if fuse.loss == Loss::Late {
                return true;
            }
            for stream in self.open.drain(..) {
                // It may be closed already.
                stream.shutdown(Shutdown::Both).ok();
            }
        }
        is_here
    }
}

fn pass_on(
    mut from: TcpStream,
    mut to: TcpStream,
    is_up: bool,
    state: &Mutex<State>,
    changes: &Mutex<Vec<Vec<u8>>>,
) {
    while let Some(message) = read_message(&mut from) {
        let (number, tag) = number_and_tag(&message);
        let mut changes = changes.lock().unwrap();
        let at = changes.iter().position(|change| *change == number);
        let is_change = if is_up { CHANGES.contains(&tag) } else { at.is_some() };
        let is_late = lock(state).fuse.is_some_and(|fuse| fuse.loss == Loss::Late);
        if lock(state).breaks_at(is_change, is_up) {
            if is_late {
                from.shutdown(Shutdown::Both).ok();
                thread::sleep(LATE);
                to.write_all(&message).ok();
            }
            return;
        }
        match at {
            Some(at) if !is_up => drop(changes.remove(at)),
            _ if is_up && is_change => changes.push(number),
            _ => {}
        }
        drop(changes);
        if to.write_all(&message).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}

/// One message: a sequence, its length and what is in it (X.690 §8.1).
fn read_message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 2];
    from.read_exact(&mut message).ok()?;
    let mut length = usize::from(message[1]);
    if length > 0x80 {
        let mut digits = vec![0; length - 0x80];
        from.read_exact(&mut digits).ok()?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        message.extend(digits);
    }
    let start = message.len();
    message.resize(start + length, 0);
    from.read_exact(&mut message[start..]).ok()?;
    Some(message)
}

/// The message's number, and the tag of what is asked or answered.
fn number_and_tag(message: &[u8]) -> (Vec<u8>, u8) {
    let start = if message[1] > 0x80 { 2 + usize::from(message[1] - 0x80) } else { 2 };
    let digits = usize::from(message[start + 1]);
    (message[start + 2..start + 2 + digits].to_vec(), message[start + 2 + digits])
}
