//! A row that stays: its new name first, then the smallest change of its fields.

use std::collections::HashSet;

use crate::{
    mapping::{
        Rename,
        diff::{Diff, among::Among, entry, entry::Naming},
        form::Template,
        record::same_values,
        shape::{Part, PartId},
    },
    scim::error::ScimError,
    store::{Cell, Change, FieldId, Source, Step, Target, Value},
};

impl Diff<'_> {
    pub(super) fn update(
        &mut self,
        part: PartId,
        row: usize,
        was: &crate::store::Row,
        now: &crate::store::Row,
    ) -> Result<(), ScimError> {
        let layout = self.shape.part(part);
        let was = &self.untied(part, row, was).0;
        let links = self.linked(part, row);
        let is_entry = matches!(layout.bag.source, Source::Entries { .. });
        let renames = |f: &FieldId| !same_values(was.all(*f), now.all(*f));
        let is_renamed = layout.bag.key.iter().any(renames);
        if is_renamed && layout.rename == Some(Rename::Refuse) {
            let what = if part == 0 { "This resource" } else { "What names a part of this resource" };
            return Err(ScimError::mutability(format!("{what} cannot be renamed.")));
        }
        let mut changes = Vec::new();
        for (field, values) in now.cells.iter().enumerate() {
            let old = was.all(field);
            let name = layout.bag.field_name(field);
            if links.iter().any(|(f, _)| *f == field)
                || entry::is_pseudo(&layout.bag, name)
                || layout.is_borrowed(field)
                || same_values(old, values)
            {
                continue;
            }
            changes.extend(self.field_changes(part, field, old, values, is_entry));
        }
        for (field, cell) in links {
            if !matches!(&cell, Cell::Values(values) if layout.bag.kind(field).same_all(was.all(field), values))
            {
                changes.push(Change::Set(field, cell));
            }
        }
        let mut target = self.target(part, row, was);
        if is_entry {
            let naming = Naming::new(self.ty, part);
            if let Some(dn) = naming.changed_dn(was, now)? {
                let bag = layout.bag.clone();
                if naming.is_moved(was, &dn) {
                    self.make_above(part, &dn);
                }
                self.plan.steps.push(Step::Rename { bag, target: target.clone(), dn: dn.clone() });
                naming.drop_named(&mut changes, was, now, &dn);
                if let Target::Entry { dn: at, anchor } = &mut target {
                    // Without an attribute of identity, the name is all there is.
                    if layout
                        .bag
                        .key
                        .first()
                        .is_some_and(|key| entry::is_pseudo(&layout.bag, layout.bag.field_name(*key)))
                    {
                        *anchor = Value::Text(dn.clone());
                    }
                    at.clone_from(&dn);
                }
                if part == 0 {
                    self.plan.dn = Some(dn.clone());
                }
                self.names.insert((part, row), dn);
            }
        }
        if is_renamed && !is_entry && (part == 0 || layout.rename.is_some()) {
            self.renamed.push((part, row));
            if layout.rename == Some(Rename::Copy) {
                let cells = changes.into_iter().filter_map(|change| match change {
                    Change::Set(field, cell) => Some((field, cell)),
                    Change::Add(..) | Change::Remove(..) | Change::Floor(..) | Change::Exchange(..) => None,
                });
                let step = Step::Copy { bag: layout.bag.clone(), target, cells: cells.collect() };
                self.plan.steps.push(step);
                return Ok(());
            }
        }
        if !changes.is_empty() {
            let required = part == 0 || self.is_known_row(part, row, was);
            let update = Step::Update { bag: layout.bag.clone(), target, changes, required };
            if is_entry { self.later.push(update) } else { self.plan.steps.push(update) }
        }
        Ok(())
    }

    /// True if an update of a part's row that touches none tells that others took it away: it has a key,
    /// and what it hangs on keeps its values, which the database may hand down by itself.
    pub(super) fn is_known_row(&self, part: PartId, row: usize, was: &crate::store::Row) -> bool {
        let layout = self.shape.part(part);
        let parent = self.draft(part, row).and_then(|d| self.draft(layout.parent, d.parent));
        let kept = |above: &FieldId| {
            parent.is_none_or(|p| {
                p.was.as_ref().is_none_or(|was| same_values(was.all(*above), p.now.all(*above)))
            })
        };
        matches!(layout.bag.source, Source::Table(_))
            && !layout.bag.key.is_empty()
            && layout.bag.key.iter().all(|f| was.first(*f).is_some())
            && layout.on.iter().all(|(_, above)| kept(above))
            && self.keeps_beside(part, row)
    }

    /// The smallest change of one field: whole values for single-valued ones, deltas for the others,
    /// unless the order of the values carries meaning.
    pub(super) fn field_changes(
        &self,
        part: PartId,
        field: FieldId,
        old: &[Value],
        new: &[Value],
        is_entry: bool,
    ) -> Vec<Change> {
        let whole = || vec![Change::Set(field, Cell::Values(new.to_vec()))];
        // Others may add to a list meanwhile, however short it is.
        if !is_entry || (old.len() <= 1 && new.len() <= 1 && !self.is_list(part, field)) {
            return whole();
        }
        let kind = self.shape.part(part).bag.kind(field);
        let (in_old, in_new) = (Among::new(kind, old), Among::new(kind, new));
        let removed: Vec<Value> = old.iter().filter(|v| !in_new.has(v)).cloned().collect();
        let added: Vec<Value> = new.iter().filter(|v| !in_old.has(v)).cloned().collect();
        if self.is_ordered(part, field) {
            let kept: Vec<Value> = old.iter().filter(|v| in_new.has(v)).chain(&added).cloned().collect();
            if !same_values(&kept, new) {
                return whole();
            }
        }
        // A value that changes only its spelling is one value to the directory.
        let in_added = Among::new(kind, &added);
        let spelled: HashSet<&str> = old.iter().filter_map(text).collect();
        let is_spelled_so =
            |v: &Value| text(v).map_or_else(|| old.contains(v), |text| spelled.contains(text));
        let respelled = new.iter().any(|v| !in_added.has(v) && !is_spelled_so(v));
        if respelled {
            return whole();
        }
        let mut changes = Vec::new();
        if !removed.is_empty() {
            changes.push(Change::Remove(field, removed));
            changes.extend(self.floor(part, field, new));
        }
        if !added.is_empty() {
            changes.push(Change::Add(field, added));
        }
        changes
    }

    /// True if each value of the attribute is an element of a list.
    fn is_list(&self, part: PartId, field: FieldId) -> bool {
        self.shape.parts.iter().any(|p| p.many && p.parent == part && p.values_of() == Some(field))
    }

    /// What keeps an attribute from being empty, where others may take away the values that a change leaves in it.
    fn floor(&self, part: PartId, field: FieldId, new: &[Value]) -> Option<Change> {
        let opened = self.shape.parts.iter().find(|p| p.parent == part && p.values_of() == Some(field))?;
        let Some(Template::Literal(floor)) = &opened.floor else { return None };
        let kind = self.shape.part(part).bag.kind(field);
        let is_left = new.iter().any(|value| kind.same(value, floor));
        (!is_left).then(|| Change::Floor(field, vec![floor.clone()]))
    }

    pub(super) fn is_ordered(&self, part: PartId, field: FieldId) -> bool {
        let opened = self.shape.parts.iter().position(|p| p.parent == part && p.values_of() == Some(field));
        // Of several values the first one of the format is the row.
        let first = |p: &Part| {
            let opened = p.opened.as_ref().filter(|o| p.parent == part && o.field == field);
            !p.many && !p.is_view() && opened.and_then(|o| o.items.as_ref()).is_some_and(|items| items.each)
        };
        opened.is_some_and(|id| self.ty.is_positional(id)) || self.shape.parts.iter().any(first)
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}
