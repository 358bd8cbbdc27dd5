//! Rows that are looked up: which one a resource points at when a client says nothing, and what an item of
//! a document is called in the table that names it.

use crate::{
    mapping::{
        TypeMapping,
        form::Need,
        lens::{Lens, writer::Writer},
        shape::Use,
        write::absent,
    },
    scim::{Json, error::ScimError},
    store::Value,
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
