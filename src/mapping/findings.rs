//! Findings on a mapping that was compiled, with the places of what it names.

use crate::{
    mapping::{
        Mapping,
        diagnostic::Diagnostics,
        place::{Named, Place},
        shape::{FieldRef, PartId},
    },
    store::FieldId,
};

/// What is found of a mapping.
pub(super) struct Findings<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) out: Diagnostics,
}

impl<'m> Findings<'m> {
    /// Of a mapping of which nothing is known yet.
    pub(super) fn of(mapping: &'m Mapping) -> Self {
        Self { mapping, out: Diagnostics::default() }
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl AsRef<str>,
        help: impl Into<String>,
    ) {
        self.out.error(code, &place.span, format!("{}{}", place.base, message.as_ref()), help);
    }

    pub(super) fn warn(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl AsRef<str>,
        help: impl Into<String>,
    ) {
        self.out.warn(code, &place.span, format!("{}{}", place.base, message.as_ref()), help);
    }

    pub(super) fn note(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl AsRef<str>,
        help: impl Into<String>,
    ) {
        self.out.note(code, &place.span, format!("{}{}", place.base, message.as_ref()), help);
    }

    /// Where something stands.
    pub(super) fn place(&self, named: Named) -> Place {
        self.mapping.places.find(&named)
    }

    /// Where a field is named first; where its table is, if the file does not name it.
    pub(super) fn field_place(&self, ty: usize, part: PartId, field: FieldId) -> Place {
        let named = Named::Field(ty, part, field);
        let is_named = self.mapping.places.has(&named);
        self.place(if is_named { named } else { Named::Source(ty, part) })
    }

    /// Where an attribute names its field.
    pub(super) fn bound_place(&self, ty: usize, field: &FieldRef, rule: &str) -> Place {
        let named = Named::Bound(ty, field.part, field.field);
        let is_named = self.mapping.places.has(&named);
        self.place(if is_named { named } else { Named::Rule(ty, rule.to_owned()) })
    }

    /// Where a setting of a part stands; where its table is, if the file does not have it.
    pub(super) fn setting_place(&self, ty: usize, part: PartId, key: &'static str) -> Place {
        let named = Named::Setting(ty, part, key);
        let is_named = self.mapping.places.has(&named);
        self.place(if is_named { named } else { Named::Source(ty, part) })
    }
}
