//! Bringing a write to its end that nobody carries out any more, by looking at what the store holds.
//!
//! A change and a deletion go forward: what is missing of them is done. A creation goes forward if its entry
//! or row is there; it is undone if its password can no longer be set, and was never done otherwise. Nothing of
//! this is known while a write is still being committed.

use std::{sync::Arc, time::Duration};

use super::{Change, Create, Intent, lost};
use crate::{
    auth::Principal,
    correlation::{
        Row as CorrelationRow, Settlement,
        journal::{End, Record, State},
    },
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, side, unside},
    },
    mapping::{lens::face::Reads, record::Record as Rows},
    ops::clock,
    scim::{Json, error::ScimError, precondition::Preconditions, resource::Selection, validate},
    store::{Predicate, Value},
};

/// Of how many resources with the name of a new one are looked at.
const MOST: u64 = 20;
/// How long, and how often, other processes are waited for.
const WAIT: Duration = Duration::from_millis(50);
const WAITS: usize = 20;

impl Gateway {
    /// Brings a write to its end. `Some`: the id of the resource that is as the request wanted it; `None`: the
    /// write has not happened, or was ended by somebody else.
    ///
    /// # Errors
    ///
    /// 503 if the store or our own database does not answer; then it may be tried again.
    pub(super) async fn recover(&self, id: &str) -> Result<Option<String>, ScimError> {
        let _turn = self.locks.acquire(vec![format!("journal {id}")]).await;
        let found = self.correlation.journal(Some(id)).await.map_err(|e| lost(&e))?;
        let open = found.into_iter().find(|record| record.state == State::Open);
        let Some(record) = open.filter(|record| record.replica == self.journal.replica) else {
            self.journal.is_over(id);
            return Ok(None);
        };
        let outcome = Box::pin(self.recovered(&record)).await;
        match &outcome {
            Ok(end) => {
                self.journal.is_over(id);
                let end = if end.is_some() { "done" } else { "not done" };
                tracing::info!(
                    journal.id = id,
                    journal.kind = record.kind,
                    "a write that was cut short is {end}"
                );
            }
            Err(error) => {
                let said = error.detail().to_owned();
                tracing::warn!(journal.id = id, journal.kind = record.kind, "a write stays open: {said}");
                let problem = (said, !error.is_passing());
                let noted = self.correlation.note_problem(id, record.attempts + 1, problem).await;
                noted.map_err(|e| lost(&e))?;
                if !error.is_passing() {
                    // Trying again would come to the same: the operator must look. Not before that is noted, since others
                    // wait for what is open.
                    self.journal.is_over(id);
                }
            }
        }
        outcome
    }

    async fn recovered(&self, record: &Record) -> Result<Option<String>, ScimError> {
        if self.store.is_settling() {
            return Err(ScimError::unavailable(
                "The store has not come to the end of a write; try again later.",
                2,
            ));
        }
        let named = |ty: &TypeId| self.ty(*ty).is_ok_and(|m| m.resource_type.name == record.resource_type);
        let ty = (0..self.mapping.types.len()).find(named);
        let ty = ty.ok_or_else(|| ScimError::internal("The mapping has no such resource type any more."))?;
        let intent: Intent = serde_json::from_str(&record.intent)
            .map_err(|_| ScimError::internal("The record cannot be read by this version."))?;
        let caller = intent.caller();
        let cx = Context {
            principal: Arc::new(Principal::of_recovery(&caller.client)),
            base_url: caller.base_url.clone(),
        };
        let mut end = Settlement { id: record.id.clone(), replica: record.replica.clone(), end: End::Gone };
        let id = record.resource_id.as_deref().unwrap_or_default();
        let names = vec![format!("{ty} id {id}")];
        let found = match &intent {
            Intent::Create(create) => self.recover_create(&cx, ty, record, create).await?,
            Intent::Change(change) => self.in_turn(names, self.recover_change(&cx, ty, id, change)).await?,
            Intent::Delete(_) => self.in_turn(names, self.recover_delete(&cx, ty, id)).await?,
        };
        // Nobody was told of what was made; whoever asks again is.
        if let (Intent::Create(_), Some(id)) = (&intent, &found) {
            end.end = End::Untold(id.clone());
        }
        self.correlation.end(end).await.map_err(|e| lost(&e))?;
        Ok(found)
    }

    async fn recover_create(
        &self,
        cx: &Context,
        ty: TypeId,
        record: &Record,
        create: &Create,
    ) -> Result<Option<String>, ScimError> {
        let claims = self.claims(ty, &create.wanted)?;
        let found = self.in_turn(claims, self.find_made(ty, record, create)).await?;
        let Some(known) = found else { return Ok(None) };
        let names = vec![format!("{ty} id {}", known.row.id)];
        self.in_turn(names, self.finish_create(cx, ty, known, create)).await
    }

    /// Does what is missing of a creation whose entry or row is there.
    async fn finish_create(
        &self,
        cx: &Context,
        ty: TypeId,
        known: Known,
        create: &Create,
    ) -> Result<Option<String>, ScimError> {
        let (id, open) = (known.row.id.clone(), Preconditions::default());
        if create.goes_back {
            // Whether all of it was done cannot be told, and nobody knows the password any more.
            self.delete_once(cx, ty, &id, &open).await?;
            return Ok(None);
        }
        let mapping = self.ty(ty)?;
        let mut kept = side(&known.row);
        mapping.mark_made(&mut kept);
        let mut row = (*known.row).clone();
        (row.external_id, row.sidecar) = unside(kept);
        if row != *known.row {
            self.correlation.update(row).await.map_err(|e| lost(&e))?;
        }
        let before = self.before(cx, ty, &id).await?;
        let mut wanted = before.resource.clone();
        wanted.extend(create.wanted.clone());
        let wanted = validate::merge_replace(&before.resource, wanted, &mapping.resource_type)?;
        self.change(cx, ty, before, &open, wanted, &Selection::default()).await?;
        Ok(Some(id))
    }

    /// The resource that a creation made, if it did: there was none before, so it is no older than the record.
    async fn find_made(
        &self,
        ty: TypeId,
        record: &Record,
        create: &Create,
    ) -> Result<Option<Known>, ScimError> {
        let mapping = self.ty(ty)?;
        let reads = Reads::everything(&mapping.shape);
        let found: Vec<Rows> = match (&create.dn, mapping.find_root("dn")) {
            (Some(dn), Some(field)) => {
                let there = Predicate::equals(field, Value::Text(dn.clone()));
                self.load(ty, there, &reads, Some(MOST)).await?
            }
            _ => match &create.anchor {
                Some(anchor) => {
                    let there = mapping.anchor_predicate(std::iter::once(anchor.as_str()));
                    self.load(ty, there, &reads, Some(MOST)).await?
                }
                // The database makes the key.
                None => self.namesakes(ty, &create.wanted, &reads, MOST).await?,
            },
        };
        let anchors: Vec<String> = found.iter().filter_map(|r| mapping.anchor_of(r)).collect();
        let name = &mapping.resource_type.name;
        let rows = self.correlation.find_by_anchors(name, &anchors).await.map_err(|e| lost(&e))?;
        // Beside other processes, one that is known already may be of a request that another one has answered.
        let is_others = |row: &CorrelationRow| {
            let is_named = record.resource_id.as_ref() == Some(&row.id);
            let is_only_seen = create.wanted.contains_key("externalId") && row.sidecar.is_none();
            self.correlation.is_shared() && !is_named && !(is_only_seen && row.external_id.is_none())
        };
        let is_old = |rows_of: &Rows| {
            let anchor = mapping.anchor_of(rows_of);
            let row = rows.iter().find(|row| Some(&row.anchor) == anchor.as_ref());
            row.is_some_and(|row| row.created < record.started || is_others(row))
        };
        let new: Vec<Rows> = found.into_iter().filter(|record| !is_old(record)).collect();
        match <[_; 1]>::try_from(new) {
            Ok(only) => Ok(self.correlate(ty, only.into()).await?.into_iter().next()),
            Err(_) => Ok(None),
        }
    }

    async fn recover_change(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        change: &Change,
    ) -> Result<Option<String>, ScimError> {
        if !self.follow_anchor(ty, id, &change.anchor).await? {
            return Ok(None);
        }
        let before = match self.before(cx, ty, id).await {
            Err(error) if error.status() == 404 => return Ok(None),
            other => other?,
        };
        let wanted = change.applied(&before.resource);
        let open = Preconditions::default();
        match self.change(cx, ty, before, &open, wanted, &Selection::default()).await {
            Err(error) if !error.is_passing() => {}
            // Whether a password was set, nobody knows: its client asks again.
            outcome => return outcome.map(|_| (!change.had_password).then(|| id.to_owned())),
        }
        // The store refuses what is missing: what was done of it goes back.
        let before = self.before(cx, ty, id).await?;
        let wanted = change.taken_back(&before.resource);
        self.change(cx, ty, before, &open, wanted, &Selection::default()).await?;
        Ok(None)
    }

    /// Looks where a resource is whose natural key was about to change. False if it is nowhere.
    async fn follow_anchor(&self, ty: TypeId, id: &str, new: &str) -> Result<bool, ScimError> {
        let Some(row) = self.find_id(ty, id).await? else { return Ok(false) };
        if row.anchor == new {
            return Ok(true);
        }
        let mapping = self.ty(ty)?;
        let reads = mapping.reads_for(&|_| false);
        // Stores may find other spellings, too.
        let is_at = async |anchor: &str| {
            let there = mapping.anchor_predicate(std::iter::once(anchor));
            let found = self.load(ty, there, &reads, Some(2)).await?;
            Ok::<_, ScimError>(
                found.iter().any(|record| mapping.anchor_of(record).as_deref() == Some(anchor)),
            )
        };
        if is_at(&row.anchor).await? {
            return Ok(true);
        }
        if !is_at(new).await? {
            self.correlation.tombstone(&row, clock::now()).await.map_err(|e| lost(&e))?;
            return Ok(false);
        }
        let mut row = (*row).clone();
        new.clone_into(&mut row.anchor);
        new.clone_into(&mut row.locator);
        row.last_modified = clock::now();
        self.correlation.update(row).await.map_err(|e| lost(&e))?;
        Ok(true)
    }

    async fn recover_delete(&self, cx: &Context, ty: TypeId, id: &str) -> Result<Option<String>, ScimError> {
        match self.delete_once(cx, ty, id, &Preconditions::default()).await {
            Err(error) if error.is_passing() => Err(error),
            Err(error) if error.status() != 404 => Ok(None),
            _ => Ok(Some(id.to_owned())),
        }
    }

    /// Waits a little for other processes that have left a write open; how often it was waited before is told.
    ///
    /// # Errors
    ///
    /// 503 if it stays open: its process may have died over it, and another one has not taken it over yet.
    pub(super) async fn await_others(&self, waits: usize) -> Result<(), ScimError> {
        if waits > WAITS {
            return Err(elsewhere());
        }
        tokio::time::sleep(WAIT).await;
        Ok(())
    }

    /// True if a write under one of these locks is open that is not under way in this process.
    pub(super) async fn is_open_elsewhere(&self, names: &[String]) -> Result<bool, ScimError> {
        if !self.correlation.is_shared() {
            return Ok(false);
        }
        let all = self.correlation.open_records(None).await.map_err(|e| lost(&e))?;
        let is_elsewhere = |record: &Record| {
            !self.journal.under_way().contains_key(&record.id)
                && self.names_of(record).iter().any(|name| names.contains(name))
        };
        Ok(all.iter().any(is_elsewhere))
    }
}

/// The same is under way elsewhere, or was when a process died.
pub(super) fn elsewhere() -> ScimError {
    ScimError::unavailable("Another process is at the same request; try again later.", 2)
}

/// The attributes that a record is about, for people.
pub(super) fn attributes(record: &Record) -> Vec<String> {
    match serde_json::from_str(&record.intent) {
        Ok(Intent::Create(create)) => create.wanted.keys().cloned().collect(),
        Ok(Intent::Change(change)) => change.difference.names().into_iter().map(str::to_owned).collect(),
        Ok(Intent::Delete(_)) | Err(_) => Vec::new(),
    }
}

/// The record as it stands in the table, for people who ask for the values.
pub(super) fn values(record: &Record) -> Json {
    serde_json::from_str(&record.intent).unwrap_or(Json::Null)
}
