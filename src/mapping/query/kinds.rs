//! The filter faces of what a field tells of an element, and of lenses that
//! apply on a condition only.

use super::{Compare, Pushed, Query, order::order_of, scalar::holds};
use crate::{
    mapping::{
        lens::{Guarded, Kinds},
        shape::PartId,
    },
    scim::{Json, Object, filter::CompareOp},
    store::{Fold, Predicate, Test, Value},
};

impl Query<'_> {
    /// A comparison with a sub-attribute that the field tells.
    pub(super) fn kind(&self, kinds: &Kinds, name: &str, compare: Compare<'_>, part: PartId) -> Pushed {
        if compare.op.is_some_and(|op| order_of(op).is_some()) {
            return Pushed::EVERYTHING;
        }
        self.kinds_that(kinds, part, &|says| {
            let own = says.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, json)| json);
            // An absent `primary` is false (RFC 7643 §2.4).
            let no = Json::Bool(false);
            let is_primary = name.eq_ignore_ascii_case("primary") && compare.op == Some(CompareOp::Eq);
            own.or(is_primary.then_some(&no)).is_some_and(|own| holds(own, compare, false))
        })
    }

    /// That the row is one of ours.
    pub(super) fn known_kind(&self, kinds: &Kinds, part: PartId) -> Pushed {
        self.kinds_that(kinds, part, &|_| true)
    }

    fn kinds_that(&self, kinds: &Kinds, part: PartId, wanted: &dyn Fn(&Object) -> bool) -> Pushed {
        let found = kinds.pairs.iter().filter(|(_, says)| wanted(says));
        let values: Vec<Value> = found.clone().filter_map(|(value, _)| value.clone()).collect();
        let mut any = Vec::new();
        if !values.is_empty() {
            any.push(self.tested(&kinds.field, Test::OneOf(values, Fold::Exact), &[], part));
        }
        if found.clone().any(|(value, _)| value.is_none()) {
            any.push(self.tested(&kinds.field, Test::Present, &[], part).not());
        }
        Pushed::any(any)
    }

    /// That a lens applies.
    pub(super) fn applying(&self, guarded: &Guarded, part: PartId) -> Pushed {
        let Some(when) = &guarded.when else { return Pushed::exact(Predicate::True) };
        let shape = &self.ty.shape;
        let is_below = |field: &&crate::mapping::shape::FieldRef| shape.is_below(field.part, part);
        if !when.fields().iter().all(is_below) || !when.is_sayable(part, shape) {
            // What it tests lies above the row, or is no question to a store: decided in memory.
            return Pushed::EVERYTHING;
        }
        // Of several rows the store finds any, where the first is the one.
        let predicate = when.to_predicate(part, &self.eval());
        let is_rough = when.fields().iter().any(|field| shape.may_be_shadowed(field.part, part))
            || when.parts().into_iter().any(|below| shape.is_beside(below, part));
        match is_rough {
            true if when.is_positive(part, &self.eval()) => Pushed::superset(predicate),
            true => Pushed::EVERYTHING,
            false => Pushed::exact(predicate),
        }
    }
}
