//! Conditions that compare fields with each other, as far as a store can be asked them: two fields of one
//! row, and equality of a field with one of the row that its own hangs on.

use crate::{
    mapping::{
        form::{Cond, CondTest, PartTest, Template, cond::slot_test},
        shape::{FieldRef, PartId, Shape},
    },
    store::{FieldId, Fold, Predicate},
};

/// Equality of a field of a part with one of the row that the part hangs on.
pub(super) struct Join<'c> {
    below: &'c FieldRef,
    above: &'c FieldRef,
}

impl Join<'_> {
    /// The condition on rows of `outer`.
    pub(super) fn lift(&self, shape: &Shape, outer: PartId) -> Predicate {
        let pair = [(self.below.field, self.above.field)];
        let parent = self.above.part;
        let joined = shape.lift_joined(self.below.part, parent, slot_test(shape, self.below), &pair);
        shape.lift(parent, outer, joined)
    }
}

impl Template {
    /// The field of the same row that it stands for.
    pub(super) fn same_row(&self, place: &FieldRef) -> Option<FieldId> {
        let other = self.alone()?;
        (other.part == place.part && other.slot.is_none() && place.slot.is_none()).then_some(other.field)
    }
}

impl CondTest {
    /// What it asks of two rows that hang together.
    pub(super) fn other_row<'c>(&'c self, shape: &Shape, place: &'c FieldRef) -> Option<Join<'c>> {
        let Self::AnyOf(list, Fold::Exact) = self else { return None };
        let [template] = list.as_slice() else { return None };
        let other = template.alone()?;
        let hangs = |below: &FieldRef, above: &FieldRef| {
            let part = shape.part(below.part);
            below.part != 0 && part.parent == above.part && part.opened.is_none() && above.slot.is_none()
        };
        match other.part == place.part {
            true => None,
            false if hangs(place, other) => Some(Join { below: place, above: other }),
            false if hangs(other, place) => Some(Join { below: other, above: place }),
            false => None,
        }
    }
}

impl Cond {
    /// Takes out what a condition on rows of a part says of the rows above them by equality: pairs of (own
    /// field, field of the row above). What is left speaks of the rest.
    #[must_use]
    pub fn split_links(self, part: PartId, shape: &Shape) -> (Cond, Vec<(FieldId, FieldId)>) {
        let list = match self {
            Self::All(list) => list,
            one => vec![one],
        };
        let (mut rest, mut links) = (Vec::new(), Vec::new());
        for cond in list {
            let link = match &cond {
                Self::Field(place, test) if place.part == part && place.slot.is_none() => {
                    test.other_row(shape, place).filter(|join| join.below == place)
                }
                _ => None,
            };
            match link.map(|join| (join.below.field, join.above.field)) {
                Some(link) => links.push(link),
                None => rest.push(cond),
            }
        }
        match rest.len() {
            1 => (rest.remove(0), links),
            _ => (Self::All(rest), links),
        }
    }

    /// True if a field is compared with what other fields hold.
    #[must_use]
    pub fn compares_fields(&self) -> bool {
        self.any_template(&|t| !t.fields().is_empty())
    }

    /// True if it is another condition at another time.
    #[must_use]
    pub fn knows_time(&self) -> bool {
        self.any_template(&|t| matches!(t, Template::Now(_) | Template::Today(_)))
    }

    fn any_template(&self, is: &dyn Fn(&Template) -> bool) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().any(|c| c.any_template(is)),
            Self::Not(inner) | Self::Part(_, PartTest::Row(inner)) => inner.any_template(is),
            Self::Part(..) => false,
            Self::Field(_, test) => {
                let mut found = false;
                test.templates(&mut |t| found |= is(t));
                found
            }
        }
    }

    /// True if a store can be asked all of it, of rows of `outer`: what depends on the single row is a
    /// comparison of two fields that it has at hand.
    #[must_use]
    pub fn is_sayable(&self, outer: PartId, shape: &Shape) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().all(|c| c.is_sayable(outer, shape)),
            Self::Not(inner) => inner.is_sayable(outer, shape),
            Self::Part(part, PartTest::Row(cond)) => {
                let (rest, _) = cond.as_ref().clone().split_links(*part, shape);
                rest.is_sayable(*part, shape)
            }
            Self::Part(..) => true,
            Self::Field(place, test) => match test.other_row(shape, place) {
                Some(join) => shape.is_below(join.above.part, outer),
                None => test.is_sayable(place),
            },
        }
    }
}

impl CondTest {
    fn is_sayable(&self, place: &FieldRef) -> bool {
        let is_fixed = |t: &Template| t.fields().is_empty();
        let is_known = |t: &Template| is_fixed(t) || t.same_row(place).is_some();
        match self {
            Self::AnyOf(list, Fold::Exact) => list.iter().all(is_known),
            Self::AnyOf(list, Fold::Case) => list.iter().all(is_fixed),
            Self::Either(tests) => tests.iter().all(|t| t.is_sayable(place)),
            Self::Differs(t) | Self::Order(_, t) => is_known(t),
            Self::Starts(t) | Self::Ends(t) => is_fixed(t),
            Self::Bits(_) | Self::NoBits(_) | Self::Letters(_) | Self::NoLetters(_) => true,
        }
    }
}
