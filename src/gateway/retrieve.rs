//! GET by id (RFC 7644 §3.4.1).

use std::sync::Arc;

use crate::{
    auth::Action,
    correlation::Row,
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, not_found},
        journal::Settled,
        present::wanted,
    },
    mapping::lens::face::Reads,
    scim::{Object, error::ScimError, resource::Selection},
};

impl Gateway {
    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// 404 if there is none with this id, 403, 503.
    pub async fn retrieve(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Read)?;
        let reads = mapping.reads_for(&wanted(selection));
        let known = self.found_in_turn(ty, id, &reads).await?;
        self.present_one(cx, ty, known, selection).await
    }

    /// As [`Self::find`], by who is not about to write. A key that is part of a name changes in the store first and with us
    /// a moment later: before a resource is said to have vanished, whoever changes it comes to an end.
    async fn found_in_turn(&self, ty: TypeId, id: &str, reads: &Reads) -> Result<Known, ScimError> {
        let row = self.find_id(ty, id).await?.ok_or_else(not_found)?;
        if let Some(known) = self.look(ty, row, reads).await? {
            return Ok(known);
        }
        match self.settled(vec![format!("{ty} id {id}")], || self.find(ty, id, reads)).await? {
            Settled::Answer(known) => Ok(known),
            Settled::Found(_) => self.find(ty, id, reads).await,
        }
    }

    /// The record with this id, found by its anchor. One that vanished is a 404 and a tombstone.
    pub(super) async fn find(&self, ty: TypeId, id: &str, reads: &Reads) -> Result<Known, ScimError> {
        let row = self.find_id(ty, id).await?.ok_or_else(not_found)?;
        match self.look(ty, Arc::clone(&row), reads).await? {
            Some(known) => Ok(known),
            None => Err(self.vanished(ty, &row).await?),
        }
    }

    /// The record that a row stands for, if the store has it.
    pub(super) async fn look(
        &self,
        ty: TypeId,
        row: Arc<Row>,
        reads: &Reads,
    ) -> Result<Option<Known>, ScimError> {
        let mapping = self.ty(ty)?;
        let predicate = mapping.anchor_predicate(std::iter::once(row.anchor.as_str()));
        let records = self.load(ty, predicate, reads, Some(2)).await?;
        let found = records.into_iter().find(|r| mapping.anchor_of(r).as_deref() == Some(&row.anchor));
        Ok(found.map(|record| Known { record, row }))
    }
}
