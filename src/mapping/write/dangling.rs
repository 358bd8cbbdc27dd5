//! Stored pointers at nobody, where the mapping says `dangling = "reject"`.

use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, Need},
        lens::{Dangling, Reference, scalar},
        record::{Record, has_slot},
    },
    scim::error::ScimError,
    store::Value,
};

impl TypeMapping {
    /// Refuses a record that keeps a pointer at nobody. Pointers that a client gave were looked up before.
    ///
    /// # Errors
    ///
    /// 409, naming the attribute, the row and its field.
    pub(super) fn refuse_dangling(&self, record: &Record, answers: &Answers) -> Result<(), ScimError> {
        for rule in &self.rules {
            let mut references = Vec::new();
            rule.lens.references(&mut |reference, _| references.push(reference));
            for reference in references {
                let target = self.references.get(reference.target);
                if target.is_some_and(|t| t.dangling == Dangling::Reject)
                    && let Some(row) = self.points_at_nobody(reference, record, answers)
                {
                    return Err(ScimError::conflict(format!(
                        "`{}` points at nobody: {row}. Give it another value, or mend that row.",
                        rule.attribute
                    )));
                }
            }
        }
        Ok(())
    }

    /// The first row whose pointer leads to nobody, in words.
    fn points_at_nobody(&self, reference: &Reference, record: &Record, answers: &Answers) -> Option<String> {
        let at = &reference.field;
        let layout = self.shape.part(at.part);
        for draft in record.rows(at.part).iter().filter(|draft| !draft.removed) {
            let Some(stored) =
                draft.now.first(at.field).filter(|_| has_slot(layout, &draft.now, at.slot.as_ref()))
            else {
                continue;
            };
            let Some(by) = scalar::decode(stored.clone(), &reference.codecs).map(|by| by.to_text()) else {
                continue;
            };
            if let Some(None) = answers.pointed(&Need::ByToId { reference: reference.target, by }) {
                let key = layout.bag.key.iter().filter_map(|field| {
                    Some(format!(
                        "{} = {}",
                        layout.bag.field_name(*field),
                        draft.now.first(*field)?.to_text()
                    ))
                });
                let (key, name) = (key.collect::<Vec<_>>().join(", "), layout.bag.field_name(at.field));
                return Some(format!(
                    "`{name}` of the row with {key} in `{}` is {}",
                    layout.name,
                    shown(stored)
                ));
            }
        }
        None
    }
}

fn shown(value: &Value) -> String {
    format!("`{}`", value.to_text())
}
