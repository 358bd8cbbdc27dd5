//! PUT (RFC 7644 §3.5.1).

use crate::{
    auth::Action,
    gateway::{Context, Gateway, TypeId, create::fill_required, write::Before},
    scim::{
        Json, Object,
        error::ScimError,
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
        if_match: Option<&str>,
        body: &Json,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Write)?;
        let _turn = self.locks.acquire(vec![format!("{ty} id {id}")]).await;
        let before = self.before(cx, ty, id).await?;
        before.check(if_match)?;
        let body = fill_required(mapping, body, &before.resource);
        let wanted = self.normalised(cx, ty, &body, Purpose::Replace)?;
        let wanted = validate::merge_replace(&before.resource, wanted, &mapping.resource_type)?;
        self.change(cx, ty, before, wanted, selection).await
    }
}

impl Before {
    /// `If-Match` (7644-3.14-c): one of the tags is the resource's version, or it is `*`.
    pub(super) fn check(&self, if_match: Option<&str>) -> Result<(), ScimError> {
        let Some(tags) = if_match else { return Ok(()) };
        let version = self.resource.get("meta").and_then(|m| m.get("version")).and_then(Json::as_str);
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
        let current = version.map(opaque);
        if tags.split(',').any(|tag| tag.trim() == "*" || Some(opaque(tag)) == current) {
            return Ok(());
        }
        Err(ScimError::precondition_failed("The resource has another version than `If-Match` names."))
    }
}
