//! Threads that own connections, and the queue in front of them.
//!
//! A request waits in a bounded queue for a thread, runs there, and answers
//! through a one-shot channel; no executor thread ever waits for a database. The
//! connections come from an r2d2 pool, which makes them in the background and
//! makes lost ones anew; a thread keeps one as long as there is work. SQLite has
//! one thread for writing and several for reading.
//!
//! A caller waits no longer than connecting and one statement may take. A write
//! on which it gives up is not made, however far it has come; only while it is
//! being committed does the caller wait as long once more, after which its outcome
//! is unknown, as after a lost connection ([`decision`](super::decision)).
//!
//! **Invariant:** a request whose caller has gone is neither begun nor committed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use diesel::r2d2::{self, HandleError, ManageConnection, PooledConnection};
use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use crate::{
    config::sql::SqlSettings,
    store::{
        StoreError,
        sql::{
            catalogue::Catalogue,
            decision::{Decision, LeftCommits},
            dialect::{Dialect, Flavour, Session},
            error::{Cure, Failure},
            url::{self, Address},
        },
    },
};

/// How often a transaction that others got in the way of is run again.
const MOST_REPEATS: u32 = 3;
/// A thread without work gives its connection back, so that the pool may close it.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait before looking whether connecting failed.
const GLANCE: Duration = Duration::from_millis(50);
/// How long connecting must fail before requests no longer wait for it: a server that restarts is
/// back sooner, and the pool tries again after 200 ms, then ever less often.
const GRACE: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// The threads of one store.
pub(super) struct Pool {
    reads: flume::Sender<Job>,
    writes: flume::Sender<Job>,
    catalogue: Arc<Catalogue>,
    flavour: Flavour,
    deadline: Duration,
    left: LeftCommits,
}

impl Pool {
    /// Starts the threads. No connection is made yet.
    pub(super) fn start(settings: &SqlSettings) -> Result<Self, StoreError> {
        let address = url::parse(settings)?;
        let flavour = address.flavour;
        let connect_timeout = Duration::from_secs(settings.connect_timeout_secs.max(1));
        let readers = settings.connections.max(1);
        let size = if flavour == Flavour::Sqlite { readers + 1 } else { readers };
        let trouble = Trouble::default();
        let manager = Manager {
            address,
            session: Session {
                statement_timeout_secs: settings.statement_timeout_secs.max(1),
                settings: settings.session.clone(),
            },
            trouble: trouble.clone(),
        };
        let connections = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(connect_timeout)
            .error_handler(Box::new(trouble.clone()))
            .build_unchecked(manager);
        let catalogue = Arc::new(Catalogue::default());
        let start = |name: &str, count: u32| -> Result<flume::Sender<Job>, StoreError> {
            let (sender, receiver) = flume::bounded(settings.queue.max(1));
            for index in 0..count {
                let worker = Worker {
                    jobs: receiver.clone(),
                    connections: connections.clone(),
                    held: None,
                    catalogue: Arc::clone(&catalogue),
                    trouble: trouble.clone(),
                    connect_timeout,
                    index,
                };
                thread::Builder::new()
                    .name(format!("sql-{name}-{index}"))
                    .spawn(move || worker.run())
                    .map_err(|e| StoreError::Unavailable(format!("no thread could be started: {e}")))?;
            }
            Ok(sender)
        };
        let reads = start("read", readers)?;
        let writes = if flavour == Flavour::Sqlite { start("write", 1)? } else { reads.clone() };
        let deadline = connect_timeout + Duration::from_secs(settings.statement_timeout_secs.max(1) + 1);
        Ok(Self { reads, writes, catalogue, flavour, deadline, left: LeftCommits::default() })
    }

    pub(super) fn flavour(&self) -> Flavour {
        self.flavour
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// True while something is being committed that nobody waits for any more.
    pub(super) fn is_settling(&self) -> bool {
        self.left.are_open()
    }

    /// Has a thread read something.
    pub(super) fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Dialect, &Catalogue) -> Result<T, Failure> + Send + 'static,
    ) -> LocalBoxFuture<'static, Result<T, StoreError>> {
        self.ask(&self.reads, move |connection, catalogue, _| work(connection, catalogue))
    }

    /// Has a thread write something, as long as the decision is open.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Dialect, &Catalogue, &Decision) -> Result<T, Failure> + Send + 'static,
    ) -> LocalBoxFuture<'static, Result<T, StoreError>> {
        self.ask(&self.writes, work)
    }

    /// Has a thread do some work on its connection.
    fn ask<T: Send + 'static>(
        &self,
        queue: &flume::Sender<Job>,
        work: impl Fn(&mut dyn Dialect, &Catalogue, &Decision) -> Result<T, Failure> + Send + 'static,
    ) -> LocalBoxFuture<'static, Result<T, StoreError>> {
        let (queue, deadline, left) = (queue.clone(), self.deadline, self.left.clone());
        Box::pin(async move {
            let (reply, mut answer) = oneshot::channel();
            let (decision, waiting) = Decision::pair(&left);
            let job: Job = Box::new(move |worker: &mut Worker| {
                if decision.check().is_ok() {
                    let work = |connection: &mut dyn Dialect, catalogue: &Catalogue| {
                        work(connection, catalogue, &decision)
                    };
                    // Whoever stopped waiting meanwhile does not need the answer.
                    drop(reply.send(worker.attempt(&work)));
                }
            });
            queue.try_send(job).map_err(|full| {
                StoreError::Unavailable(match full {
                    flume::TrySendError::Full(_) => "too many requests wait for this store".into(),
                    flume::TrySendError::Disconnected(_) => "the store is shut down".into(),
                })
            })?;
            let mut answered = tokio::time::timeout(deadline, &mut answer).await;
            if answered.is_err() && !waiting.give_up() {
                answered = tokio::time::timeout(deadline, answer).await;
            }
            match answered {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(waiting.leave(StoreError::Unavailable("the request was given up".into()))),
                Err(_) => Err(waiting.leave(StoreError::Timeout("the store did not answer".into()))),
            }
        })
    }
}

/// The last error of connecting, and when the first came, as long as no connection has succeeded since.
#[derive(Debug, Clone, Default)]
struct Trouble(Arc<Mutex<Option<(Instant, StoreError)>>>);

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, StoreError)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, error: StoreError) {
        let mut trouble = self.lock();
        let since = trouble.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        *trouble = Some((since, error));
    }

    fn clear(&self) {
        *self.lock() = None;
    }

    /// The error that waiting will not help against.
    fn lasting(&self) -> Option<StoreError> {
        let trouble = self.lock();
        let (since, error) = trouble.as_ref()?;
        (since.elapsed() >= GRACE || matches!(error, StoreError::Denied(_))).then(|| error.clone())
    }
}

impl HandleError<StoreError> for Trouble {
    fn handle_error(&self, error: StoreError) {
        tracing::warn!(%error, "no connection to the database");
        self.add(error);
    }
}

/// A connection, and whether it is of no use any more.
struct Held {
    dialect: Box<dyn Dialect>,
    broken: bool,
}

/// Makes connections for the pool.
struct Manager {
    address: Address,
    session: Session,
    trouble: Trouble,
}

impl ManageConnection for Manager {
    type Connection = Held;
    type Error = StoreError;

    fn connect(&self) -> Result<Held, StoreError> {
        let mut dialect = establish(self.address.flavour, &self.address.target)?;
        dialect.prepare(&self.session).map_err(|failure| failure.error)?;
        self.trouble.clear();
        Ok(Held { dialect, broken: false })
    }

    fn is_valid(&self, held: &mut Held) -> Result<(), StoreError> {
        held.dialect.ping().map_err(|failure| failure.error)
    }

    fn has_broken(&self, held: &mut Held) -> bool {
        held.broken || held.dialect.is_broken()
    }
}

fn establish(flavour: Flavour, target: &SecretString) -> Result<Box<dyn Dialect>, StoreError> {
    use diesel::Connection as _;

    use crate::store::sql::error::connecting;
    let target = target.expose_secret();
    match flavour {
        #[cfg(feature = "sqlite")]
        Flavour::Sqlite => match diesel::SqliteConnection::establish(target) {
            Ok(connection) => Ok(Box::new(connection)),
            Err(error) => Err(connecting(&error)),
        },
        #[cfg(feature = "postgres")]
        Flavour::Postgres => match diesel::PgConnection::establish(target) {
            Ok(connection) => Ok(Box::new(connection)),
            Err(error) => Err(connecting(&error)),
        },
        #[cfg(feature = "mysql")]
        Flavour::Mysql => match diesel::MysqlConnection::establish(target) {
            Ok(connection) => Ok(Box::new(connection)),
            Err(error) => Err(connecting(&error)),
        },
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        other => Err(url::not_compiled_in(other)),
    }
}

/// A thread and its connection.
struct Worker {
    jobs: flume::Receiver<Job>,
    connections: r2d2::Pool<Manager>,
    held: Option<PooledConnection<Manager>>,
    catalogue: Arc<Catalogue>,
    trouble: Trouble,
    connect_timeout: Duration,
    index: u32,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(IDLE) {
                Ok(job) => {
                    // A panic drops the job, and with it the caller's channel; the connection may be in any state.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut self))).is_err() {
                        self.give_up();
                    }
                }
                Err(flume::RecvTimeoutError::Timeout) => self.held = None,
                Err(flume::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Runs work, again where that may help.
    fn attempt<T>(
        &mut self,
        work: &dyn Fn(&mut dyn Dialect, &Catalogue) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let (mut repeats, mut reconnected, mut relearned) = (0, false, false);
        loop {
            let catalogue = Arc::clone(&self.catalogue);
            let held = self.connection(reconnected)?;
            let Failure { error, cure } = match work(held.dialect.as_mut(), &catalogue) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            match cure {
                Cure::None => return Err(error),
                Cure::Abandon => {
                    self.give_up();
                    return Err(error);
                }
                Cure::Reconnect => {
                    self.give_up();
                    if std::mem::replace(&mut reconnected, true) {
                        return Err(error);
                    }
                }
                Cure::Relearn => {
                    catalogue.forget();
                    if std::mem::replace(&mut relearned, true) {
                        return Err(error);
                    }
                }
                Cure::Again => {
                    repeats += 1;
                    if repeats > MOST_REPEATS {
                        return Err(error);
                    }
                    // Two that met in a deadlock should not meet again.
                    thread::sleep(Duration::from_millis(u64::from(repeats * 5 + self.index * 3)));
                }
            }
        }
    }

    /// The connection, a new one if there is none; after one broke, one that answers.
    fn connection(&mut self, checked: bool) -> Result<&mut Held, StoreError> {
        if self.held.is_none() {
            let mut held = self.acquire()?;
            // When a server restarts, those that lie idle in the pool are broken too.
            let mut more = self.connections.max_size();
            while checked && more > 0 && held.dialect.ping().is_err() {
                held.broken = true;
                drop(held);
                held = self.acquire()?;
                more -= 1;
            }
            self.held = Some(held);
        }
        match &mut self.held {
            Some(held) => Ok(held),
            None => Err(StoreError::Unavailable("no connection".into())),
        }
    }

    fn acquire(&self) -> Result<PooledConnection<Manager>, StoreError> {
        let start = Instant::now();
        loop {
            if let Ok(held) = self.connections.get_timeout(GLANCE) {
                return Ok(held);
            }
            // The pool goes on trying; waiting for that here would only fill the queue.
            if let Some(error) = self.trouble.lasting() {
                return Err(error);
            }
            if start.elapsed() >= self.connect_timeout {
                let known = self.trouble.lock().as_ref().map(|(_, error)| error.clone());
                return Err(known.unwrap_or_else(|| {
                    StoreError::Unavailable("the database does not accept a connection".into())
                }));
            }
        }
    }

    /// Drops a connection that is of no use any more.
    fn give_up(&mut self) {
        if let Some(mut held) = self.held.take() {
            held.broken = true;
        }
    }
}
