//! Rows that hang on two rows which do not hang on each other.

use crate::{
    mapping::{diff::Diff, record::same_values, shape::PartId},
    scim::error::ScimError,
    store::{Cell, FieldId},
};

impl Diff<'_> {
    /// The cells of a row that follow from the rows which it hangs on beside the one above it.
    pub(super) fn linked_beside(&self, part: PartId, row: usize) -> Vec<(FieldId, Cell)> {
        let beside = self.shape.part(part).beside.iter();
        let cell = |(own, other): &(FieldId, crate::mapping::shape::FieldRef)| {
            let found = self.record.find_row(self.shape, (part, row), other);
            let values = found
                .and_then(|row| self.draft(other.part, row))
                .map(|draft| draft.now.all(other.field))
                .unwrap_or_default();
            let step = found.and_then(|row| self.made.get(&(other.part, row)));
            let cell = match (values, step) {
                ([], Some((step, report))) if report.contains(&other.field) => {
                    Cell::From { step: *step, field: other.field }
                }
                (values, _) => Cell::Values(values.to_vec()),
            };
            (*own, cell)
        };
        beside.map(cell).collect()
    }

    /// Refuses a new row if one of the rows which it hangs on is not there.
    pub(super) fn has_both(&self, part: PartId, links: &[(FieldId, Cell)]) -> Result<(), ScimError> {
        let is_open = |own: &FieldId| {
            links.iter().any(|(field, cell)| field == own && *cell == Cell::Values(Vec::new()))
        };
        match self.shape.part(part).beside.iter().any(|(own, _)| is_open(own)) {
            true => {
                let detail = "A part of this resource belongs to two others, one of which is not there.";
                Err(ScimError::invalid_value(detail.to_owned()))
            }
            false => Ok(()),
        }
    }

    /// True if the rows that a row hangs on beside the one above it keep the values by which it does.
    pub(super) fn keeps_beside(&self, part: PartId, row: usize) -> bool {
        self.shape.part(part).beside.iter().all(|(_, other)| {
            let found = self.record.find_row(self.shape, (part, row), other);
            found.and_then(|row| self.draft(other.part, row)).is_none_or(|draft| {
                draft
                    .was
                    .as_ref()
                    .is_none_or(|was| same_values(was.all(other.field), draft.now.all(other.field)))
            })
        })
    }
}
