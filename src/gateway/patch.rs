//! PATCH (RFC 7644 §3.5.2): members are added and removed without reading the
//! list where the lens allows it; everything else is applied to the resource
//! in memory, and what differs is written in one step list. Atomic either way.

use crate::{
    auth::Action,
    config::PatchResponse,
    gateway::{
        Context, Gateway, TypeId, create::report_ignored, journal::Settled, write::again_if_overtaken,
    },
    scim::{
        Json, Object,
        error::ScimError,
        filter::Filter,
        patch::{self, Operation, PatchRules},
        precondition::Preconditions,
        resource::Selection,
        validate::{self, Mode},
    },
};

impl Gateway {
    /// Changes a resource. `None` = no body is due (204).
    ///
    /// # Errors
    ///
    /// 400, 403, 404, 409 `uniqueness`, 412, 503.
    pub async fn patch(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        conditions: &Preconditions,
        body: &Json,
        selection: &Selection,
    ) -> Result<Option<Object>, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Write)?;
        let resource_type = &mapping.resource_type;
        let rules = PatchRules { max_operations: self.limits.max_operations, ..PatchRules::of(cx.mode()) };
        let request = patch::parse_request(body, resource_type, &rules)?;
        report_ignored(request.ignored);
        let operations = request.operations;
        let minimal = selection.is_default()
            && cx.principal.patch_response(&resource_type.name) == PatchResponse::Minimal;
        let write = || async {
            if conditions.is_empty()
                && !(rules.mode == Mode::Strict && operations.iter().any(names_several))
                && let Some(row) = self.patch_members(cx, ty, id, &operations, &rules).await?
            {
                return if minimal { Ok(None) } else { self.again(cx, ty, row, selection).await.map(Some) };
            }
            let answer = again_if_overtaken(conditions, || async {
                let before = self.before(cx, ty, id).await?;
                conditions.check(&before.resource)?;
                let mut wanted = before.resource.clone();
                patch::apply(&operations, resource_type, &mut wanted, &rules)?;
                validate::check_required(&wanted, resource_type)?;
                self.change(cx, ty, before, conditions, wanted, selection).await
            });
            Ok((!minimal).then_some(answer.await?))
        };
        let beside = self.turns_of_members(mapping, &operations);
        match self.settled_of(cx, ty, id, beside, write).await? {
            Settled::Answer(answer) => Ok(answer),
            Settled::Found(_) if minimal => Ok(None),
            Settled::Found(id) => self.it_is(cx, ty, &id, selection).await.map(Some),
        }
    }
}

/// True if the path may select several elements, which only the whole list can tell.
fn names_several(operation: &Operation) -> bool {
    let filter = operation.path.as_ref().and_then(|path| path.filter.as_ref());
    filter.is_some_and(|filter| matches!(filter, Filter::Or(_)))
}
