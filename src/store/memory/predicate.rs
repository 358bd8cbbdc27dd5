//! Evaluates a [`Predicate`] in memory: the meaning that every store has to match.
//!
//! The stored value's type decides how a test's value is read (see
//! [`coerce`](crate::store::coerce)). A caller that holds rows can recheck what
//! a store gave back as a superset.

use std::cmp::Ordering;

use bigdecimal::ToPrimitive as _;

use crate::store::{
    Fold, Order, Predicate, Related, Row, Test, Value,
    coerce::{kind_of, number, try_coerce},
};

/// Whether a row meets a predicate. `exists` answers for [`Predicate::Exists`].
pub fn matches(predicate: &Predicate, row: &Row, exists: &dyn Fn(&Related, &Row) -> bool) -> bool {
    match predicate {
        Predicate::True => true,
        Predicate::False => false,
        Predicate::All(list) => list.iter().all(|p| matches(p, row, exists)),
        Predicate::Any(list) => list.iter().any(|p| matches(p, row, exists)),
        Predicate::Not(inner) => !matches(inner, row, exists),
        Predicate::Field(field, test) => passes(test, row.all(*field)),
        Predicate::Exists(related) => exists(related, row),
        Predicate::Pair(one, relation, other) => {
            let (ours, theirs) = (row.all(*one), row.all(*other));
            let stands = |a: &Value, b: &Value| ordering(a, b, Fold::Exact).is_some_and(|o| relation.is(o));
            ours.iter().any(|a| theirs.iter().any(|b| stands(a, b)))
        }
        // Nobody told the time.
        Predicate::Clock(..) => false,
    }
}

/// Whether a field with these values passes a test.
#[must_use]
pub fn passes(test: &Test, values: &[Value]) -> bool {
    let text = |needle: &str, fold: Fold, check: fn(&str, &str) -> bool| {
        let needle = fold.apply(needle);
        values.iter().any(|v| text_of(v).is_some_and(|t| check(&fold.apply(&t), &needle)))
    };
    match test {
        Test::Present => !values.is_empty(),
        Test::Absent => values.is_empty(),
        Test::OneOf(wanted, fold) => values.iter().any(|have| wanted.iter().any(|w| equal(have, w, *fold))),
        Test::Order(order, wanted, fold) => values.iter().any(|have| {
            ordering(have, wanted, *fold).is_some_and(|found| match order {
                Order::Lt => found == Ordering::Less,
                Order::Le => found != Ordering::Greater,
                Order::Gt => found == Ordering::Greater,
                Order::Ge => found != Ordering::Less,
            })
        }),
        Test::Starts(needle, fold) => text(needle, *fold, |t, n| t.starts_with(n)),
        Test::Ends(needle, fold) => text(needle, *fold, |t, n| t.ends_with(n)),
        Test::Contains(needle, fold) => text(needle, *fold, |t, n| t.contains(n)),
        Test::BitsSet(bits) => values.iter().filter_map(integer).any(|i| i & bits == *bits),
        Test::BitsClear(bits) => values.iter().filter_map(integer).any(|i| i & bits == 0),
    }
}

/// Whether a stored value equals a wanted one.
#[must_use]
pub fn equal(have: &Value, wanted: &Value, fold: Fold) -> bool {
    match (have, wanted) {
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        _ => ordering(have, wanted, fold) == Some(Ordering::Equal),
    }
}

/// The order of a stored value against a wanted one; `None` if the wanted one
/// has no form of the stored one's type.
#[must_use]
pub fn ordering(have: &Value, wanted: &Value, fold: Fold) -> Option<Ordering> {
    match (have, wanted) {
        // Text that spells an instant, as SQLite stores them.
        (Value::Text(_), Value::Date(_) | Value::Time(_)) => {
            ordering(&try_coerce(have, kind_of(wanted))?, wanted, fold)
        }
        // A whole day is meant.
        (Value::Time(_), Value::Date(_)) => have.compare(wanted, fold),
        _ => match (have, try_coerce(wanted, kind_of(have))) {
            (Value::Int(_) | Value::Decimal(_), _) => Some(number(have)?.cmp(&number(wanted)?)),
            (Value::Bool(a), Some(Value::Bool(b))) => Some(a.cmp(&b)),
            (_, Some(wanted)) => have.compare(&wanted, fold),
            (_, None) => None,
        },
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(i) => Some(i.to_string()),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    let number = number(value)?;
    if number.is_integer() { number.to_i64() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(values: &[&str]) -> Test {
        Test::OneOf(values.iter().map(|v| Value::from(*v)).collect(), Fold::Exact)
    }

    #[test]
    fn nothing_passes_no_test_but_absent() {
        for test in [
            Test::Present,
            one(&[""]),
            Test::Order(Order::Le, "z".into(), Fold::Exact),
            Test::Contains(String::new(), Fold::Exact),
            Test::BitsClear(1),
        ] {
            assert!(!passes(&test, &[]), "{test:?}");
        }
        assert!(passes(&Test::Absent, &[]));
    }

    #[test]
    fn not_turns_the_false_of_nothing_into_true() {
        let row = Row { cells: vec![vec![]] };
        let inner = Predicate::Field(0, one(&["x"]));
        assert!(matches(&Predicate::Not(Box::new(inner)), &row, &|_, _| false));
    }

    #[test]
    fn the_stored_type_decides() {
        let cases: &[(Value, Value, bool)] = &[
            (Value::Int(5), "05".into(), true),
            ("05".into(), Value::Int(5), false),
            ("5".into(), Value::Int(5), true),
            (Value::Int(5), "five".into(), false),
            (Value::Bool(true), "1".into(), true),
            (Value::Bool(true), Value::Int(1), true),
            (Value::Int(1), Value::Bool(true), true),
            ("a ".into(), "a".into(), false),
        ];
        for (have, wanted, expect) in cases {
            assert_eq!(equal(have, wanted, Fold::Exact), *expect, "{have:?} = {wanted:?}");
        }
    }

    #[test]
    fn a_date_means_the_whole_day() {
        let time = try_coerce(&"2026-11-23 10:00:00".into(), crate::store::FieldKind::Time).unwrap();
        let date = try_coerce(&"2026-11-23".into(), crate::store::FieldKind::Date).unwrap();
        assert!(equal(&time, &date, Fold::Exact));
        assert!(passes(&Test::Order(Order::Le, date.clone(), Fold::Exact), std::slice::from_ref(&time)));
        assert!(!passes(&Test::Order(Order::Lt, date, Fold::Exact), &[time]));
    }

    #[test]
    fn several_values_need_one_that_passes() {
        let values = [Value::Int(1), Value::Int(6)];
        assert!(passes(&Test::BitsSet(6), &values));
        assert!(!passes(&Test::BitsSet(7), &values));
        assert!(passes(&Test::BitsClear(6), &values));
    }
}
