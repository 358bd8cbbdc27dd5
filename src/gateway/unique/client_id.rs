//! `externalId` of resources that have no unique value: nothing else tells a repeated creation from another one.

use crate::{
    gateway::{Context, Gateway, TypeId, identity::failed},
    mapping::{
        TypeMapping,
        lens::{Lens, face::Reads},
    },
    scim::{Json, Object, error::ScimError},
    store::{Fold, Predicate},
};

use super::claim::Claim;

impl TypeMapping {
    /// The client's id of a resource that has no unique value.
    pub(super) fn only_client_id<'w>(&self, wanted: &'w Object) -> Option<&'w Json> {
        let has_other = self.unique_claims().iter().any(|claim| !claim.values(wanted).is_empty());
        wanted.get("externalId").filter(|id| id.is_string() && !has_other)
    }
}

impl Gateway {
    /// Refuses a new resource whose only name is a client's id that another one has.
    pub(super) async fn check_client_id(
        &self,
        cx: &Context,
        ty: TypeId,
        wanted: &Object,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        let Some(id) = mapping.only_client_id(wanted) else { return Ok(()) };
        let is_taken = match mapping.find_rule(None, "externalId") {
            Some(rule) if !matches!(rule.lens, Lens::Side) => {
                let claim = Claim::of_rule(rule, Fold::Exact);
                self.is_taken(cx, ty, &claim, id, None, &Predicate::True).await?
            }
            _ => self.is_clients(ty, id.as_str().unwrap_or_default()).await?,
        };
        match is_taken {
            true => Err(ScimError::uniqueness("A resource with this `externalId` is there already.")),
            false => Ok(()),
        }
    }

    async fn is_clients(&self, ty: TypeId, id: &str) -> Result<bool, ScimError> {
        let name = &self.ty(ty)?.resource_type.name;
        let rows = self.correlation.find_by_external_id(name, id).await.map_err(|e| failed(&e))?;
        for row in rows {
            if self.is_alive(ty, &row.id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True if the store still has a resource that our own database knows.
    pub(super) async fn is_alive(&self, ty: TypeId, id: &str) -> Result<bool, ScimError> {
        match self.find_id(ty, id).await? {
            Some(row) => Ok(self.look(ty, row, &Reads::default()).await?.is_some()),
            None => Ok(false),
        }
    }
}
