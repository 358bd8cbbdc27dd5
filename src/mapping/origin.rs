//! Where the values of fields come from: which attribute, or which setting of
//! the mapping. For people who ask what a request does, or why a resource
//! reads as it does.

use crate::{
    mapping::{
        Mapping, TypeMapping,
        shape::PartId,
        uses::{Role, Uses},
    },
    store::{Bag, FieldId},
};

impl Mapping {
    /// Where a log's column has its value from, in words; `None` if the bag is no log's.
    #[must_use]
    pub fn log_origin(&self, bag: &Bag, field: FieldId) -> Option<String> {
        let logs = self.types.iter().flat_map(|ty| &ty.logs);
        let log = logs.into_iter().find(|log| log.bag.name == bag.name)?;
        let by = if log.fields.iter().any(|(column, _)| *column == field) { "fields" } else { "set" };
        Some(format!("`log.{}.{by}`", log.name))
    }

    /// True if a field holds what a password is stored as.
    #[must_use]
    pub fn is_password(&self, bag: &Bag, field: FieldId) -> bool {
        let Some((ty, part)) = self.part_of(bag) else { return false };
        let uses = self.types.get(ty).map(Uses::of);
        uses.is_some_and(|uses| {
            let here = uses.fields.iter().filter(|u| u.field.part == part && u.field.field == field);
            here.into_iter().any(|used| matches!(used.role, Role::Password(_)))
        })
    }

    /// The type and the part that a bag belongs to; `None` for bags of counters.
    #[must_use]
    pub fn part_of(&self, bag: &Bag) -> Option<(usize, PartId)> {
        self.types.iter().enumerate().find_map(|(ty, of)| {
            let part = of.shape.parts.iter().position(|part| part.bag.name == bag.name)?;
            Some((ty, part))
        })
    }
}

impl TypeMapping {
    /// What may put a value into a field, in words: attributes, `initial`, `derived`, `touch`, `where`, `on`.
    #[must_use]
    pub fn origins(&self, part: PartId, field: FieldId) -> Vec<String> {
        let uses = Uses::of(self);
        let layout = self.shape.part(part);
        let mut out: Vec<String> = Vec::new();
        if let Some((_, above)) = layout.on.iter().find(|(own, _)| *own == field) {
            let parent = self.shape.part(layout.parent);
            out.push(format!("`on`: {}.{}", parent.name, parent.bag.field_name(*above)));
        }
        if let Some((_, other)) = layout.beside.iter().find(|(own, _)| *own == field) {
            out.push(format!("`on`: {}", self.shape.field_name(other)));
        }
        if layout.constants.iter().any(|(constant, _)| *constant == field) {
            out.push("`where`".to_owned());
        }
        if layout.row_floor.as_ref().is_some_and(|floor| floor.cells.iter().any(|(f, _)| *f == field)) {
            out.push("`floor`".to_owned());
        }
        if layout.slot.contains(&field) {
            out.push("the slot's name".to_owned());
        }
        let here = uses.fields.iter().filter(|u| u.field.part == part && u.field.field == field);
        for used in here.filter(|u| u.writable) {
            out.push(match used.role {
                Role::Pointer => format!("{} (a reference)", used.path),
                Role::Password(_) => format!("{} (hashed)", used.path),
                Role::Value { .. } | Role::Piece | Role::Search | Role::Tested => used.path.clone(),
            });
        }
        let about = |target: &crate::mapping::form::AssignTarget| matches!(target, crate::mapping::form::AssignTarget::Field(f) if f.part == part && f.field == field);
        for settle in self.settle.iter().filter(|s| about(&s.assign.target)) {
            out.push(if settle.derived { "`derived`" } else { "`initial`" }.to_owned());
        }
        if self.touch.iter().any(|(_, assign)| about(&assign.target)) {
            out.push("`touch`".to_owned());
        }
        if self.delete.set.iter().any(|assign| about(&assign.target)) {
            out.push("`delete.set`".to_owned());
        }
        let made = uses.made.iter().filter(|m| m.field.part == part && m.field.field == field);
        for made in made.filter(|m| !m.path.is_empty()) {
            if !out.contains(&made.path) {
                out.push(made.path.clone());
            }
        }
        for (_, path) in uses.touched.iter().filter(|(f, _)| f.part == part && f.field == field) {
            if !out.contains(path) {
                out.push(path.clone());
            }
        }
        out.extend(self.origins_within(part, field));
        out.dedup();
        out
    }

    /// The attributes whose values a field holds as a document, or as one of its values.
    fn origins_within(&self, part: PartId, field: FieldId) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (inner, layout) in self.shape.parts.iter().enumerate() {
            if layout.parent != part || layout.opened.as_ref().is_none_or(|opened| opened.field != field) {
                continue;
            }
            for own in 0..layout.bag.fields.len() {
                for origin in self.origins(inner, own).into_iter().filter(|origin| !origin.starts_with('`')) {
                    let attribute = origin.split(['.', ' ']).next().unwrap_or_default().to_owned();
                    if !out.contains(&attribute) {
                        out.push(attribute);
                    }
                }
            }
        }
        out
    }
}
