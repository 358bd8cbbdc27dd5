//! Turns that processes on one PostgreSQL database take with each other: named locks, which the database holds for one
//! session of each process (advisory locks). A process that dies loses its session, and with it what it held.
//!
//! **Invariant:** a turn that was lost is known to be lost before it is used ([`Turn::is_held`]): a session that breaks
//! takes all turns that it held with it, also if the next one gets the same locks.

mod session;

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use self::session::Session;
use crate::correlation::{Correlation, CorrelationError, connection::Manager};

/// How often a lock is asked for that others hold.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a turn is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long a process may take the same lock again and again, before it leaves it to others.
const RUN: Duration = Duration::from_millis(200);
/// For how long it leaves it.
const LEAVE: Duration = Duration::from_millis(30);
/// A turn that is older is looked at before it is used: the process may have stood still, and others may have ended
/// its session.
pub(super) const YOUNG: Duration = Duration::from_secs(3);

/// Hands questions to the thread that has the session. It ends when the last clone is gone.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    asks: flume::Sender<Ask>,
    epoch: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Ask {
    Take(Wanted),
    GiveBack { epoch: u64, keys: Vec<i64> },
    Look { reply: oneshot::Sender<()> },
}

#[derive(Debug)]
struct Wanted {
    turns: Turns,
    keys: Vec<i64>,
    /// What nobody takes out of it any more goes back by itself.
    reply: oneshot::Sender<Result<Turn, CorrelationError>>,
    since: Instant,
    not_before: Instant,
}

/// Locks that this process has; they go back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    epoch: u64,
    keys: Vec<i64>,
    since: Instant,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        // Without the thread there is no session that holds them.
        drop(self.turns.asks.send(Ask::GiveBack { epoch: self.epoch, keys }));
    }
}

impl Turn {
    /// False if others may have taken it meanwhile.
    pub async fn is_held(&self) -> bool {
        if self.since.elapsed() > YOUNG {
            let (reply, answer) = oneshot::channel();
            drop(self.turns.asks.send(Ask::Look { reply }));
            if answer.await.is_err() {
                return false;
            }
        }
        self.turns.epoch.load(Ordering::SeqCst) == self.epoch
    }
}

impl Correlation {
    /// Waits for its turn under all of these names, where other processes may work on this database; `None` where
    /// none do.
    ///
    /// # Errors
    ///
    /// [`CorrelationError::Busy`] if others keep it for too long.
    pub async fn turn(&self, names: &[String]) -> Result<Option<Turn>, CorrelationError> {
        let Some(turns) = self.turns.as_ref().filter(|_| !self.is_rehearsal() && !names.is_empty()) else {
            return Ok(None);
        };
        let mut keys: Vec<i64> = names.iter().map(|name| key(&self.tenant, name)).collect();
        keys.sort_unstable();
        keys.dedup();
        let (reply, answer) = oneshot::channel();
        let now = Instant::now();
        let wanted = Wanted { turns: turns.clone(), keys, reply, since: now, not_before: now };
        turns.asks.send(Ask::Take(wanted)).map_err(|_| CorrelationError::Busy)?;
        answer.await.unwrap_or(Err(CorrelationError::Busy)).map(Some)
    }

    /// True if a process has the session that holds its turns: then it lives, or was only just stopped.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn has_turns(&self, replica: &str) -> Result<bool, CorrelationError> {
        let name = session_name(replica);
        match &self.turns {
            None => Ok(false),
            Some(_) => self.workers.read(move |conn| session::exists(conn, &name)).await,
        }
    }

    /// Ends the session that holds the turns of a process that is taken for dead: if it only stood still, it finds
    /// them lost.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub(super) async fn end_turns_of(&self, replica: &str) -> Result<(), CorrelationError> {
        let name = session_name(replica);
        match &self.turns {
            None => Ok(()),
            Some(_) => self.workers.read(move |conn| session::end(conn, &name)).await,
        }
    }
}

/// The name of a process's session, which the server shows (`pg_stat_activity`).
fn session_name(replica: &str) -> String {
    format!("scimgate turns {replica}")
}

/// The number that stands for a name. Two names with the same one only wait for each other.
fn key(tenant: &str, name: &str) -> i64 {
    let digest = Sha256::new().chain_update(tenant).chain_update([0]).chain_update(name).finalize();
    digest.iter().take(8).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte))
}

impl Turns {
    /// Starts the thread. It connects when the first turn is asked for.
    pub(super) fn start(manager: Manager, replica: &str) -> io::Result<Self> {
        // No longer than there are requests under way.
        let (asks, queue) = flume::unbounded();
        let epoch = Arc::new(AtomicU64::new(0));
        let sessions =
            Sessions { manager, name: session_name(replica), open: None, epoch: Arc::clone(&epoch) };
        thread::Builder::new()
            .name("correlation-turns".to_owned())
            .spawn(move || Desk { sessions, waiting: Vec::new(), runs: HashMap::new() }.serve(&queue))?;
        Ok(Self { asks, epoch })
    }
}

/// The session, and how often there was a new one.
struct Sessions {
    manager: Manager,
    name: String,
    open: Option<Session>,
    epoch: Arc<AtomicU64>,
}

impl Sessions {
    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Gives locks back and takes others: for each of these, whether it was free. A session that turns out to be
    /// broken is replaced.
    fn swap(&mut self, back: &[i64], take: &[i64]) -> Result<Vec<bool>, CorrelationError> {
        if let Some(session) = &mut self.open {
            let swapped = session.give_back(back).and_then(|()| session.take(take));
            let Err(error) = swapped else { return swapped };
            tracing::warn!(%error, "turns with other processes are lost");
            // Whatever it was: what this session holds is not known any more.
            self.close();
        }
        let mut session = Session::open(&self.manager, &self.name)?;
        let taken = session.take(take)?;
        self.open = Some(session);
        Ok(taken)
    }

    fn close(&mut self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.open = None;
    }
}

/// Takes and gives back for all requests of this process, many at once.
struct Desk {
    sessions: Sessions,
    waiting: Vec<Wanted>,
    /// Since when each lock went from one request of this process to the next, and when it did last.
    runs: HashMap<i64, (Instant, Instant)>,
}

impl Desk {
    fn serve(mut self, queue: &flume::Receiver<Ask>) {
        loop {
            let first = match self.waiting.is_empty() {
                true => queue.recv().map_err(|_| flume::RecvTimeoutError::Disconnected),
                false => queue.recv_timeout(PAUSE),
            };
            if matches!(first, Err(flume::RecvTimeoutError::Disconnected)) {
                return;
            }
            let (mut back, mut looks) = (Vec::new(), Vec::new());
            for ask in first.into_iter().chain(queue.try_iter()) {
                match ask {
                    Ask::Take(wanted) => self.waiting.push(wanted),
                    Ask::GiveBack { epoch, keys } => {
                        if epoch == self.sessions.epoch() {
                            back.extend(keys);
                        }
                    }
                    Ask::Look { reply } => looks.push(reply),
                }
            }
            self.round(back, !looks.is_empty());
            // Who gave up waiting is not interested.
            looks.into_iter().for_each(|reply| reply.send(()).unwrap_or_default());
        }
    }

    /// One question to the database for all.
    fn round(&mut self, back: Vec<i64>, is_looked_at: bool) {
        let now = Instant::now();
        back.iter().for_each(|key| self.runs.entry(*key).or_insert((now, now)).1 = now);
        self.runs.retain(|_, (_, last)| now - *last < LEAVE);
        let (mut asking, mut later) = (Vec::new(), Vec::new());
        for mut wanted in std::mem::take(&mut self.waiting) {
            if wanted.reply.is_closed() {
                continue;
            }
            if now - wanted.since > PATIENCE {
                drop(wanted.reply.send(Err(CorrelationError::Busy)));
                continue;
            }
            // Others must come to their turn, too.
            if wanted.keys.iter().any(|key| self.runs.get(key).is_some_and(|(begun, _)| now - *begun > RUN)) {
                self.runs.retain(|key, _| !wanted.keys.contains(key));
                wanted.not_before = now + LEAVE;
            }
            if wanted.not_before > now { later.push(wanted) } else { asking.push(wanted) }
        }
        self.waiting = later;
        if back.is_empty() && asking.is_empty() && !is_looked_at {
            return;
        }
        let take: Vec<i64> = asking.iter().flat_map(|wanted| wanted.keys.iter().copied()).collect();
        let mut got = match self.sessions.swap(&back, &take) {
            Ok(got) => got.into_iter(),
            Err(error) => {
                let reason = error.to_string();
                for wanted in asking {
                    drop(wanted.reply.send(Err(CorrelationError::Unavailable(reason.clone()))));
                }
                return;
            }
        };
        let epoch = self.sessions.epoch();
        let mut surplus = Vec::new();
        for wanted in asking {
            let mine: Vec<bool> = got.by_ref().take(wanted.keys.len()).collect();
            let all = wanted.keys.iter().zip(&mine);
            let some: Vec<i64> = all.filter(|(_, got)| **got).map(|(key, _)| *key).collect();
            if some.len() < wanted.keys.len() {
                surplus.extend(some);
                self.waiting.push(wanted);
            } else {
                let Wanted { turns, keys, reply, .. } = wanted;
                drop(reply.send(Ok(Turn { turns, epoch, keys, since: now })));
            }
        }
        // Whoever has one of two locks would keep others waiting, who may have the other one.
        if !surplus.is_empty()
            && let Err(error) = self.sessions.swap(&surplus, &[])
        {
            tracing::warn!(%error, "there is no session for turns with other processes");
        }
    }
}
