//! Lists of others that must not become empty when a resource goes that stood in them (`floor`).

use crate::{
    gateway::{Context, Gateway, pointers::Pointer, resolve::field_predicate, write::root_of},
    mapping::lens::face::Reads,
    scim::error::ScimError,
    store::{Fold, Step, Test, Value},
};

impl Gateway {
    /// For each holder of a list with a row that points so: the step that locks it, and the one that asks
    /// whether a row is left. They belong before and behind the removal.
    pub(super) async fn floors(
        &self,
        cx: &Context,
        pointer: &Pointer<'_>,
        value: &Value,
    ) -> Result<(Vec<Step>, Vec<Step>), ScimError> {
        let mapping = self.ty(pointer.holder)?;
        let field = &pointer.reference.field;
        let has_floor = mapping.shape.part(field.part).row_floor.is_some();
        if pointer.part != Some(field.part) || !has_floor {
            return Ok((Vec::new(), Vec::new()));
        }
        let test = Test::OneOf(vec![value.clone()], Fold::Exact);
        let predicate = field_predicate(&mapping.shape, field, test);
        let mut reads = Reads::default();
        reads.part(&mapping.shape, 0);
        reads.parts.entry(0).or_default().extend(mapping.shape.root().stored_fields());
        let holders = self.load(pointer.holder, predicate, &reads, None).await?;
        let (mut locks, mut floors) = (Vec::new(), Vec::new());
        let answers = self.answers(cx);
        for known in self.correlate(pointer.holder, holders).await? {
            locks.extend(mapping.stands(&known.record, root_of(mapping, &known)));
            floors.extend(mapping.floor_step(&known.record, field.part, &answers));
        }
        Ok((locks, floors))
    }
}
