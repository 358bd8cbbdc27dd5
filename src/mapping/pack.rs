//! Changed documents go back into the fields that they lie in.
//!
//! A document is opened from what is stored, the rows' changes are made in it,
//! and it is closed again: what is not mapped, foreign items and the order of
//! everything stay as they are. Running twice changes nothing more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    mapping::{
        record::{Draft, Record, has_slot, same_values},
        shape::{FieldRef, Opened, PartId, Shape},
    },
    scim::error::ScimError,
    store::{
        Value,
        document::{Clash, Document, Node, Seg},
        memory::predicate::matches,
    },
};

/// A document: the field it lies in, and the parts whose rows lie in it.
struct Holder<'a> {
    field: FieldRef,
    document: &'a Document,
    /// True: each value of the field is a document.
    each: bool,
    parts: Vec<PartId>,
}

impl Record {
    /// Writes changed documents into the fields that hold them.
    ///
    /// # Errors
    ///
    /// 409 if a stored text cannot be read, 400 `invalidValue` if a value has no place in a document.
    pub fn pack(&mut self, shape: &Shape) -> Result<(), ScimError> {
        // What lies within another document is closed first.
        for holder in shape.documents().into_iter().rev() {
            for row in 0..self.rows(holder.field.part).len() {
                self.pack_row(shape, &holder, row)?;
            }
        }
        Ok(())
    }

    fn pack_row(&mut self, shape: &Shape, holder: &Holder<'_>, row: usize) -> Result<(), ScimError> {
        let FieldRef { part, field, slot } = &holder.field;
        let layout = shape.part(*part);
        let Some(draft) = self.row(*part, row).filter(|d| !d.removed) else { return Ok(()) };
        if !has_slot(layout, &draft.now, slot.as_ref()) {
            return Ok(());
        }
        let hung: Vec<(PartId, usize)> = self.hung(shape, holder, row);
        let changed = hung.iter().any(|(p, i)| self.row(*p, *i).is_some_and(is_changed));
        let stored: Vec<Value> = draft.was.as_ref().map(|was| was.all(*field).to_vec()).unwrap_or_default();
        let is_new = draft.was.is_none();
        if changed && holder.each {
            let values = self.values_with(shape, &hung, &stored).map_err(|clash| {
                let name = shape.field_name(&holder.field);
                ScimError::invalid_value(format!("A value has no place in `{name}`: {clash}."))
            })?;
            if let Some(draft) = self.row_mut(*part, row) {
                draft.now.set(*field, if same_values(&values, &stored) { stored } else { values });
            }
        } else if changed {
            let tree = holder.document.open(&stored).map_err(|unreadable| {
                let name = shape.field_name(&holder.field);
                ScimError::conflict(format!("`{name}` holds text that is {unreadable}; it is left as it is."))
            })?;
            let mut tree = tree.unwrap_or_else(|| holder.document.start());
            let closed = self
                .change_tree(shape, &hung, &mut tree)
                .and_then(|()| holder.document.close(&tree, &stored))
                .map_err(|clash| {
                    let name = shape.field_name(&holder.field);
                    ScimError::invalid_value(format!("A value has no place in `{name}`: {clash}."))
                })?;
            if let Some(draft) = self.row_mut(*part, row) {
                let values = if same_values(&closed, &stored) { stored } else { closed };
                draft.now.set(*field, values);
            }
        }
        // A row that was made for a document which then came to nothing.
        if is_new
            && !layout.slot.is_empty()
            && let Some(draft) = self.row_mut(*part, row).filter(|d| d.now.all(*field).is_empty())
        {
            draft.removed = true;
        }
        Ok(())
    }

    /// The values of a field of which each is a row: others stay as they are.
    fn values_with(
        &self,
        shape: &Shape,
        hung: &[(PartId, usize)],
        stored: &[Value],
    ) -> Result<Vec<Value>, Clash> {
        let mut values: Vec<Option<Value>> = stored.iter().cloned().map(Some).collect();
        for (part, row) in hung {
            let (Some(draft), Some(items)) = (self.row(*part, *row), shape.part(*part).items()) else {
                continue;
            };
            let Some(was) = &draft.was else {
                if !draft.removed {
                    values.push(items.value_of(None, None, &draft.now)?);
                }
                continue;
            };
            let Some(Value::Int(place)) = was.first(items.pos) else { continue };
            let Some(place) = usize::try_from(*place).ok() else { continue };
            if let Some(value) = values.get_mut(place).filter(|_| is_changed(draft)) {
                *value = match draft.removed {
                    true => None,
                    false => items.value_of(stored.get(place), Some(was), &draft.now)?,
                };
            }
        }
        // Of several values the first one is the row: if it goes, none of the others may take its place.
        let is_cleared = |part: &PartId| {
            let mut rows = hung.iter().filter(|(p, _)| p == part).filter_map(|(p, row)| self.row(*p, *row));
            !shape.part(*part).many && rows.all(|draft| draft.removed)
        };
        let parts: BTreeSet<PartId> = hung.iter().map(|(part, _)| *part).filter(is_cleared).collect();
        for layout in parts.into_iter().map(|part| shape.part(part)) {
            let Some(items) = layout.items() else { continue };
            for value in &mut values {
                let row = value.as_ref().and_then(|value| items.row_of(value, 0));
                if row.is_some_and(|row| matches(&layout.bag.scope, &row, &|_, _| false)) {
                    *value = None;
                }
            }
        }
        let mut all: Vec<Value> = Vec::new();
        for value in values.into_iter().flatten() {
            if !all.contains(&value) {
                all.push(value);
            }
        }
        Ok(all)
    }

    /// The rows of a document, by part: parents before what lies within them.
    fn hung(&self, shape: &Shape, holder: &Holder<'_>, row: usize) -> Vec<(PartId, usize)> {
        let mut hung: Vec<(PartId, usize)> = Vec::new();
        for part in &holder.parts {
            let above = shape.part(*part).parent;
            for (index, draft) in self.rows(*part).iter().enumerate() {
                let is_top = above == holder.field.part && draft.parent == row;
                if is_top || hung.contains(&(above, draft.parent)) {
                    hung.push((*part, index));
                }
            }
        }
        hung
    }

    fn change_tree(&self, shape: &Shape, hung: &[(PartId, usize)], tree: &mut Node) -> Result<(), Clash> {
        let mut places: BTreeMap<(PartId, usize), Vec<Seg>> = BTreeMap::new();
        let mut gone: Vec<Vec<Seg>> = Vec::new();
        let above = |places: &BTreeMap<(PartId, usize), Vec<Seg>>, part: PartId, draft: &Draft| {
            places.get(&(shape.part(part).parent, draft.parent)).cloned().unwrap_or_default()
        };
        let rows = hung.iter().filter_map(|at| Some((*at, self.row(at.0, at.1)?, shape.part(at.0).items()?)));
        // Positions are those of the stored text until something goes.
        for (at, draft, items) in rows.clone() {
            let Some(was) = &draft.was else { continue };
            let mut address = items.base(&above(&places, at.0, draft));
            if items.takes_items()
                && let Some(Value::Int(pos)) = was.first(items.pos)
            {
                address.extend(usize::try_from(*pos).ok().map(Seg::At));
            }
            if draft.removed {
                gone.push(address.clone());
            } else {
                items.change(tree, &address, Some(was), &draft.now)?;
            }
            places.insert(at, address);
        }
        for (at, draft, items) in rows {
            if draft.was.is_some() || draft.removed {
                continue;
            }
            let address = items.add(tree, &above(&places, at.0, draft), &draft.now)?;
            places.insert(at, address);
        }
        gone.sort_by(|a, b| order(b).cmp(&order(a)));
        gone.dedup();
        gone.iter().for_each(|address| tree.remove(address));
        Ok(())
    }
}

/// Later places of a list come after earlier ones, what lies within a place after it.
fn order(address: &[Seg]) -> Vec<(usize, &str)> {
    address
        .iter()
        .map(|seg| match seg {
            Seg::At(place) => (*place, ""),
            Seg::Name(name) => (usize::MAX, name.as_str()),
        })
        .collect()
}

fn is_changed(draft: &Draft) -> bool {
    match &draft.was {
        None => !draft.removed,
        Some(was) => draft.removed || *was != draft.now,
    }
}

impl Shape {
    /// The documents of a record.
    fn documents(&self) -> Vec<Holder<'_>> {
        let mut out: Vec<Holder<'_>> = Vec::new();
        for (id, layout) in self.parts.iter().enumerate().skip(1) {
            let Some(Opened { field, slot, items: Some(items) }) = &layout.opened else { continue };
            let at = FieldRef { part: layout.parent, field: *field, slot: slot.clone() };
            let inner = items.document.is_none();
            match out
                .iter_mut()
                .find(|h| if inner { h.parts.contains(&layout.parent) } else { h.field == at })
            {
                Some(holder) => holder.parts.push(id),
                None => {
                    let Some(document) = &items.document else { continue };
                    out.push(Holder { field: at, document, each: items.each, parts: vec![id] });
                }
            }
        }
        out
    }

    /// The columns that hold documents. A list of values is changed value by value and needs no care.
    #[must_use]
    pub fn document_fields(&self) -> Vec<FieldRef> {
        let fields = self.documents().into_iter().filter(|h| !h.each).map(|h| h.field);
        fields.filter(|field| self.part(field.part).items().is_none()).collect()
    }
}
