//! The journal: what requests are about to do, written before the first effect on a store and removed in
//! the transaction that brings the correlation in step with the last one.
//!
//! This module keeps records; what stands in them, and how one whose process died is brought to an end, is
//! the gateway's business (`gateway::journal`).
//!
//! **Invariant:** a record is removed only by the replica that it belongs to ([`Settlement`]): a process that
//! was taken for dead, and whose records another one has adopted, cannot confirm what it did.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::correlation::{
    Correlation, CorrelationError,
    connection::Conn,
    model::{from_micros, to_micros},
    schema::journal,
};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not known to have come to an end.
    Open,
    /// A creation that came to its end, whose client has not been told yet. If the process dies before it
    /// tells, the same request, sent again, is answered with what the first one made.
    Made,
}

impl State {
    /// As it stands in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Made => "made",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Id of the record.
    pub id: String,
    /// Which process carries it out.
    pub replica: String,
    /// Where it stands.
    pub state: State,
    /// Name of the SCIM resource type.
    pub resource_type: String,
    /// SCIM id of the resource, as soon as it has one.
    pub resource_id: Option<String>,
    /// `create`, `change`, `members` or `delete`.
    pub kind: String,
    /// JSON of what shall be true afterwards.
    pub intent: String,
    /// Digest that a repeated creation is known by.
    pub request: Option<String>,
    /// When it began.
    pub started: OffsetDateTime,
    /// How often it was tried to bring it to an end.
    pub attempts: u64,
    /// What the last try came to.
    pub problem: Option<String>,
    /// Trying again would come to the same: the operator must look, and nobody else waits for it.
    pub is_stuck: bool,
}

/// The end of a record, to be written together with a change of the correlation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Id of the record.
    pub id: String,
    /// Whose it must be.
    pub replica: String,
    /// What becomes of it.
    pub end: End,
}

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is removed.
    Gone,
    /// It stays open: the resource has this id by now, and more is to be done.
    Named(String),
    /// It made the resource with this id, and its process is about to tell the client.
    Made(String),
    /// It made the resource with this id, and nobody waits to be told.
    Untold(String),
}

/// The replica of a creation that nobody waits for.
pub const NOBODY: &str = "";

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = journal)]
struct Stored {
    tenant: String,
    id: String,
    replica: String,
    state: String,
    resource_type: String,
    resource_id: Option<String>,
    kind: String,
    intent: String,
    request: Option<String>,
    started: i64,
    attempts: i64,
    problem: Option<String>,
    stuck: bool,
}

impl Stored {
    fn new(tenant: &str, record: &Record) -> Self {
        Self {
            tenant: tenant.to_owned(),
            id: record.id.clone(),
            replica: record.replica.clone(),
            state: record.state.name().to_owned(),
            resource_type: record.resource_type.clone(),
            resource_id: record.resource_id.clone(),
            kind: record.kind.clone(),
            intent: record.intent.clone(),
            request: record.request.clone(),
            started: to_micros(record.started),
            attempts: i64::try_from(record.attempts).unwrap_or(i64::MAX),
            problem: record.problem.clone(),
            stuck: record.is_stuck,
        }
    }
}

impl From<Stored> for Record {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            replica: stored.replica,
            state: if stored.state == State::Made.name() { State::Made } else { State::Open },
            resource_type: stored.resource_type,
            resource_id: stored.resource_id,
            kind: stored.kind,
            intent: stored.intent,
            request: stored.request,
            started: from_micros(stored.started),
            attempts: u64::try_from(stored.attempts).unwrap_or(0),
            problem: stored.problem,
            is_stuck: stored.stuck,
        }
    }
}

impl Correlation {
    /// Writes a record. It is on the disk when this returns; a rehearsal writes none. Creations of which the
    /// clients are `told` by now are forgotten along with it.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn begin(&self, record: Record, told: Vec<String>) -> Result<(), CorrelationError> {
        if self.rehearsal.is_some() {
            return Ok(());
        }
        let stored = Stored::new(&self.tenant, &record);
        self.workers
            .write(move |conn| {
                // The work may be done twice.
                diesel::delete(journal::table.find((&stored.tenant, &stored.id))).execute(conn)?;
                diesel::insert_into(journal::table).values(&stored).execute(conn)?;
                forget(conn, &stored.tenant, &told)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// Ends a record that asks for no change of the correlation. A record that is not there is ended.
    ///
    /// # Errors
    ///
    /// [`CorrelationError::Adopted`] if it belongs to another replica by now.
    pub async fn end(&self, settlement: Settlement) -> Result<(), CorrelationError> {
        if self.rehearsal.is_some() {
            return Ok(());
        }
        let tenant = self.tenant.to_string();
        self.workers.write(move |conn| Ok((settle(conn, &tenant, &settlement)?, Vec::new()))).await
    }

    /// Forgets creations whose clients were told, and notes of others that nobody waits for them any more.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn note_told(&self, told: Vec<String>, untold: Vec<String>) -> Result<(), CorrelationError> {
        let tenant = self.tenant.to_string();
        self.workers
            .write(move |conn| {
                forget(conn, &tenant, &told)?;
                let made = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::state.eq(State::Made.name()))
                    .filter(journal::id.eq_any(&untold));
                diesel::update(made).set(journal::replica.eq(NOBODY)).execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// All records, the oldest first; with an id, that one only.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn journal(&self, id: Option<&str>) -> Result<Vec<Record>, CorrelationError> {
        let (tenant, id) = (self.tenant.to_string(), id.map(str::to_owned));
        self.workers
            .read(move |conn| {
                let of_tenant =
                    journal::table.filter(journal::tenant.eq(&tenant)).select(Stored::as_select());
                let found: Vec<Stored> = match &id {
                    Some(id) => of_tenant.filter(journal::id.eq(id)).load(conn)?,
                    None => of_tenant.order((journal::started, journal::id)).load(conn)?,
                };
                Ok(found.into_iter().map(Record::from).collect())
            })
            .await
    }

    /// All open records that somebody is to bring to an end; of creations of one type only, if one is named.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn open_records(&self, creations_of: Option<&str>) -> Result<Vec<Record>, CorrelationError> {
        let (tenant, ty) = (self.tenant.to_string(), creations_of.map(str::to_owned));
        self.workers
            .read(move |conn| {
                let open = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::state.eq(State::Open.name()))
                    .filter(journal::stuck.eq(false))
                    .select(Stored::as_select());
                let found: Vec<Stored> = match &ty {
                    Some(ty) => open
                        .filter(journal::resource_type.eq(ty))
                        .filter(journal::request.is_not_null())
                        .load(conn)?,
                    None => open.load(conn)?,
                };
                Ok(found.into_iter().map(Record::from).collect())
            })
            .await
    }

    /// The records of creations of a type that this request asked for.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn of_request(
        &self,
        resource_type: &str,
        request: &str,
    ) -> Result<Vec<Record>, CorrelationError> {
        let (tenant, ty, request) = (self.tenant.to_string(), resource_type.to_owned(), request.to_owned());
        self.workers
            .read(move |conn| {
                let found: Vec<Stored> = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::resource_type.eq(&ty))
                    .filter(journal::request.eq(&request))
                    .select(Stored::as_select())
                    .load(conn)?;
                Ok(found.into_iter().map(Record::from).collect())
            })
            .await
    }

    /// Takes all open records of another replica over, and returns them.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn take_over(&self, from: String, to: String) -> Result<Vec<Record>, CorrelationError> {
        if let Err(error) = self.end_turns_of(&from).await {
            // Another role may own it. What is left open is brought to its end all the same, when its turn comes.
            tracing::warn!(%error, "the session of a dead process cannot be ended");
        }
        let tenant = self.tenant.to_string();
        self.workers
            .write(move |conn| {
                let theirs = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::state.eq(State::Open.name()))
                    .filter(journal::replica.eq(&from));
                let found: Vec<Stored> = theirs.select(Stored::as_select()).load(conn)?;
                // Another one may be taking them at this moment: what it has is not ours.
                let mut moved = Vec::new();
                for stored in found {
                    let record = theirs.filter(journal::id.eq(stored.id.clone()));
                    if diesel::update(record).set(journal::replica.eq(&to)).execute(conn)? > 0 {
                        moved.push(Record::from(stored));
                    }
                }
                Ok((moved, Vec::new()))
            })
            .await
    }

    /// Takes one record over, whosever it is.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn adopt_record(&self, id: &str, to: &str) -> Result<(), CorrelationError> {
        let (tenant, id, to) = (self.tenant.to_string(), id.to_owned(), to.to_owned());
        self.workers
            .write(move |conn| {
                let record = journal::table.find((&tenant, &id));
                diesel::update(record).set(journal::replica.eq(&to)).execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// Notes that a record could not be brought to an end, and whether it is to be tried again.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn note_problem(
        &self,
        id: &str,
        attempts: u64,
        (problem, is_stuck): (String, bool),
    ) -> Result<(), CorrelationError> {
        let (tenant, id) = (self.tenant.to_string(), id.to_owned());
        let attempts = i64::try_from(attempts).unwrap_or(i64::MAX);
        self.workers
            .write(move |conn| {
                diesel::update(journal::table.find((&tenant, &id)))
                    .set((
                        journal::attempts.eq(attempts),
                        journal::problem.eq(Some(&problem)),
                        journal::stuck.eq(is_stuck),
                    ))
                    .execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }

    /// Removes notes of creations that began before an instant: whoever asked for them does not ask again.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn forget_made(&self, before: OffsetDateTime) -> Result<usize, CorrelationError> {
        let (tenant, before) = (self.tenant.to_string(), to_micros(before));
        self.workers
            .write(move |conn| {
                let old = journal::table
                    .filter(journal::tenant.eq(&tenant))
                    .filter(journal::state.eq(State::Made.name()))
                    .filter(journal::started.lt(before));
                Ok((diesel::delete(old).execute(conn)?, Vec::new()))
            })
            .await
    }
}

/// Ends a record within a transaction. Done twice, it is ended once.
pub(super) fn settle(conn: &mut Conn, tenant: &str, end: &Settlement) -> Result<(), CorrelationError> {
    let record = journal::table.find((tenant, &end.id));
    let owner: Option<String> = record.select(journal::replica).first(conn).optional()?;
    match owner {
        None => return Ok(()),
        Some(owner) if owner != end.replica => return Err(CorrelationError::Adopted),
        Some(_) => {}
    }
    let made = |replica: &str, id: &String| {
        let (replica, id) = (replica.to_owned(), Some(id.clone()));
        (journal::state.eq(State::Made.name()), journal::replica.eq(replica), journal::resource_id.eq(id))
    };
    match &end.end {
        End::Made(id) => diesel::update(record).set(made(&end.replica, id)).execute(conn)?,
        End::Untold(id) => diesel::update(record).set(made(NOBODY, id)).execute(conn)?,
        End::Named(id) => diesel::update(record).set(journal::resource_id.eq(Some(id))).execute(conn)?,
        End::Gone => diesel::delete(record).execute(conn)?,
    };
    Ok(())
}

/// Removes notes of creations.
fn forget(conn: &mut Conn, tenant: &str, ids: &[String]) -> Result<(), CorrelationError> {
    if !ids.is_empty() {
        let made = journal::table.filter(journal::tenant.eq(tenant)).filter(journal::id.eq_any(ids));
        diesel::delete(made.filter(journal::state.eq(State::Made.name()))).execute(conn)?;
    }
    Ok(())
}
