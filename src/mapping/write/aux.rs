//! Auxiliary object classes (RFC 4512 §2.4.3): an entry gets one when an attribute
//! of it is first used, and keeps it.

use crate::{
    mapping::{
        record::{Draft, Record},
        shape::{Part, Shape},
    },
    store::{FieldId, Source, Value},
};

impl Record {
    /// Gives entries the classes that attributes which come into use ask for.
    pub(super) fn take_classes(&mut self, shape: &Shape) {
        for (layout, rows) in shape.parts.iter().zip(&mut self.parts) {
            let Some(class_field) = layout.bag.find_field("objectClass").filter(|_| !layout.aux.is_empty())
            else {
                continue;
            };
            for draft in rows.iter_mut().filter(|draft| !draft.removed) {
                for class in missing(layout, class_field, draft) {
                    let mut classes = draft.now.all(class_field).to_vec();
                    classes.push(Value::Text(class));
                    draft.now.set(class_field, classes);
                }
            }
        }
    }
}

/// The classes that a row comes to need and does not have. Of an entry whose classes were not read, none.
fn missing(layout: &Part, class_field: FieldId, draft: &Draft) -> Vec<String> {
    let was = |field: &FieldId| draft.was.as_ref().map_or(&[][..], |was| was.all(*field));
    if draft.was.is_some() && was(&class_field).is_empty() {
        return Vec::new();
    }
    let of_all = match (&layout.bag.source, &draft.was) {
        (Source::Entries { classes, .. }, None) => classes.as_slice(),
        _ => &[],
    };
    let has = |class: &str| {
        let held = draft.now.all(class_field).iter().map(Value::to_text);
        held.chain(of_all.iter().cloned()).any(|held| held.eq_ignore_ascii_case(class))
    };
    let comes = |field: &FieldId| was(field).is_empty() && !draft.now.all(*field).is_empty();
    let needed = layout.aux.iter().filter(|(class, fields)| fields.iter().any(comes) && !has(class));
    needed.map(|(class, _)| class.clone()).collect()
}
