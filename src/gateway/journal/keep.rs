//! The keeper of the journal: what is left is brought to its end, now or as soon as the store answers.

use std::time::Duration;

use super::{Ends, Left, recover};
use crate::{
    correlation::journal::{End, Record, Settlement, State},
    gateway::Gateway,
    ops::clock,
    scim::{Json, error::ScimError},
};

/// How long the keeper waits before it tries again.
const PAUSE: Duration = Duration::from_secs(2);
/// After how many pauses old notes are removed.
const FORGETTING: u64 = 1800;
/// Not among the first requests of a process.
const FIRST_FORGETTING: u64 = 30;
/// How long a creation is remembered whose client was not told.
const REMEMBERED: time::Duration = time::Duration::hours(24);

/// A record, for people.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// The attributes it is about.
    pub attributes: Vec<String>,
    /// What it wants, with all values.
    pub values: Json,
}

impl Gateway {
    /// Says that this process is alive, and takes over what dead ones left open: at the start, and again and
    /// again where several processes work on one database. Returns how many writes that were.
    ///
    /// # Errors
    ///
    /// 503 if our own database does not answer.
    pub async fn take_over(&self) -> Result<usize, ScimError> {
        let own = &self.journal.replica;
        self.correlation.renew(own).await.map_err(|e| super::lost(&e))?;
        let mut moved = 0;
        for dead in self.correlation.dead(own, State::Open).await.map_err(|e| super::lost(&e))? {
            let records = self.correlation.take_over(dead, own.clone()).await.map_err(|e| super::lost(&e))?;
            moved += records.len();
            for record in records {
                self.journal.leave(Left { names: self.names_of(&record), id: record.id });
            }
        }
        if moved > 0 {
            tracing::warn!(journal.open = moved, "a process left writes open; they are brought to an end");
        }
        Ok(moved)
    }

    /// Keeps this process alive for the others, and brings to an end what is left, for as long as it lives. The
    /// lease waits for nothing: a store that hangs must not let it run out.
    pub async fn keep_journal(&self) {
        futures_util::future::join(self.keep_lease(), self.keep_recovering()).await;
    }

    async fn keep_lease(&self) {
        while self.correlation.is_shared() {
            if let Err(error) = self.take_over().await {
                tracing::warn!(error = error.detail(), "it is not known which processes are alive");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn keep_recovering(&self) {
        let mut rounds: u64 = 0;
        loop {
            if let Err(error) = self.leave_forgotten().await {
                tracing::debug!(error = error.detail(), "it is not known what is open");
            }
            self.recover_all().await;
            self.note_ends().await;
            if rounds % FORGETTING == FIRST_FORGETTING
                && let Err(error) = self.correlation.forget_made(clock::now() - REMEMBERED).await
            {
                tracing::debug!(%error, "old notes of the journal stay");
            }
            rounds += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Leaves what is open in the name of this process, and nobody carries out or has left: it belongs to it since the
    /// answer to a statement was lost that moved it, or could not say how it stands.
    async fn leave_forgotten(&self) -> Result<(), ScimError> {
        let open = self.correlation.open_records(None).await.map_err(|e| super::lost(&e))?;
        for record in open.into_iter().filter(|record| record.replica == self.journal.replica) {
            // In this order: a write that is dropped meanwhile is left before it is not under way any more.
            let is_known = self.journal.under_way().contains_key(&record.id);
            if !is_known && self.journal.left(None).iter().all(|left| left.id != record.id) {
                self.journal.leave(Left { names: self.names_of(&record), id: record.id });
            }
        }
        Ok(())
    }

    /// Leaves the database, when no request is served any more.
    pub async fn close(&self) {
        self.note_ends().await;
        if self.correlation.is_shared()
            && let Err(error) = self.correlation.leave(&self.journal.replica).await
        {
            tracing::debug!(%error, "the lease runs out by itself");
        }
    }

    /// Notes which clients were told of what they made.
    async fn note_ends(&self) {
        let Ends { told, untold } = std::mem::take(&mut *self.journal.ends());
        if told.is_empty() && untold.is_empty() {
            return;
        }
        if let Err(error) = self.correlation.note_told(told, untold).await {
            tracing::warn!(%error, "a creation may be answered as done when it is asked for again");
        }
    }

    /// Tries once to bring everything to an end. False if something stays open.
    pub async fn recover_all(&self) -> bool {
        let mut is_done = true;
        for left in self.journal.left(None) {
            is_done &= self.recover(&left.id).await.is_ok();
        }
        is_done
    }

    /// All records, the oldest first.
    ///
    /// # Errors
    ///
    /// 503 if our own database does not answer.
    pub async fn journal(&self) -> Result<Vec<Entry>, ScimError> {
        let records = self.correlation.journal(None).await.map_err(|e| super::lost(&e))?;
        let entry = |record: Record| Entry {
            attributes: recover::attributes(&record),
            values: recover::values(&record),
            record,
        };
        Ok(records.into_iter().map(entry).collect())
    }

    /// Brings a record to its end, whichever process it belongs to: only for one that nobody works on. `None`:
    /// it has not happened, or was taken back.
    ///
    /// # Errors
    ///
    /// What keeps it from coming to its end.
    pub async fn bring_to_end(&self, id: &str) -> Result<Option<String>, ScimError> {
        let moved = self.correlation.adopt_record(id, &self.journal.replica).await;
        moved.map_err(|e| super::lost(&e))?;
        self.recover(id).await
    }

    /// Removes a record and leaves the store as it is.
    ///
    /// # Errors
    ///
    /// 503 if our own database does not answer.
    pub async fn give_up(&self, id: &str) -> Result<(), ScimError> {
        let replica = self.journal.replica.clone();
        self.correlation.adopt_record(id, &replica).await.map_err(|e| super::lost(&e))?;
        let end = Settlement { id: id.to_owned(), replica, end: End::Gone };
        self.correlation.end(end).await.map_err(|e| super::lost(&e))
    }

    /// The locks under which the write of a record is brought to its end.
    pub(in crate::gateway) fn names_of(&self, record: &Record) -> Vec<String> {
        let named = |ty: &usize| self.ty(*ty).is_ok_and(|m| m.resource_type.name == record.resource_type);
        let Some(ty) = (0..self.mapping.types.len()).find(named) else { return Vec::new() };
        let of_id = record.resource_id.as_ref().map(|id| format!("{ty} id {id}"));
        let wanted = match serde_json::from_str(&record.intent) {
            Ok(super::Intent::Create(create)) => {
                let mut names = self.claims(ty, &create.wanted).unwrap_or_default();
                names.push(format!("{ty} request {}", create.digest()));
                names
            }
            Ok(super::Intent::Change(change)) => change.key_names(ty),
            Ok(super::Intent::Delete(delete)) => delete.key_names(ty),
            Err(_) => Vec::new(),
        };
        wanted.into_iter().chain(of_id).collect()
    }
}
