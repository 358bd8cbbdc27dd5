//! GET by id (RFC 7644 §3.4.1).

use crate::{
    auth::Action,
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, not_found},
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
        let known = self.find(ty, id, &reads).await?;
        self.present_one(cx, ty, known, selection).await
    }

    /// The record with this id, found by its anchor. One that vanished is a 404 and a tombstone.
    pub(super) async fn find(&self, ty: TypeId, id: &str, reads: &Reads) -> Result<Known, ScimError> {
        let row = self.find_id(ty, id).await?.ok_or_else(not_found)?;
        let mapping = self.ty(ty)?;
        let predicate = mapping.anchor_predicate(std::iter::once(row.anchor.as_str()));
        let records = self.load(ty, predicate, reads, Some(2)).await?;
        match records.into_iter().find(|r| mapping.anchor_of(r).as_deref() == Some(&row.anchor)) {
            Some(record) => Ok(Known { record, row }),
            None => {
                self.vanished(ty, &row).await?;
                Err(not_found())
            }
        }
    }
}
