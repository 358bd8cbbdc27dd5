//! Long lists of references in a directory. The entries that an attribute of one entry names are asked for in one
//! question, where the server has one; what is missing then is found by name, like the references of short lists.

use std::collections::{HashMap, HashSet};

use crate::{
    gateway::{Gateway, TypeId, identity::Known, resolve::comparable},
    mapping::{
        TypeMapping,
        form::{Answers, Need},
        lens::Reference,
        record::Record,
        shape::FieldRef,
    },
    scim::error::ScimError,
    store::{FieldId, Value, Way},
};

/// Fewer are found by name in one search as well.
const MANY: usize = 200;

impl Gateway {
    /// Answers what is asked about the long lists of these resources, and gives back the other needs.
    pub(super) async fn resolve_named(
        &self,
        ty: TypeId,
        known: &[Known],
        needs: Vec<Need>,
        answers: &mut Answers,
    ) -> Result<Vec<Need>, ScimError> {
        let mapping = self.ty(ty)?;
        if needs.len() < MANY || !mapping.is_ldap() {
            return Ok(needs);
        }
        let mut open: HashMap<usize, HashSet<String>> = HashMap::new();
        for need in &needs {
            if let Need::ByToId { reference, by } = need {
                open.entry(*reference).or_default().insert(by.clone());
            }
        }
        let mut lists: Vec<&Reference> = Vec::new();
        mapping.rules.iter().for_each(|rule| rule.lens.references(&mut |reference, _| lists.push(reference)));
        for list in lists {
            let Some(open) = open.get_mut(&list.target).filter(|open| open.len() >= MANY) else { continue };
            for holder in known {
                self.follow_list(ty, list, &holder.record, open, answers).await?;
            }
        }
        let is_open = |need: &Need| !answers.pointed.contains_key(need);
        Ok(needs.into_iter().filter(is_open).collect())
    }

    /// Finds what one list names of what is looked for.
    async fn follow_list(
        &self,
        ty: TypeId,
        list: &Reference,
        holder: &Record,
        open: &mut HashSet<String>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        let Some(attribute) = mapping.list_attribute(list) else { return Ok(()) };
        let targets = mapping.references.get(list.target).map(|t| t.types.clone()).unwrap_or_default();
        for (target, field) in targets {
            let aimed = self.ty(target)?;
            let is_name = aimed.find_root("dn") == Some(field.field) && field.part == 0;
            let named: Vec<String> = mapping.pointers(list, holder).filter(|by| open.contains(by)).collect();
            if !is_name || named.len() < MANY {
                continue;
            }
            let way = Way::Named { entry: mapping.locator(holder), attribute: attribute.clone() };
            let Some(found) = self.pointed_by(target, way).await? else { continue };
            let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
            for by in named {
                by_name.entry(comparable(&aimed.shape, &field, &by)).or_default().push(by);
            }
            for (known, pointed) in found {
                let name = comparable(&aimed.shape, &field, &aimed.locator(&known.record));
                for by in by_name.remove(&name).unwrap_or_default() {
                    open.remove(&by);
                    let need = Need::ByToId { reference: list.target, by };
                    answers.pointed.insert(need, Some(pointed.clone()));
                }
            }
        }
        Ok(())
    }
}

impl TypeMapping {
    /// The attribute of the resource's own entry whose values are the pointers of a list.
    fn list_attribute(&self, list: &Reference) -> Option<String> {
        let plain = list.codecs.is_empty() && list.tree.is_none();
        let field = self.values_in(&list.field).filter(|_| plain)?;
        Some(self.bag().field_name(field).to_owned())
    }

    /// The root field whose values, as they are, a field has: itself, or what a part of values lies in.
    pub(super) fn values_in(&self, field: &FieldRef) -> Option<FieldId> {
        let part = self.shape.part(field.part);
        match &part.opened {
            None => (field.part == 0).then_some(field.field),
            Some(opened) => (part.parent == 0 && opened.items.is_none()).then_some(opened.field),
        }
    }

    /// The pointers of a list, as stored.
    fn pointers<'r>(
        &self,
        list: &'r Reference,
        holder: &'r Record,
    ) -> impl Iterator<Item = String> + use<'r> {
        let rows = holder.rows(list.field.part).iter();
        rows.flat_map(|row| row.now.all(list.field.field)).map(Value::to_text)
    }
}
