//! Ordered comparisons.

use crate::{
    mapping::{
        codec::Codec,
        lens::{Scalar, json::from_json, scalar::decode},
        query::{Compare, Pushed},
    },
    scim::filter::CompareOp,
    store::{Order, Predicate, Value},
};

/// The order that an operator asks for.
pub(super) fn order_of(op: CompareOp) -> Option<Order> {
    Some(match op {
        CompareOp::Gt => Order::Gt,
        CompareOp::Ge => Order::Ge,
        CompareOp::Lt => Order::Lt,
        CompareOp::Le => Order::Le,
        _ => return None,
    })
}

/// A comparison of instants: answers show milliseconds (or the codecs' own unit) and are cut, not
/// rounded. So all stored values from `first` to `last` read as the same instant.
pub(super) fn instants(
    scalar: &Scalar,
    codecs: &[Codec],
    compare: Compare<'_>,
    bound: &dyn Fn(Order, Value) -> Pushed,
) -> Pushed {
    let Some(Value::Time(asked)) = from_json(compare.json, scalar.data_type) else {
        return Pushed::exact(Predicate::False);
    };
    let start = asked.replace_millisecond(asked.millisecond()).unwrap_or(asked);
    let end = start.saturating_add(time::Duration::nanoseconds(999_999));
    let encode = |when| codecs.iter().rev().try_fold(Value::Time(when), |v, c| c.encode(v).ok());
    let (Some(first), Some(last)) = (encode(start), encode(end)) else { return Pushed::EVERYTHING };
    let shown = decode(first.clone(), codecs);
    let is_shown = shown.is_some_and(|s| s == Value::Time(asked));
    match (compare.op, is_shown) {
        (Some(CompareOp::Eq), false) => Pushed::exact(Predicate::False),
        (Some(CompareOp::Eq), true) => Pushed::all([bound(Order::Ge, first), bound(Order::Le, last)]),
        (Some(CompareOp::Ge), true) => bound(Order::Ge, first),
        (Some(CompareOp::Lt), true) => bound(Order::Lt, first),
        (Some(CompareOp::Gt | CompareOp::Ge), _) => bound(Order::Gt, last),
        (Some(CompareOp::Lt | CompareOp::Le), _) => bound(Order::Le, last),
        _ => Pushed::EVERYTHING,
    }
}
