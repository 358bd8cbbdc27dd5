//! Keys that clients give and change.

use std::ops::Range;

use super::TypeDraft;
use crate::{
    mapping::{Rename, form::set::AssignTarget, shape::FieldRef},
    scim::schema::Mutability,
};

impl TypeDraft {
    /// The fields of the key that a client can change, and where the file says so.
    pub(in crate::mapping) fn changing_keys(&self) -> Vec<(FieldRef, &Range<usize>)> {
        match self.rename {
            Rename::Refuse => Vec::new(),
            _ => self.keys_of_clients(false),
        }
    }

    /// True if a client gives a new resource its key, or a part of it.
    pub(in crate::mapping) fn has_given_key(&self) -> bool {
        !self.keys_of_clients(true).is_empty()
    }

    /// The fields of the key that clients write, or only those that they may write again, and where the file says so.
    fn keys_of_clients(&self, once: bool) -> Vec<(FieldRef, &Range<usize>)> {
        let key = self.shape.root().bag.key.iter();
        let fields = key.map(|field| FieldRef { part: 0, field: *field, slot: None });
        let changing = fields.filter_map(|field| {
            let is_fixed = |rule: &str| {
                let mut rules = self.rules.iter();
                rules.any(|r| r.rule.name == rule && r.face.mutability == Some(Mutability::Immutable))
            };
            let lens = self.writes.iter().find(|w| self.stored_at(&w.field) == field);
            let lens = lens.filter(|w| once || !is_fixed(&w.rule));
            let derived = self.settle.iter().find(|(settle, _)| {
                settle.derived && matches!(&settle.assign.target, AssignTarget::Field(f) if *f == field)
            });
            let span = lens.map(|w| &w.span).or(derived.map(|(_, span)| span))?;
            Some((field, span))
        });
        changing.collect()
    }
}
