//! Writes that must not be lost half-way: what they are about to do is written down first, and whatever
//! happens to the process, the network or the store, somebody brings them to an end by looking at what the
//! store holds.
//!
//! A write with more than one effect [begins](Gateway::begin) a record, which gives a [`Ticket`]. The ticket
//! is handed over to the change of our own database that comes last, and the record goes in the same
//! transaction. A ticket that is dropped before (an error whose outcome is unknown, a request out of time)
//! leaves its record to [`recover`]; so does a process that died.
//!
//! **Invariant:** no other write under the same locks runs before what was left there has come to its end
//! ([`Gateway::settled`]).

mod difference;
mod intent;
mod keep;
mod recover;
mod repeated;
mod whole;

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub(super) use self::intent::{Change, Create, Delete, Intent, is_off};
pub use self::keep::Entry;
use crate::{
    correlation::{
        CorrelationError, Settlement,
        id::minted_id,
        journal::{End, Record, State},
    },
    gateway::{Gateway, TypeId, identity::failed},
    ops::clock,
    scim::error::ScimError,
};

/// How long a former key is remembered: longer than a request may take.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What this process has begun and left.
#[derive(Debug)]
pub(super) struct Journal {
    /// The name of this process in the records.
    replica: String,
    left: Mutex<Vec<Left>>,
    /// Creations whose clients were told, and those whose clients were not.
    ends: Mutex<Ends>,
    /// The records of writes that are under way in this process, with the locks that they hold.
    under_way: Mutex<HashMap<String, Vec<String>>>,
    /// Keys that resources had until lately.
    former: Mutex<HashMap<String, Former>>,
}

/// Whose a key was.
#[derive(Debug)]
struct Former {
    id: String,
    until: Instant,
}

/// A record whose write nobody carries out any more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Left {
    id: String,
    /// The locks under which it is brought to an end.
    names: Vec<String>,
}

/// What is still to be noted of creations that have ended: their records' ids.
#[derive(Debug, Default)]
struct Ends {
    told: Vec<String>,
    untold: Vec<String>,
}

impl Journal {
    /// Of the process with this name.
    pub(super) fn of(replica: &str) -> Self {
        Self {
            replica: replica.to_owned(),
            left: Mutex::default(),
            ends: Mutex::default(),
            under_way: Mutex::default(),
            former: Mutex::default(),
        }
    }

    fn leave(&self, left: Left) {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains(&left) {
            all.push(left);
        }
    }

    fn is_over(&self, id: &str) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).retain(|left| left.id != id);
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The locks of all creations of a type that have not come to their end.
    fn creations(&self, ty: TypeId) -> Vec<String> {
        let request = format!("{ty} request ");
        let makes = |names: &&Vec<String>| names.iter().any(|name| name.starts_with(&request));
        // In this order: a write that is dropped meanwhile is left before it is not under way any more.
        let under_way: Vec<Vec<String>> = self.under_way().values().cloned().collect();
        let left = self.left(None).into_iter().map(|left| left.names);
        under_way.into_iter().chain(left).filter(|names| makes(&names)).flatten().collect()
    }

    /// The id of the resource that a key is about to belong to, by a change that is under way or was left.
    pub(super) fn becoming(&self, ty: TypeId, key: &str) -> Option<String> {
        let (key, id) = (key_name(ty, key), format!("{ty} id "));
        let of = |names: &Vec<String>| {
            let is_it = names.contains(&key);
            names.iter().filter(|_| is_it).find_map(|name| name.strip_prefix(&id).map(str::to_owned))
        };
        // In this order: a write that is dropped meanwhile is left before it is not under way any more.
        let found = self.under_way().values().find_map(of);
        found.or_else(|| {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.iter().find_map(|left| of(&left.names))
        })
    }

    /// Notes that a resource has another key than this one now.
    pub(super) fn gave_away(&self, ty: TypeId, key: &str, id: &str) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.retain(|_, known| known.until.elapsed() < REMEMBERED);
        former.insert(key_name(ty, key), Former { id: id.to_owned(), until: Instant::now() });
    }

    /// The id of the resource that had a key until lately.
    pub(super) fn had(&self, ty: TypeId, key: &str) -> Option<String> {
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let known = former.get(&key_name(ty, key))?;
        (known.until.elapsed() < REMEMBERED).then(|| known.id.clone())
    }

    /// What was left under any of these locks; all if there are none.
    fn left(&self, names: Option<&[String]>) -> Vec<Left> {
        let all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let concerns = |left: &&Left| names.is_none_or(|n| left.names.iter().any(|name| n.contains(name)));
        all.iter().filter(concerns).cloned().collect()
    }
}

/// A write that has begun. Dropped before it is [over](Self::settlement), it is left to recovery.
#[derive(Debug)]
pub(super) struct Ticket<'g> {
    journal: &'g Journal,
    left: Option<Left>,
    stage: Cell<Stage>,
}

/// How far a write has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its record is open.
    Open,
    /// A creation is done, and its client is to be told.
    Made,
    /// Its client gets the answer now.
    Told,
    /// Its record is gone.
    Over,
}

impl<'g> Ticket<'g> {
    /// Of a write with a single effect, of which nothing is written down.
    pub(super) fn none(journal: &'g Journal) -> Self {
        Self { journal, left: None, stage: Cell::new(Stage::Over) }
    }

    /// The end of the record, for the last change of our own database.
    pub(super) fn settlement(&self) -> Option<Settlement> {
        let left = self.left.as_ref()?;
        Some(Settlement { id: left.id.clone(), replica: self.journal.replica.clone(), end: End::Gone })
    }

    /// The end of a creation, once the id of what it made is known.
    pub(super) fn making(&self) -> Option<impl Fn(&str) -> Settlement + Clone + Send + 'static> {
        let end = self.settlement()?;
        Some(move |id: &str| Settlement { end: End::Made(id.to_owned()), ..end.clone() })
    }

    /// The id of what a creation has made so far.
    pub(super) fn naming(&self) -> Option<impl Fn(&str) -> Settlement + Clone + Send + 'static> {
        let end = self.settlement()?;
        Some(move |id: &str| Settlement { end: End::Named(id.to_owned()), ..end.clone() })
    }

    /// The record is gone.
    pub(super) fn is_over(&self) {
        self.stage.set(Stage::Over);
    }

    /// The record says what was made.
    pub(super) fn is_made(&self) {
        self.stage.set(Stage::Made);
    }

    /// The client gets its answer.
    pub(super) fn is_told(&self) {
        if self.stage.get() == Stage::Made {
            self.stage.set(Stage::Told);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Some(left) = self.left.take() else { return };
        // First noted as left, then taken from what is under way, so that it is never in neither.
        if self.stage.get() == Stage::Open {
            self.journal.leave(left.clone());
        }
        self.journal.under_way().remove(&left.id);
        match self.stage.get() {
            Stage::Made => self.journal.ends().untold.push(left.id),
            Stage::Told => self.journal.ends().told.push(left.id),
            Stage::Open | Stage::Over => {}
        }
    }
}

/// What became of a write.
pub(super) enum Settled<T> {
    /// It ended as usual.
    Answer(T),
    /// Its outcome was unknown, and has been found or brought about: the resource with this id is as the
    /// request wanted it.
    Found(String),
}

impl Gateway {
    /// Writes down what is about to happen. It is on the disk when this returns.
    pub(super) async fn begin(
        &self,
        ty: TypeId,
        (id, intent): (Option<&str>, Intent),
        names: Vec<String>,
    ) -> Result<Ticket<'_>, ScimError> {
        let record = Record {
            id: minted_id(),
            replica: self.journal.replica.clone(),
            state: State::Open,
            resource_type: self.ty(ty)?.resource_type.name.clone(),
            resource_id: id.map(str::to_owned),
            kind: intent.kind().to_owned(),
            request: intent.request(),
            intent: intent.to_text(),
            started: clock::now(),
            attempts: 0,
            problem: None,
            is_stuck: false,
        };
        // Before the record is written: the request may end while it is.
        self.journal.under_way().insert(record.id.clone(), names.clone());
        let left = Some(Left { id: record.id.clone(), names });
        let ticket = Ticket { journal: &self.journal, left, stage: Cell::new(Stage::Open) };
        let told = std::mem::take(&mut self.journal.ends().told);
        self.correlation.begin(record, told).await.map_err(|e| failed(&e))?;
        Ok(ticket)
    }

    /// Removes the record of a write that the store has refused, or that changed nothing of ours.
    pub(super) async fn end(&self, ticket: &Ticket<'_>) -> Result<(), ScimError> {
        if let Some(settlement) = ticket.settlement().filter(|_| ticket.stage.get() == Stage::Open) {
            self.correlation.end(settlement).await.map_err(|e| failed(&e))?;
            ticket.is_over();
        }
        Ok(())
    }

    /// Notes the end of a creation.
    pub(super) async fn end_making(&self, ticket: &Ticket<'_>, id: &str) -> Result<(), ScimError> {
        if let Some(making) = ticket.making().filter(|_| ticket.stage.get() == Stage::Open) {
            self.correlation.end(making(id)).await.map_err(|e| failed(&e))?;
            ticket.is_made();
        }
        Ok(())
    }

    /// The outcome of what was done under a ticket: a refusal ends it, anything else leaves it open.
    pub(super) async fn concluded<T>(
        &self,
        ticket: &Ticket<'_>,
        outcome: Result<T, ScimError>,
    ) -> Result<T, ScimError> {
        if outcome.as_ref().is_err_and(|error| !error.has_unknown_outcome()) {
            self.end(ticket).await?;
        }
        outcome
    }

    /// Runs a write under its locks. What was left there comes to its end before; what it leaves itself is
    /// looked at afterwards, so that the client gets the true outcome if the store answers again.
    ///
    /// # Errors
    ///
    /// Those of the write; 503 if what was left cannot be brought to an end now.
    pub(super) async fn settled<T, F: Future<Output = Result<T, ScimError>>>(
        &self,
        names: Vec<String>,
        write: impl FnOnce() -> F,
    ) -> Result<Settled<T>, ScimError> {
        let mut waits = 0;
        let turn = loop {
            for one in self.journal.left(Some(&names)) {
                // What the store refuses for good is the operator's, and keeps nobody else waiting.
                if let Err(error) = self.recover(&one.id).await
                    && error.is_passing()
                {
                    return Err(error);
                }
            }
            let turn = self.turn(names.clone()).await?;
            let is_open = self.is_open_elsewhere(&names).await?;
            if self.journal.left(Some(&names)).is_empty() && !is_open {
                break turn;
            }
            // Whoever brings it to its end needs its turn.
            drop(turn);
            if is_open {
                waits += 1;
                self.await_others(waits).await?;
            }
        };
        let before = self.journal.left(Some(&names));
        let error = match turn.during(write()).await {
            Ok(answer) => return Ok(Settled::Answer(answer)),
            Err(error) => error,
        };
        drop(turn);
        if !error.has_unknown_outcome() {
            return Err(error);
        }
        let left = self.journal.left(Some(&names)).into_iter().filter(|one| !before.contains(one));
        let mut found = None;
        for one in left {
            found = self.recover(&one.id).await.unwrap_or_default().or(found);
        }
        found.map(Settled::Found).ok_or(error)
    }
}

/// The name of a key that a change gives to a resource.
pub(super) fn key_name(ty: TypeId, key: &str) -> String {
    format!("{ty} key {key}")
}

/// Nothing can be said of our own database.
fn lost(error: &CorrelationError) -> ScimError {
    failed(error)
}
