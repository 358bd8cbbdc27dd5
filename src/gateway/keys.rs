//! Keys that change hands. The store knows the new key of a resource before our own database does. Whoever came to the old
//! one in between would be taken for that resource, or that resource for one that is gone.
//!
//! **Invariant:** a key that a write takes from a resource, or with which a resource goes, belongs to nobody else before that
//! write has come to its end.

use std::collections::HashSet;

use crate::{
    correlation::{Row, journal::Record},
    gateway::{
        Gateway, TypeId,
        identity::{failed, not_found},
        journal::key_name,
        write::busy,
    },
    ops::clock,
    scim::error::ScimError,
};

/// The name, in a record of the journal, of a key that a change takes from a resource.
pub(super) fn former_name(ty: TypeId, key: &str) -> String {
    format!("{ty} former key {key}")
}

/// The name, in a record of the journal, of a key with which a resource goes.
pub(super) fn going_name(ty: TypeId, key: &str) -> String {
    format!("{ty} going key {key}")
}

impl Gateway {
    /// Does a write by which a resource, which has no `id` if it is new, loses a key or comes to one: nobody else does so
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// 503, before anything is done, if another write that takes the key from somebody has not come to its end.
    pub(super) async fn at_keys<T>(
        &self,
        (ty, id): (TypeId, Option<&str>),
        (was, becomes): (Option<&str>, Option<&str>),
        write: impl Future<Output = Result<T, ScimError>>,
    ) -> Result<T, ScimError> {
        // Writes within writes are large: their place is not the stack.
        let write = Box::pin(write);
        if was == becomes {
            return write.await;
        }
        let turn = self.turn(was.into_iter().chain(becomes).map(|key| key_name(ty, key)).collect()).await?;
        if let Some(key) = becomes
            && self
                .held_by(&[former_name(ty, key), going_name(ty, key)])
                .await?
                .iter()
                .any(|other| Some(other.as_str()) != id)
        {
            return Err(busy());
        }
        turn.during(write).await
    }

    /// What is to be said of a resource that the store does not have under its key. If nobody changes that, its id is never
    /// used again.
    ///
    /// # Errors
    ///
    /// 503 if our own database does not answer.
    pub(super) async fn vanished(&self, ty: TypeId, row: &Row) -> Result<ScimError, ScimError> {
        if self.is_under_way(ty, &row.id) || self.leaving(ty, row).await? {
            return Ok(busy());
        }
        let is_gone = self.correlation.tombstone(row, clock::now()).await.map_err(|e| failed(&e))?;
        // Otherwise somebody else was first, or its key has changed since it was looked for.
        match is_gone || self.find_id(ty, &row.id).await?.is_none() {
            true => Ok(not_found()),
            false => Ok(busy()),
        }
    }

    /// Those of some rows whose key no change that has not come to its end takes away.
    ///
    /// # Errors
    ///
    /// 503 if our own database does not answer.
    pub(super) async fn not_leaving<'r>(
        &self,
        ty: TypeId,
        mut rows: Vec<&'r Row>,
    ) -> Result<Vec<&'r Row>, ScimError> {
        if rows.is_empty() {
            return Ok(rows);
        }
        let open = self.correlation.open_records(None).await.map_err(|e| failed(&e))?;
        let of_known = open.iter().filter_map(|record| Some((record.resource_id.as_deref()?, record)));
        let taken: HashSet<(&str, String)> = of_known
            .flat_map(|(id, record)| self.names_of(record).into_iter().map(move |name| (id, name)))
            .collect();
        rows.retain(|row| !taken.contains(&(row.id.as_str(), former_name(ty, &row.anchor))));
        Ok(rows)
    }

    /// True if a change takes the key from the resource, here or elsewhere, and has not come to its end.
    async fn leaving(&self, ty: TypeId, row: &Row) -> Result<bool, ScimError> {
        Ok(self.held_by(&[former_name(ty, &row.anchor)]).await?.contains(&row.id))
    }

    /// The ids of resources of which a record, here or elsewhere, that has not come to its end has one of some names.
    async fn held_by(&self, names: &[String]) -> Result<Vec<String>, ScimError> {
        let has_one = |record: &Record| self.names_of(record).iter().any(|name| names.contains(name));
        let open = self.correlation.open_records(None).await.map_err(|e| failed(&e))?;
        Ok(open.into_iter().filter(has_one).filter_map(|record| record.resource_id).collect())
    }
}
