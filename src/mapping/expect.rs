//! What must still be so in the store when a change is written that was asked
//! for on condition of a version (RFC 7644 §3.14): the change marker, or
//! without one everything that the version was computed of.

use crate::{
    mapping::{
        TypeMapping,
        lens::{Lens, Scalar, Source, Write},
        record::Record,
        shape::{PartId, Use},
    },
    store::{self, Expected, FieldId, FieldKind, Predicate, Row, Step, Target},
};

impl TypeMapping {
    /// The steps that make sure that a record is as it was read. `root` is where its root row is.
    #[must_use]
    pub fn expectations(&self, record: &Record, root: Target) -> Vec<Step> {
        let Some(was) = record.row(0, 0).and_then(|d| d.was.clone()) else { return Vec::new() };
        let bag = self.bag();
        let fields = self.version.map_or_else(|| (0..bag.fields.len()).collect(), |marker| vec![marker]);
        let writable = self.idle_fields();
        let expected = Expected { fields, rows: vec![was], others: false, writable };
        let mut steps = vec![Step::Expect { bag: bag.clone(), target: root, expected, lock: true }];
        if self.version.is_none() {
            let parts = 1..self.shape.parts.len();
            steps.extend(parts.flat_map(|part| self.rows_expected(record, part)));
        }
        steps
    }

    /// The step that keeps the root row as one of ours while rows below it change; `None` in a directory,
    /// which knows no locks, and for items of a document, which is locked as a whole.
    #[must_use]
    pub fn stands(&self, record: &Record, root: Target) -> Option<Step> {
        let was = record.row(0, 0)?.was.clone()?;
        let bag = self.bag().clone();
        if !matches!(bag.source, store::Source::Table(_)) {
            return None;
        }
        let expected =
            Expected { fields: bag.key.clone(), rows: vec![was], others: false, writable: Vec::new() };
        Some(Step::Expect { bag, target: root, expected, lock: true })
    }

    /// The rows of a part, for each row that they hang on.
    fn rows_expected(&self, record: &Record, part: PartId) -> Vec<Step> {
        let layout = self.shape.part(part);
        if layout.opened.is_some() || layout.on.is_empty() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        for (index, parent) in record.rows(layout.parent).iter().enumerate() {
            if !parent.was.as_ref().is_some_and(|above| self.shape.hangs_on(part, above)) {
                continue;
            }
            let Some(links) = record.stored_links(&self.shape, part, index) else { continue };
            let equal = |(own, value)| Predicate::equals(own, value);
            let link = links.into_iter().map(equal).fold(Predicate::True, Predicate::and);
            let own = record.rows(part).iter().filter(|d| d.parent == index);
            let rows: Vec<Row> = own.filter_map(|d| d.was.clone()).collect();
            // Of a single part only the first row counts; what is looked up has many owners.
            let others = (!layout.many && layout.slot.is_empty()) || layout.usage != Use::Own;
            let fields = layout.stored_fields().collect();
            let expected = Expected { fields, rows, others, writable: Vec::new() };
            let bag = layout.bag.clone();
            // The root is locked, which is enough: whoever adds or removes a row asks for nothing of ours.
            steps.push(Step::Expect { bag, target: Target::Rows(link), expected, lock: false });
        }
        steps
    }

    /// Root fields that writes set as they are, and that nothing else depends on.
    fn idle_fields(&self) -> Vec<FieldId> {
        let mut fields = Vec::new();
        for rule in &self.rules {
            collect(&rule.lens, &mut fields);
        }
        let bag = self.bag();
        fields.retain(|f| bag.kind(*f) != FieldKind::Dn && !bag.key.contains(f) && Some(*f) != self.version);
        fields
    }
}

fn collect(lens: &Lens, fields: &mut Vec<FieldId>) {
    match lens {
        Lens::Scalar(Scalar { source: Source::Field { field, .. }, common, .. })
            if field.part == 0
                && field.slot.is_none()
                && common.write == Write::Yes
                && common.unique.is_none() =>
        {
            fields.push(field.field);
        }
        Lens::Complex(subs) => subs.iter().for_each(|sub| collect(&sub.lens, fields)),
        Lens::Slots(slots) => {
            slots.slots.iter().flat_map(|(_, subs)| subs).for_each(|sub| collect(&sub.lens, fields));
        }
        Lens::First(list) => list.iter().for_each(|lens| collect(lens, fields)),
        Lens::Scalar(_)
        | Lens::Rows(_)
        | Lens::Reference(_)
        | Lens::Pointers(_)
        | Lens::Inverse(_)
        | Lens::Search(_)
        | Lens::Password(_)
        | Lens::Union(_)
        | Lens::Guarded(_)
        | Lens::Side => {}
    }
}
