//! The threads that do the database work: several that read, one that writes.
//!
//! Work waits in bounded queues, so that a slow database turns into "busy" and
//! not into memory. The writer takes all writes that wait, up to [`GROUP`], into
//! one transaction: under load many requests share one commit. If one of them
//! fails, the transaction is undone and each is done in a transaction of its own.
//!
//! Work may be done twice (its transaction was undone, or the connection broke
//! while it committed), so it must say what shall be, not how it changes.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use diesel::r2d2::Pool;
use tokio::sync::oneshot;

use crate::{
    config::CorrelationSettings,
    correlation::{
        CorrelationError, Row,
        cache::Cache,
        connection::{Conn, Manager},
    },
};

/// Most writes in one transaction.
const GROUP: usize = 256;

/// A value, and the rows that were changed to get it.
pub(super) type Written<T> = (T, Vec<Arc<Row>>);

/// Hands work to the threads. They end when the last clone is gone.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    reads: flume::Sender<Box<dyn Work>>,
    writes: flume::Sender<Box<dyn Work>>,
    patience: Duration,
}

/// One request's work.
trait Work: Send {
    /// Does it, or does it again.
    fn run(&mut self, conn: &mut Conn) -> Result<(), CorrelationError>;
    /// Tells the cache what was changed.
    fn publish(&self, cache: &Cache);
    /// Sends the outcome to who waits for it.
    fn answer(self: Box<Self>, outcome: Result<(), CorrelationError>);
    /// When nobody waits for it any more.
    fn deadline(&self) -> Instant;
}

struct Job<F, T> {
    work: F,
    result: Option<Written<T>>,
    reply: oneshot::Sender<Result<T, CorrelationError>>,
    deadline: Instant,
}

impl<F, T> Work for Job<F, T>
where
    F: FnMut(&mut Conn) -> Result<Written<T>, CorrelationError> + Send,
    T: Send,
{
    fn run(&mut self, conn: &mut Conn) -> Result<(), CorrelationError> {
        self.result = Some((self.work)(conn)?);
        Ok(())
    }

    fn publish(&self, cache: &Cache) {
        if let Some((_, rows)) = &self.result {
            cache.publish(rows);
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), CorrelationError>) {
        let reply = match (outcome, self.result) {
            (Ok(()), Some((value, _))) => Ok(value),
            (Ok(()), None) => Err(CorrelationError::Busy),
            (Err(error), _) => Err(error),
        };
        // Who gave up waiting is not interested.
        drop(self.reply.send(reply));
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Workers {
    /// Starts the threads.
    pub(super) fn start(
        settings: &CorrelationSettings,
        pool: &Pool<Manager>,
        cache: &Arc<Cache>,
    ) -> io::Result<Self> {
        let (reads, read_queue) = flume::bounded(settings.queue);
        let (writes, write_queue) = flume::bounded(settings.queue);
        for number in 0..settings.readers {
            let (pool, queue) = (pool.clone(), read_queue.clone());
            thread::Builder::new()
                .name(format!("correlation-read-{number}"))
                .spawn(move || read(&pool, &queue))?;
        }
        let (pool, cache) = (pool.clone(), Arc::clone(cache));
        thread::Builder::new()
            .name("correlation-write".to_owned())
            .spawn(move || write(&pool, &cache, &write_queue))?;
        Ok(Self { reads, writes, patience: Duration::from_secs(settings.timeout_secs) })
    }

    /// Has a reader do some work.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Conn) -> Result<T, CorrelationError> + Send + 'static,
    ) -> Result<T, CorrelationError> {
        self.submit(&self.reads, move |conn| Ok((work(conn)?, Vec::new()))).await
    }

    /// Has the writer do some work; it is committed when this returns.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Conn) -> Result<Written<T>, CorrelationError> + Send + 'static,
    ) -> Result<T, CorrelationError> {
        self.submit(&self.writes, work).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        queue: &flume::Sender<Box<dyn Work>>,
        work: impl FnMut(&mut Conn) -> Result<Written<T>, CorrelationError> + Send + 'static,
    ) -> Result<T, CorrelationError> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let job = Job { work, result: None, reply, deadline };
        queue.try_send(Box::new(job)).map_err(|_| CorrelationError::Busy)?;
        answer.await.unwrap_or(Err(CorrelationError::Busy))
    }
}

fn read(pool: &Pool<Manager>, queue: &flume::Receiver<Box<dyn Work>>) {
    for mut job in queue.iter() {
        if Instant::now() >= job.deadline() {
            job.answer(Err(CorrelationError::Busy));
            continue;
        }
        let outcome = with_connection(pool, |conn| job.run(conn));
        job.answer(outcome);
    }
}

fn write(pool: &Pool<Manager>, cache: &Cache, queue: &flume::Receiver<Box<dyn Work>>) {
    for first in queue.iter() {
        let now = Instant::now();
        let waiting = std::iter::once(first).chain(queue.try_iter().take(GROUP - 1));
        let (mut group, late): (Vec<_>, Vec<_>) = waiting.partition(|job| now < job.deadline());
        late.into_iter().for_each(|job| job.answer(Err(CorrelationError::Busy)));
        let together = commit(pool, &mut group);
        match together {
            // Trying each of them alone would only let each of them wait.
            Err(error) if group.len() > 1 && error.is_unavailable() => {
                let reason = error.to_string();
                let fail =
                    |job: Box<dyn Work>| job.answer(Err(CorrelationError::Unavailable(reason.clone())));
                group.into_iter().for_each(fail);
            }
            Err(_) if group.len() > 1 => {
                for job in group {
                    let mut alone = vec![job];
                    let outcome = commit(pool, &mut alone);
                    finish(cache, alone, outcome);
                }
            }
            outcome => finish(cache, group, outcome),
        }
    }
}

/// Publishes and answers jobs that share an outcome; a failed one is alone.
fn finish(cache: &Cache, jobs: Vec<Box<dyn Work>>, outcome: Result<(), CorrelationError>) {
    match outcome {
        Ok(()) => {
            for job in jobs {
                job.publish(cache);
                job.answer(Ok(()));
            }
        }
        Err(error) => {
            if let Some(job) = jobs.into_iter().next() {
                job.answer(Err(error));
            }
        }
    }
}

/// Does the jobs in one transaction.
fn commit(pool: &Pool<Manager>, jobs: &mut [Box<dyn Work>]) -> Result<(), CorrelationError> {
    crate::faults::point();
    let outcome =
        with_connection(pool, |conn| conn.write(|conn| jobs.iter_mut().try_for_each(|job| job.run(conn))));
    crate::faults::point();
    outcome
}

/// Does some work, on a fresh connection if one turns out to be broken.
///
/// After a restart of the database server every idle connection is broken, so
/// as many are tried as the pool may hold, and one more.
fn with_connection<T>(
    pool: &Pool<Manager>,
    mut work: impl FnMut(&mut Conn) -> Result<T, CorrelationError>,
) -> Result<T, CorrelationError> {
    let mut left = pool.max_size();
    loop {
        let mut conn = pool.get().map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
        match work(&mut conn) {
            Err(CorrelationError::Disconnected(reason)) if left > 0 => {
                tracing::warn!(reason, "lost a connection to the correlation database");
                left -= 1;
            }
            outcome => return outcome,
        }
    }
}
