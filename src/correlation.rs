//! Our own database: which SCIM id stands for which entry or row.
//!
//! Must not know SCIM documents or stores: anchors, locators and sidecars are
//! texts. RFC 7643 §3.1 (`id`, `externalId`, `meta`).
//!
//! Rows are looked up in memory, then by reader threads; one writer thread
//! changes them (see `worker.rs`). Where the database may be shared with other
//! replicas, only [`Identity`]s are answered from memory, see
//! [`CachePolicy`].
//!
//! **Invariant:** an id is never given to a second resource: rows are marked as
//! deleted and stay. **Invariant:** a living anchor has one row, by a unique
//! index. **Invariant:** what a method that writes returned is on the disk.

pub mod archive;
pub mod bulk;
mod cache;
mod connection;
pub mod error;
pub mod id;
mod insert;
pub mod journal;
mod kept;
mod lease;
pub mod model;
mod number;
mod query;
mod schema;
mod secret;
mod turn;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use secrecy::SecretSlice;
use time::OffsetDateTime;

use self::{
    cache::Cache,
    connection::{Conn, Manager},
    query::{By, Scope},
    turn::Turns,
    worker::Workers,
};
pub use self::{
    error::CorrelationError,
    id::{derived_id, minted_id},
    insert::Buried,
    journal::Settlement,
    model::{Identity, NewRow, Row},
    turn::Turn,
};
use crate::config::{CachePolicy, CorrelationSettings};

/// The correlation rows of one tenant. Clones share connections and memory.
#[derive(Debug, Clone)]
pub struct Correlation {
    tenant: Arc<str>,
    /// The name of this process for the others.
    replica: Arc<str>,
    workers: Workers,
    /// Where other processes may work on this database.
    turns: Option<Turns>,
    cache: Arc<Cache>,
    policy: CachePolicy,
    rehearsal: Option<Arc<AtomicBool>>,
}

impl Correlation {
    /// Connects, brings the tables up to date and starts the threads. Blocks until then.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub fn open(settings: &CorrelationSettings, tenant: &str) -> Result<Self, CorrelationError> {
        let unavailable = |e: &dyn std::fmt::Display| CorrelationError::Unavailable(e.to_string());
        let pool = Manager::pool(settings)?;
        let mut first = pool.get().map_err(|e| unavailable(&e))?;
        first.migrate()?;
        first.write(kept::fill)?;
        drop(first);
        let policy = settings.cache_policy();
        let cache = Arc::new(Cache::new(settings.cache_rows, policy));
        let workers = Workers::start(settings, &pool, &cache).map_err(|e| unavailable(&e))?;
        let replica = minted_id();
        let turns = match policy {
            CachePolicy::Ids if settings.is_server() => {
                Some(Turns::start(Manager::new(settings)?, &replica).map_err(|e| unavailable(&e))?)
            }
            _ => None,
        };
        let (tenant, replica) = (tenant.into(), replica.into());
        Ok(Self { tenant, replica, workers, turns, cache, policy, rehearsal: None })
    }

    /// The name of this process for the others on the same database: another one after each start.
    #[must_use]
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// The same rows for a rehearsal: ids are given as ever, and [`Self::update`] changes nothing.
    #[must_use]
    pub fn for_rehearsal(mut self) -> Self {
        self.rehearsal = Some(Arc::default());
        self
    }

    /// True if nothing is to change.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// True if a rehearsal came to a change of what is kept of a resource.
    #[must_use]
    pub fn was_to_change(&self) -> bool {
        self.rehearsal.as_ref().is_some_and(|asked| asked.load(Ordering::Relaxed))
    }

    /// The tenant whose rows these are.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Living rows with these ids, in no particular order.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; an unknown id is no error but absent from the answer.
    pub async fn find_by_ids(
        &self,
        resource_type: &str,
        ids: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        self.find(By::Id, resource_type, ids).await
    }

    /// Rows with these ids whose resources were deleted, in no particular order. Always asks the database.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn find_buried(
        &self,
        resource_type: &str,
        ids: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        let (scope, ids) = (self.scope(resource_type), ids.to_vec());
        self.workers.read(move |conn| Ok(found(query::find_buried(conn, &scope, &ids)?))).await
    }

    /// Living rows with these anchors, in no particular order.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; an unknown anchor is no error but absent from the answer.
    pub async fn find_by_anchors(
        &self,
        resource_type: &str,
        anchors: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        self.find(By::Anchor, resource_type, anchors).await
    }

    /// Living rows that were last seen at these places, in no particular order.
    ///
    /// A place is a hint: the row may have moved away, and somebody else may be
    /// there now. Several rows may claim a place. Always asks the database.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; an unknown place is no error but absent from the answer.
    pub async fn find_by_locators(
        &self,
        resource_type: &str,
        locators: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        self.find(By::Locator, resource_type, locators).await
    }

    /// Living rows with this externalId; nothing makes it unique. Always asks the database.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn find_by_external_id(
        &self,
        resource_type: &str,
        external_id: &str,
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        self.find(By::ExternalId, resource_type, &[external_id.to_owned()]).await
    }

    /// Living rows whose sidecar may hold this value at this path (`nickName`, `urn:…:Staff:desk`,
    /// `emails.value`): without regard to case, and of long values only the beginning counts.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn find_by_kept(
        &self,
        resource_type: &str,
        path: &str,
        value: &str,
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        let (scope, path, value) = (self.scope(resource_type), path.to_owned(), value.to_owned());
        let ids = self.workers.read(move |conn| kept::find(conn, &scope, &path, &value)).await?;
        self.load(By::Id, resource_type, ids).await
    }

    /// The anchors of these ids, from memory where it has them, in no particular order.
    ///
    /// For references, where nothing but the pair is needed. Beside other
    /// replicas, a deletion of theirs may go unnoticed for a minute.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; an unknown id is no error but absent from the answer.
    pub async fn find_identities_by_ids(
        &self,
        resource_type: &str,
        ids: &[String],
    ) -> Result<Vec<Identity>, CorrelationError> {
        Ok(identities(self.find_cached(By::Id, resource_type, ids).await?))
    }

    /// The ids of these anchors, under the terms of [`Self::find_identities_by_ids`].
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; an unknown anchor is no error but absent from the answer.
    pub async fn find_identities_by_anchors(
        &self,
        resource_type: &str,
        anchors: &[String],
    ) -> Result<Vec<Identity>, CorrelationError> {
        Ok(identities(self.find_cached(By::Anchor, resource_type, anchors).await?))
    }

    /// Makes rows for resources that have none, in one transaction. Returns a row
    /// for each of `new`, in the same order.
    ///
    /// A living row with the same anchor is returned unchanged, also if somebody
    /// else inserts it at the same time. With [`Buried::Report`] a returned row may
    /// be a deleted one. A new row whose id is that of another anchor gets a minted one.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn insert_missing(
        &self,
        resource_type: &str,
        new: Vec<NewRow>,
        buried: Buried,
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let scope = self.scope(resource_type);
        self.workers.write(move |conn| insert::insert_missing(conn, &scope, &new, buried)).await
    }

    /// As [`Self::insert_missing`], for one new resource. If the row is new, a record of the journal ends in
    /// the same transaction, which the answer tells.
    ///
    /// # Errors
    ///
    /// As those of [`Self::insert_missing`] and [`Self::update_and_end`].
    pub async fn insert_and_end(
        &self,
        resource_type: &str,
        new: NewRow,
        buried: Buried,
        end: Option<impl Fn(&str) -> Settlement + Send + 'static>,
    ) -> Result<(Arc<Row>, bool), CorrelationError> {
        let scope = self.scope(resource_type);
        let missing = || CorrelationError::Unavailable("a row vanished".to_owned());
        self.workers
            .write(move |conn| {
                let (rows, changed) =
                    insert::insert_missing(conn, &scope, std::slice::from_ref(&new), buried)?;
                let row = rows.into_iter().next().ok_or_else(missing)?;
                let is_new = insert::is_of(&row, &new);
                let end = end.as_ref().filter(|_| is_new).map(|end| end(&row.id));
                end.iter().try_for_each(|end| journal::settle(conn, &scope.tenant, end))?;
                Ok(((row, end.is_some()), changed))
            })
            .await
    }

    /// Writes what may change of a row: anchor (a natural key that was renamed), locator,
    /// externalId, sidecar, last modification and version. Returns the row as it is now; `None` if no living
    /// row has this id.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`]; always in a rehearsal.
    pub async fn update(&self, row: Row) -> Result<Option<Arc<Row>>, CorrelationError> {
        self.update_and_end(row, None).await
    }

    /// As [`Self::update`], and ends a record of the journal in the same transaction.
    ///
    /// # Errors
    ///
    /// As those of [`Self::update`], and [`CorrelationError::Adopted`] if the record belongs to another
    /// replica by now; then nothing is written.
    pub async fn update_and_end(
        &self,
        row: Row,
        end: Option<Settlement>,
    ) -> Result<Option<Arc<Row>>, CorrelationError> {
        if let Some(asked) = &self.rehearsal {
            asked.store(true, Ordering::Relaxed);
            return Err(CorrelationError::Rehearsed);
        }
        let scope = self.scope(&row.resource_type);
        self.workers
            .write(move |conn| {
                let ids = std::slice::from_ref(&row.id);
                let was = query::find(conn, &scope, By::Id, ids)?;
                // The store gives a key to one resource: another row that has it is of one that is gone, or of this
                // one, seen by somebody before its new key was known here.
                let buried = match was.iter().any(|was| was.anchor != row.anchor) {
                    true => query::bury_others(conn, &scope, &row, row.last_modified)?,
                    false => Vec::new(),
                };
                query::update(conn, &scope, &row)?;
                end.iter().try_for_each(|end| journal::settle(conn, &scope.tenant, end))?;
                let rows = found(query::find(conn, &scope, By::Id, ids)?);
                let mut all = rows.clone();
                for id in &buried {
                    all.extend(query::find_any(conn, &scope.tenant, id)?.map(Arc::new));
                }
                kept::write(conn, &scope, all.iter().map(|row| &**row))?;
                Ok((rows.first().cloned(), all))
            })
            .await
    }

    /// Writes where resources were seen: pairs of id and locator. Unknown ids are left out.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn set_locators(
        &self,
        resource_type: &str,
        places: Vec<(String, String)>,
    ) -> Result<(), CorrelationError> {
        if places.is_empty() {
            return Ok(());
        }
        let scope = self.scope(resource_type);
        let ids: Vec<String> = places.iter().map(|(id, _)| id.clone()).collect();
        self.workers
            .write(move |conn| {
                for (id, locator) in &places {
                    query::set_locator(conn, &scope, id, locator)?;
                }
                Ok(((), found(query::find(conn, &scope, By::Id, &ids)?)))
            })
            .await
    }

    /// Marks a resource as deleted that has the anchor of this row still. Its id stays taken for ever. False if no living
    /// row has both.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn tombstone(&self, row: &Row, when: OffsetDateTime) -> Result<bool, CorrelationError> {
        let (scope, row) = (self.scope(&row.resource_type), row.clone());
        self.workers
            .write(move |conn| {
                let was_alive = query::bury_at(conn, &scope, &row, when)?;
                Ok((was_alive, forget_dead(conn, &scope, &row.id)?))
            })
            .await
    }

    /// Marks a resource as deleted, whatever its anchor is, and ends a record of the journal in the same transaction.
    /// False if no living row has the id.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`], as those of [`Self::update_and_end`].
    pub async fn tombstone_and_end(
        &self,
        resource_type: &str,
        id: &str,
        when: OffsetDateTime,
        end: Option<Settlement>,
    ) -> Result<bool, CorrelationError> {
        let (scope, id) = (self.scope(resource_type), id.to_owned());
        self.workers
            .write(move |conn| {
                let was_alive = query::bury(conn, &scope, &id, when)?;
                end.iter().try_for_each(|end| journal::settle(conn, &scope.tenant, end))?;
                Ok((was_alive, forget_dead(conn, &scope, &id)?))
            })
            .await
    }

    /// Number of living rows.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn count(&self, resource_type: &str) -> Result<u64, CorrelationError> {
        let scope = self.scope(resource_type);
        self.workers.read(move |conn| query::count(conn, &scope)).await
    }

    /// A random key of 32 bytes that all replicas share, made when it is first asked for.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn secret(&self, name: &'static str) -> Result<SecretSlice<u8>, CorrelationError> {
        let tenant = self.tenant.to_string();
        let found = self.workers.read({
            let tenant = tenant.clone();
            move |conn| secret::find(conn, &tenant, name)
        });
        if let Some(found) = found.await? {
            return Ok(found);
        }
        let new = secret::new()?;
        self.workers.write(move |conn| Ok((secret::keep(conn, &tenant, name, &new)?, Vec::new()))).await
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn probe(&self) -> Result<(), CorrelationError> {
        self.workers.read(query::ping).await
    }

    fn scope(&self, resource_type: &str) -> Scope {
        Scope { tenant: self.tenant.to_string(), resource_type: resource_type.to_owned() }
    }

    async fn find(
        &self,
        by: By,
        resource_type: &str,
        values: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        match self.policy {
            CachePolicy::Rows => self.find_cached(by, resource_type, values).await,
            CachePolicy::Ids => self.load(by, resource_type, values.to_vec()).await,
        }
    }

    async fn find_cached(
        &self,
        by: By,
        resource_type: &str,
        values: &[String],
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        let (mut rows, missing) = self.cache.split(by, resource_type, values);
        if !missing.is_empty() {
            rows.extend(self.load(by, resource_type, missing).await?);
        }
        Ok(rows)
    }

    async fn load(
        &self,
        by: By,
        resource_type: &str,
        mut values: Vec<String>,
    ) -> Result<Vec<Arc<Row>>, CorrelationError> {
        // A value that two statements asked for would be answered twice.
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let (scope, cache) = (self.scope(resource_type), Arc::clone(&self.cache));
        self.workers
            .read(move |conn| {
                let epoch = cache.epoch();
                let rows = found(query::find(conn, &scope, by, &values)?);
                cache.fill(epoch, &rows);
                Ok(rows)
            })
            .await
    }
}

/// What is kept of a row goes if it is dead. It is handed to the cache then, which forgets it.
fn forget_dead(conn: &mut Conn, scope: &Scope, id: &str) -> Result<Vec<Arc<Row>>, CorrelationError> {
    let dead = query::find_any(conn, &scope.tenant, id)?.filter(|row| row.deleted_at.is_some());
    if dead.is_some() {
        kept::remove(conn, &scope.tenant, id)?;
    }
    Ok(found(dead))
}

fn found(rows: impl IntoIterator<Item = Row>) -> Vec<Arc<Row>> {
    rows.into_iter().map(Arc::new).collect()
}

fn identities(rows: Vec<Arc<Row>>) -> Vec<Identity> {
    rows.iter().map(|row| Identity { id: row.id.clone(), anchor: row.anchor.clone() }).collect()
}
