//! What identifies a row across requests: its anchor, the text of its key.
//!
//! The parts of a composite key are joined by a control character that no key
//! of a real table holds.

use crate::{
    mapping::{
        TypeMapping,
        lens::{Lens, Scalar, Source},
        shape::PartId,
    },
    store::{FieldKind, Fold, Predicate, Row, Test, Value},
};

const JOINT: char = '\u{1f}';

impl TypeMapping {
    /// The anchor of a root row; `None` if a key field has no value.
    #[must_use]
    pub fn anchor(&self, row: &Row) -> Option<String> {
        let parts: Option<Vec<String>> =
            self.bag().key.iter().map(|f| row.first(*f).map(Value::to_text)).collect();
        parts.map(|p| p.join(&JOINT.to_string()))
    }

    /// The rows with any of these anchors.
    #[must_use]
    pub fn anchor_predicate<'t>(&self, anchors: impl Iterator<Item = &'t str>) -> Predicate {
        let key = &self.bag().key;
        if let [only] = key.as_slice() {
            let values: Vec<Value> = anchors.map(|a| self.anchor_value(*only, a)).collect();
            return if values.is_empty() {
                Predicate::False
            } else {
                Predicate::Field(*only, Test::OneOf(values, Fold::Exact))
            };
        }
        let rows = anchors.map(|anchor| {
            key.iter().zip(anchor.split(JOINT)).fold(Predicate::True, |all, (field, part)| {
                all.and(Predicate::equals(*field, self.anchor_value(*field, part)))
            })
        });
        match rows.collect::<Vec<_>>() {
            rows if rows.is_empty() => Predicate::False,
            rows => Predicate::Any(rows),
        }
    }

    /// One part of an anchor as a value of its field.
    fn anchor_value(&self, field: usize, text: &str) -> Value {
        match self.bag().fields.get(field).map(|f| f.kind) {
            Some(FieldKind::Bytes) => hex::decode(text).map_or_else(|_| text.into(), Value::Bytes),
            Some(FieldKind::Int) => text.parse().map_or_else(|_| text.into(), Value::Int),
            _ => text.into(),
        }
    }

    /// True if the order of a part's rows carries meaning.
    #[must_use]
    pub fn is_positional(&self, part: PartId) -> bool {
        fn find(lens: &Lens, part: PartId) -> bool {
            match lens {
                Lens::Rows(rows) => rows.part == part && rows.is_positional(),
                Lens::Union(list) | Lens::First(list) => list.iter().any(|l| find(l, part)),
                Lens::Guarded(guarded) => find(&guarded.lens, part),
                _ => false,
            }
        }
        self.rules.iter().any(|r| find(&r.lens, part))
    }

    /// The field behind a simple attribute, if it is one field: for uniqueness and sorting.
    #[must_use]
    pub fn simple_field(&self, lens: &Lens) -> Option<crate::mapping::shape::FieldRef> {
        match lens {
            Lens::Scalar(Scalar { source: Source::Field { field, .. }, .. }) => Some(field.clone()),
            Lens::First(list) => list.iter().find(|l| l.is_writable()).and_then(|l| self.simple_field(l)),
            _ => None,
        }
    }
}
