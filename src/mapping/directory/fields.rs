//! Which attribute of which entry a field of the mapping lies in.

use crate::mapping::{
    TypeMapping,
    shape::{FieldRef, PartId},
    uses::{FieldUse, Made, Uses},
};

/// An attribute of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// The part that is the entry.
    pub(super) part: PartId,
    /// Its field.
    pub(super) field: usize,
    /// True if each value is an element of a list.
    pub(super) plural: bool,
    /// False if the field is something within the attribute's value.
    pub(super) whole: bool,
}

/// A use of an attribute of an entry.
pub(super) struct Used<'m> {
    pub(super) of: &'m FieldUse<'m>,
    pub(super) at: At,
}

/// Follows a field to the entry that holds it.
pub(super) fn stored(ty: &TypeMapping, field: &FieldRef) -> At {
    let mut at = At { part: field.part, field: field.field, plural: false, whole: true };
    // Bounded by the depth of documents within documents.
    while let Some(opened) = &ty.shape.part(at.part).opened {
        let part = ty.shape.part(at.part);
        at = At {
            part: part.parent,
            field: opened.field,
            plural: at.plural || (part.many && opened.items.is_none()),
            whole: at.whole && opened.items.is_none(),
        };
    }
    at
}

/// The uses of all fields.
pub(super) fn used<'m>(ty: &'m TypeMapping, uses: &'m Uses<'m>) -> impl Iterator<Item = Used<'m>> {
    uses.fields.iter().map(|of| Used { of, at: stored(ty, of.field) })
}

/// What the mapping itself writes.
pub(super) fn made<'m>(ty: &'m TypeMapping, uses: &'m Uses<'m>) -> impl Iterator<Item = (&'m Made<'m>, At)> {
    uses.made.iter().map(|made| (made, stored(ty, made.field)))
}
