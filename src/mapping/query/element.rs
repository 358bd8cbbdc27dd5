//! When an element of a list is there to be compared at all: rows and slots
//! that read as nothing are no elements, whatever a filter says of them.

use crate::{
    mapping::{
        lens::{Lens, Source, Sub},
        query::{Compare, Pushed, Query},
        shape::PartId,
    },
    scim::{
        Json,
        filter::{CompareOp, Filter},
    },
    store::Predicate,
};

impl Query<'_> {
    /// That an element reads as something: it has a `value`, or anything if it is without one.
    pub(super) fn shown(&self, subs: &[Sub], part: PartId) -> Pushed {
        let present = |sub: &Sub| self.lens(&sub.lens, None, Compare::presence(), part);
        let mut carrying = subs.iter().filter(|s| carries(s));
        match carrying.clone().find(|s| s.name == "value") {
            Some(value) => present(value),
            None => Pushed::any(carrying.by_ref().map(present)),
        }
    }

    /// What holds of an element, and that it is there.
    pub(super) fn if_shown(&self, subs: &[Sub], here: Pushed, part: PartId) -> Pushed {
        if here.predicate == Predicate::False { here } else { Pushed::all([here, self.shown(subs, part)]) }
    }
}

/// True for what is stored with each element.
fn carries(sub: &Sub) -> bool {
    !matches!(sub.lens.bare(), Lens::Scalar(s) if matches!(s.source, Source::Place(_) | Source::Const(_)))
}

/// True if a filter on an element holds only of one that has a `value`.
pub(super) fn needs_value(filter: &Filter) -> bool {
    match filter {
        Filter::Or(list) => list.iter().all(needs_value),
        Filter::And(list) => list.iter().any(needs_value),
        Filter::Present(path) => path.is("value", None),
        Filter::Compare(path, op, json) => path.is("value", None) && (*op == CompareOp::Ne) == json.is_null(),
        Filter::Not(_) | Filter::Element(..) => false,
    }
}

/// Whether a filter can be this of an element that has none of the values it names.
pub(super) fn may_be(truth: bool, filter: &Filter) -> bool {
    match filter {
        Filter::Or(list) if truth => list.iter().any(|f| may_be(true, f)),
        Filter::Or(list) => list.iter().all(|f| may_be(false, f)),
        Filter::And(list) if truth => list.iter().all(|f| may_be(true, f)),
        Filter::And(list) => list.iter().any(|f| may_be(false, f)),
        Filter::Not(inner) => may_be(!truth, inner),
        // An element's `type` and an implied `primary` are there without a stored value.
        Filter::Compare(path, ..) | Filter::Present(path)
            if path.is("type", None) || path.is("primary", None) =>
        {
            true
        }
        Filter::Compare(_, op, Json::Null) => (*op == CompareOp::Eq) == truth,
        Filter::Compare(_, op, _) => (*op == CompareOp::Ne) == truth,
        Filter::Present(_) => !truth,
        Filter::Element(..) => true,
    }
}
