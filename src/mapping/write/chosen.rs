//! Rows that are looked up: which one a resource points at when a client says nothing, and what an item of
//! a document is called in the table that names it.

use crate::{
    mapping::{
        TypeMapping,
        diff::entry::Naming,
        form::Need,
        lens::{Lens, Rule, Sub, face::Reads, writer::Writer},
        shape::{Part, PartId, Use},
        write::absent,
    },
    scim::{Json, error::ScimError},
    store::{Source, Value},
};

impl TypeMapping {
    /// A looked-up row that a client has taken away: the one that a new resource would have takes its place.
    pub(super) fn choose_again(&self, w: &mut Writer<'_>, lens: &Lens, given: Option<&Json>) {
        for (common, _, field) in absent(lens, given, &w.eval((0, 0))) {
            let is_looked_up = matches!(self.shape.part(field.part).usage, Use::Find | Use::FindOrAdd);
            if is_looked_up && w.record.values(&self.shape, (0, 0), field).is_empty() {
                let eval = w.eval((0, 0));
                let values: Vec<Value> =
                    common.initial.iter().flat_map(|t| t.many(&eval, field, false)).collect();
                w.assign((0, 0), field, values);
            }
        }
    }

    /// Entries that are looked up: what hangs on one of them knows its name before it is written, since a
    /// directory takes no names from step to step.
    pub(super) fn name_entries(&self, w: &mut Writer<'_>) -> Result<(), ScimError> {
        let looked_up = |layout: &Part| {
            matches!(layout.usage, Use::Find | Use::FindOrAdd)
                && matches!(layout.bag.source, Source::Entries { .. })
        };
        for (part, layout) in self.shape.parts.iter().enumerate().skip(1).filter(|(_, p)| looked_up(p)) {
            for index in 0..w.record.rows(part).len() {
                let Some(draft) = w.record.row(part, index) else { continue };
                let parent = draft.parent;
                if draft.removed {
                    let is_last = !w.record.rows(part).iter().any(|d| d.parent == parent && !d.removed);
                    if let Some(above) = w.record.row_mut(layout.parent, parent).filter(|_| is_last) {
                        layout.on.iter().for_each(|(_, field)| above.now.set(*field, Vec::new()));
                    }
                    continue;
                }
                if draft.was.is_some() {
                    continue;
                }
                let need = Need::row(part, layout, &draft.now);
                let Some(found) = w.answers.row(&need).cloned() else {
                    if !w.answers.rows.contains_key(&need) {
                        continue;
                    }
                    if layout.usage == Use::FindOrAdd {
                        self.name_new_entry(w, (part, index))?;
                        continue;
                    }
                    return Err(ScimError::invalid_value(format!(
                        "`{}` has a value that the store does not know.",
                        self.attribute_of(part).unwrap_or(&layout.name)
                    )));
                };
                if let Some(above) = w.record.row_mut(layout.parent, parent) {
                    for (own, field) in &layout.on {
                        above.now.set(*field, found.all(*own).to_vec());
                    }
                }
            }
        }
        Ok(())
    }

    /// An entry that is looked up and not there: it is made, under a name that is known from now on.
    fn name_new_entry(&self, w: &mut Writer<'_>, (part, row): (PartId, usize)) -> Result<(), ScimError> {
        let layout = self.shape.part(part);
        let (Some(dn), Some(draft)) = (layout.bag.find_field("dn"), w.record.row_mut(part, row)) else {
            return Ok(());
        };
        let name = Value::Text(Naming::new(self, part).new_dn(&draft.now, None)?);
        draft.now.set(dn, vec![name]);
        let (parent, now) = (draft.parent, draft.now.clone());
        if let Some(above) = w.record.row_mut(layout.parent, parent) {
            for (own, field) in &layout.on {
                above.now.set(*field, now.all(*own).to_vec());
            }
        }
        Ok(())
    }

    /// The attribute that lies in a part.
    fn attribute_of(&self, part: PartId) -> Option<&str> {
        let is_there = |rule: &&Rule| {
            let mut reads = Reads::default();
            rule.lens.reads(self, &mut reads);
            reads.parts.contains_key(&part)
        };
        let complex = self.rules.iter().find(is_there)?;
        let Lens::Complex(subs) = complex.lens.bare() else { return Some(&complex.attribute) };
        let of_sub = |sub: &&Sub| {
            let mut reads = Reads::default();
            sub.lens.reads(self, &mut reads);
            reads.parts.contains_key(&part)
        };
        subs.iter().find(of_sub).map(|sub| sub.name.as_str())
    }

    /// The items of a document that a looked-up row names: the row is looked at before the document is made.
    pub(super) fn name_items(&self, w: &mut Writer<'_>) -> Result<(), ScimError> {
        for (part, layout) in self.shape.parts.iter().enumerate() {
            if layout.usage != Use::Find || self.shape.part(layout.parent).opened.is_none() {
                continue;
            }
            for index in 0..w.record.rows(part).len() {
                let Some(draft) = w.record.row(part, index).filter(|d| d.was.is_none() && !d.removed) else {
                    continue;
                };
                let (need, parent) = (Need::row(part, layout, &draft.now), draft.parent);
                let Some(found) = w.answers.row(&need).cloned() else {
                    if w.answers.rows.contains_key(&need) {
                        let rule = self
                            .rules
                            .iter()
                            .find(|r| matches!(&r.lens, Lens::Rows(l) if l.part == layout.parent));
                        let attribute = rule.map_or(layout.name.as_str(), |r| r.attribute.as_str());
                        return Err(ScimError::invalid_value(format!(
                            "`{attribute}` has a value that the store does not know."
                        )));
                    }
                    continue;
                };
                if let Some(item) = w.record.row_mut(layout.parent, parent) {
                    for (own, above) in &layout.on {
                        item.now.set(*above, found.all(*own).to_vec());
                    }
                }
            }
        }
        Ok(())
    }
}
