//! Tests an entry in memory as a directory would: text without case and needless
//! spaces, names as names (RFC 4518, to the extent that it matters here).

use std::cmp::Ordering;

use super::plan::is_same_name;
use crate::store::{Bag, FieldKind, Fold, Order, Predicate, Row, Test, Value, dn::fold_value};

/// True if the row meets a predicate that speaks of its own fields only.
pub(super) fn holds(bag: &Bag, row: &Row, predicate: &Predicate) -> bool {
    match predicate {
        Predicate::True => true,
        // Rows of other bags are not at hand; a plan refuses such a scope. No scope compares attributes.
        Predicate::False | Predicate::Exists(_) | Predicate::Clock(..) | Predicate::Pair(..) => false,
        Predicate::All(parts) => parts.iter().all(|p| holds(bag, row, p)),
        Predicate::Any(parts) => parts.iter().any(|p| holds(bag, row, p)),
        Predicate::Not(inner) => !holds(bag, row, inner),
        Predicate::Field(id, test) => {
            let kind = bag.fields.get(*id).map_or(FieldKind::Any, |f| f.kind);
            let name = bag.field_name(*id);
            let kind = if super::entry::is_pseudo(name) { FieldKind::Dn } else { kind };
            let values = row.all(*id);
            match test {
                Test::Present => !values.is_empty(),
                Test::Absent => values.is_empty(),
                test => values.iter().any(|value| passes(value, kind, test)),
            }
        }
    }
}

/// True if both values are the same to a directory.
pub(super) fn is_equal(a: &Value, b: &Value, kind: FieldKind) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) if kind == FieldKind::Dn => is_same_name(a, b),
        (Value::Text(a), Value::Text(b)) => fold_value(a) == fold_value(b),
        (a, b) => a.same(b, Fold::Case),
    }
}

fn passes(value: &Value, kind: FieldKind, test: &Test) -> bool {
    let text = || fold_value(&value.to_text());
    let bits = || match value {
        Value::Int(number) => Some(*number),
        other => other.to_text().trim().parse().ok(),
    };
    match test {
        Test::Present => true,
        Test::Absent => false,
        Test::OneOf(wanted, _) => wanted.iter().any(|w| is_equal(value, w, kind)),
        Test::Order(order, bound, _) => value.compare(bound, Fold::Case).is_some_and(|o| match order {
            Order::Lt => o == Ordering::Less,
            Order::Le => o != Ordering::Greater,
            Order::Gt => o == Ordering::Greater,
            Order::Ge => o != Ordering::Less,
        }),
        Test::Starts(part, _) => text().starts_with(&fold_value(part)),
        Test::Ends(part, _) => text().ends_with(&fold_value(part)),
        Test::Contains(part, _) => text().contains(&fold_value(part)),
        Test::BitsSet(mask) => bits().is_some_and(|b: i64| b & mask == *mask),
        Test::BitsClear(mask) => bits().is_some_and(|b: i64| b & mask == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Field, Source};

    #[test]
    fn tests_are_made_the_way_a_directory_makes_them() {
        let field = |name: &str, kind| Field { name: name.into(), kind, many: true };
        let bag = Bag {
            name: "User".into(),
            source: Source::Table(String::new()),
            fields: vec![
                field("cn", FieldKind::Text),
                field("dn", FieldKind::Any),
                field("n", FieldKind::Int),
            ],
            key: vec![],
            scope: Predicate::True,
        };
        let row = Row { cells: vec![vec!["Ann  B".into()], vec!["uid=A, dc=x".into()], vec![Value::Int(6)]] };
        let one_of = |f, v: Value| Predicate::equals(f, v);
        let test = Predicate::Field;
        for (predicate, expect) in [
            (one_of(0, " ann b".into()), true),
            (one_of(0, "ann".into()), false),
            (one_of(1, "UID=a,DC=X".into()), true),
            (test(0, Test::Starts("ANN".into(), Fold::Exact)), true),
            (test(0, Test::Ends("  b".into(), Fold::Exact)), true),
            (test(0, Test::Contains("x".into(), Fold::Exact)), false),
            (test(2, Test::BitsSet(2)), true),
            (test(2, Test::BitsSet(3)), false),
            (test(2, Test::BitsClear(1)), true),
            (test(2, Test::BitsClear(2)), false),
            (test(2, Test::Order(Order::Gt, 6.into(), Fold::Exact)), false),
            (test(2, Test::Order(Order::Ge, 6.into(), Fold::Exact)), true),
            (test(0, Test::Absent), false),
            (Predicate::Not(Box::new(one_of(0, "x".into()))), true),
            (Predicate::Any(vec![Predicate::False, one_of(2, 6.into())]), true),
        ] {
            assert_eq!(holds(&bag, &row, &predicate), expect, "{predicate:?}");
        }
    }
}
