//! PUT (RFC 7644 §3.5.1).

use crate::{
    auth::Action,
    gateway::{Context, Gateway, TypeId, create::fill_required, journal::Settled, write::again_if_overtaken},
    scim::{
        Json, Object,
        error::ScimError,
        precondition::Preconditions,
        resource::Selection,
        validate::{self, Purpose},
    },
};

impl Gateway {
    /// Replaces a resource. Attributes that are not given are cleared; a password and `active` stay.
    ///
    /// # Errors
    ///
    /// 400, 403, 404, 409 `uniqueness`, 412, 503.
    pub async fn replace(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        conditions: &Preconditions,
        body: &Json,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Write)?;
        let replace = || {
            again_if_overtaken(conditions, || async {
                let before = self.before(cx, ty, id).await?;
                conditions.check(&before.resource)?;
                let body = fill_required(mapping, body, &before.resource);
                let wanted = self.normalised(cx, ty, &body, Purpose::Replace)?;
                let wanted = validate::merge_replace(&before.resource, wanted, &mapping.resource_type)?;
                let wanted = mapping.with_unmatched(&before.resource, wanted);
                self.change(cx, ty, before, conditions, wanted, selection).await
            })
        };
        match self.settled_of(cx, ty, id, Vec::new(), replace).await? {
            Settled::Answer(resource) => Ok(resource),
            Settled::Found(id) => self.it_is(cx, ty, &id, selection).await,
        }
    }
}
