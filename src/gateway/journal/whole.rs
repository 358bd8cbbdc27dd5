//! Changes of what is only half made. A resource can be seen, by everybody who lists, before its creation has come to its
//! end; whoever changes or deletes it then comes behind the creation, whose end would set the change back.

use crate::{
    correlation::journal::{Record, State},
    gateway::{Context, Gateway, TypeId},
    mapping::lens::Rule,
    scim::error::ScimError,
};

use super::{Settled, lost};

impl Gateway {
    /// As [`Self::settled`], for a write of a resource that is there: its creation has come to its end before.
    ///
    /// # Errors
    ///
    /// As there.
    pub(in crate::gateway) async fn settled_of<T, F: Future<Output = Result<T, ScimError>>>(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
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
        self.settled(vec![format!("{ty} id {id}")], write).await
    }

    /// The names under which resources of a type are being made, here and elsewhere.
    async fn creations(&self, ty: TypeId) -> Result<Vec<String>, ScimError> {
        if !self.correlation.is_shared() {
            return Ok(self.journal.creations(ty));
        }
        let all = self.correlation.journal(None).await.map_err(|e| lost(&e))?;
        let name = &self.ty(ty)?.resource_type.name;
        let is_made = |record: &&Record| {
            record.state == State::Open && record.request.is_some() && record.resource_type == *name
        };
        Ok(all.iter().filter(is_made).flat_map(|record| self.names_of(record)).collect())
    }

    /// The names that a resource has claimed; none if it cannot be read, which the write will find out itself.
    async fn claims_of(&self, cx: &Context, ty: TypeId, id: &str) -> Result<Vec<String>, ScimError> {
        let mapping = self.ty(ty)?;
        let wants = |rule: &Rule| mapping.tells_apart(rule);
        let known = match self.find(ty, id, &mapping.reads_for(&wants)).await {
            Err(error) if error.status() == 404 => return Ok(Vec::new()),
            other => other?,
        };
        let resource = self.resources(cx, ty, std::slice::from_ref(&known), &wants).await?;
        resource.first().map_or_else(|| Ok(Vec::new()), |resource| self.claims(ty, resource))
    }
}
