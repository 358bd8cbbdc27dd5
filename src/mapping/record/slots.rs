//! Slots whose names lie in another table: a row has its name in memory only, and points at the row with
//! that name.

use crate::{
    mapping::{
        record::Record,
        shape::{PartId, Shape},
    },
    store::Value,
};

impl Record {
    /// Gives each row that was read its name, once the rows with the names are there.
    pub fn name_slots(&mut self, shape: &Shape) {
        for (part, layout) in shape.parts.iter().enumerate() {
            let Some(at) = layout.slot_in else { continue };
            let named: Vec<(usize, Vec<Value>)> = self
                .rows(at.part)
                .iter()
                .filter_map(|d| Some((d.parent, d.was.as_ref()?.all(at.field).to_vec())))
                .collect();
            for (row, name) in named {
                let Some(draft) = self.row_mut(part, row) else { continue };
                draft.now.set(at.slot, name.clone());
                if let Some(was) = &mut draft.was {
                    was.set(at.slot, name);
                }
            }
        }
    }

    /// A new row points at the row with its name, which is looked up when it is written.
    pub(super) fn choose_slot(&mut self, shape: &Shape, part: PartId, row: usize) {
        let Some(at) = shape.part(part).slot_in else { return };
        let Some(name) = self.row(part, row).and_then(|d| d.now.first(at.slot).cloned()) else { return };
        let chosen = self.add_row(shape, at.part, row, None);
        if let Some(draft) = self.row_mut(at.part, chosen) {
            draft.now.set(at.field, vec![name]);
        }
    }
}
