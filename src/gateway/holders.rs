//! Lists that are kept on the other side: `members` that follow from what each
//! member says. A change of such a list is a change of each resource that comes
//! or goes, in the same transaction.

use crate::{
    gateway::{Context, Gateway, TypeId, identity::side},
    mapping::{
        TypeMapping,
        lens::{Lens, Rule},
        write::put_value,
    },
    plan::Plan,
    scim::{Json, Object, error::ScimError},
};

impl Gateway {
    /// What must be done to the resources that come into the lists of `id`, or go out of them.
    pub(super) async fn hold(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        current: &Object,
        wanted: &Object,
    ) -> Result<Plan, ScimError> {
        let mapping = self.ty(ty)?;
        let mut plan = Plan::default();
        for rule in mapping.rules.iter().filter(|r| r.urn.is_none()) {
            let Lens::Inverse(index) = &rule.lens else { continue };
            let Some(inverse) = mapping.inverses.get(*index).filter(|i| i.writable) else { continue };
            let (old, new) = (ids(current, &rule.attribute), ids(wanted, &rule.attribute));
            for holder in old.iter().filter(|id| !new.contains(id)) {
                plan.append(self.edit(cx, inverse.holder, holder, (&inverse.attribute, id), false).await?);
            }
            for holder in new.iter().filter(|id| !old.contains(id)) {
                match self.edit(cx, inverse.holder, holder, (&inverse.attribute, id), true).await {
                    Ok(edit) => plan.append(edit),
                    Err(error) if error.status() == 404 && self.answers(cx).skip_unknown => {}
                    Err(error) if error.status() == 404 => {
                        let name = &rule.attribute;
                        let said = format!("`{name}` names a resource that does not exist.");
                        return Err(ScimError::invalid_value(said));
                    }
                    Err(other) => return Err(other),
                }
            }
        }
        Ok(plan)
    }

    /// Puts a resource into a list of a holder, or takes it out.
    async fn edit(
        &self,
        cx: &Context,
        holder: TypeId,
        id: &str,
        (attribute, pointed): (&str, &str),
        add: bool,
    ) -> Result<Plan, ScimError> {
        let mapping = self.ty(holder)?;
        let before = self.before(cx, holder, id).await?;
        let mut list: Vec<Json> =
            before.resource.get(attribute).and_then(Json::as_array).cloned().unwrap_or_default();
        list.retain(|element| element.get("value").and_then(Json::as_str) != Some(pointed));
        if add {
            match mapping.places_of(attribute) {
                // A row that has one place for them all is in one at a time: it moves.
                Some(1) => list.clear(),
                Some(places) if list.len() >= places => {
                    return Err(ScimError::conflict(format!(
                        "A member of `{}` is in {places} of them already, and the store has no room for more.",
                        mapping.resource_type.name
                    )));
                }
                _ => {}
            }
            list.push(serde_json::json!({ "value": pointed }));
        }
        let mut wanted = before.resource.clone();
        put_value(&mut wanted, None, attribute, (!list.is_empty()).then_some(Json::Array(list)));
        let kept = side(&before.known.row);
        let written =
            self.written(cx, holder, &before.known.record, &kept, &before.resource, &wanted).await?;
        let mut plan = mapping.diff(&written)?;
        mapping.keep_floors(&written.record, &self.answers(cx), &mut plan);
        Ok(plan)
    }
}

impl TypeMapping {
    /// True if a resource names holders of lists that it is to come into.
    pub(super) fn holds_some(&self, wanted: &Object) -> bool {
        let names = |rule: &Rule| {
            let Lens::Inverse(index) = &rule.lens else { return false };
            let is_writable = self.inverses.get(*index).is_some_and(|inverse| inverse.writable);
            is_writable && rule.urn.is_none() && !ids(wanted, &rule.attribute).is_empty()
        };
        self.rules.iter().any(names)
    }

    /// In how many fields an attribute's elements lie, if each lies in one of its own.
    fn places_of(&self, attribute: &str) -> Option<usize> {
        match self.find_rule(None, attribute)?.lens.bare() {
            Lens::Pointers(pointers) => Some(pointers.places.len()),
            _ => None,
        }
    }
}

/// The ids in a list of references.
fn ids<'a>(resource: &'a Object, attribute: &str) -> Vec<&'a str> {
    let list = resource.get(attribute).and_then(Json::as_array).into_iter().flatten();
    list.filter_map(|element| element.get("value")?.as_str()).collect()
}
