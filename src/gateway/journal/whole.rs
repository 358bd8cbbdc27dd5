//! Changes of what is only half made. A resource can be seen, by everybody who lists, before its creation has come to its
//! end; whoever changes or deletes it then comes behind the creation, whose end would set the change back.

use crate::{
    gateway::{Context, Gateway, TypeId},
    mapping::lens::Rule,
    scim::error::ScimError,
};

use super::{Settled, lost};

impl Gateway {
    /// As [`Self::settled`], for a write of a resource that is there: its creation has come to its end before.
    /// `beside`: other turns that it takes.
    ///
    /// # Errors
    ///
    /// As there.
    pub(in crate::gateway) async fn settled_of<T, F: Future<Output = Result<T, ScimError>>>(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        beside: Vec<String>,
        write: impl FnOnce() -> F,
    ) -> Result<Settled<T>, ScimError> {
        // Who knows the id has seen the resource: if it is half made, the creation is written down by now.
        let unfinished = self.creations(ty).await?;
        if !unfinished.is_empty() {
            let mut names = self.claims_of(cx, ty, id).await?;
            names.retain(|name| unfinished.contains(name));
            if !names.is_empty() {
                // Waits for whoever makes it, and makes it if nobody does.
                self.settled(names, || async { Ok(()) }).await?;
            }
        }
        let mut names = beside;
        names.push(format!("{ty} id {id}"));
        self.settled(names, write).await
    }

    /// True if a change of this resource is under way in this process.
    pub(in crate::gateway) fn is_under_way(&self, ty: TypeId, id: &str) -> bool {
        let name = format!("{ty} id {id}");
        self.journal.under_way().values().any(|names| names.contains(&name))
    }

    /// The names under which resources of a type are being made, here and elsewhere.
    async fn creations(&self, ty: TypeId) -> Result<Vec<String>, ScimError> {
        if !self.correlation.is_shared() {
            return Ok(self.journal.creations(ty));
        }
        let name = &self.ty(ty)?.resource_type.name;
        let open = self.correlation.open_records(Some(name)).await.map_err(|e| lost(&e))?;
        Ok(open.iter().flat_map(|record| self.names_of(record)).collect())
    }

    /// The names that a resource has claimed; none if it cannot be read, which the write will find out itself.
    async fn claims_of(&self, cx: &Context, ty: TypeId, id: &str) -> Result<Vec<String>, ScimError> {
        let mapping = self.ty(ty)?;
        let wants = |rule: &Rule| mapping.tells_apart(rule);
        let Some(row) = self.find_id(ty, id).await? else { return Ok(Vec::new()) };
        let found = self.look(ty, row, &mapping.reads_for(&wants)).await?;
        let Some(known) = found else { return Ok(Vec::new()) };
        let resource = self.resources(cx, ty, std::slice::from_ref(&known), &wants).await?;
        resource.first().map_or_else(|| Ok(Vec::new()), |resource| self.claims(ty, resource))
    }
}
