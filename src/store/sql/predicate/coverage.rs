//! How well a database answers a predicate, known before it is asked.
//!
//! Pure: it knows the declared types and, once a table was read, its columns.

use crate::store::{
    Bag, Coverage, FieldKind, Fold, Predicate, Test, Value,
    sql::{
        catalogue::{Catalogue, Class, table_name},
        dialect::Flavour,
        predicate::pair,
    },
};

/// How well the database answers the predicate over rows of `bag`.
pub(in crate::store::sql) fn coverage(
    flavour: Flavour,
    catalogue: &Catalogue,
    bag: &Bag,
    predicate: &Predicate,
) -> Coverage {
    match predicate {
        Predicate::True | Predicate::False => Coverage::Exact,
        Predicate::Clock(..) => Coverage::None,
        Predicate::Pair(one, relation, other) => {
            let [one, other] = [*one, *other].map(|id| {
                let field = bag.fields.get(id)?;
                let table = table_name(bag).ok().and_then(|name| catalogue.known(name))?;
                Some((field.kind, table.find(&field.name)?.class))
            });
            one.zip(other).map_or(Coverage::None, |(one, other)| pair::coverage(*relation, one, other))
        }
        Predicate::All(list) | Predicate::Any(list) => {
            list.iter().map(|p| coverage(flavour, catalogue, bag, p)).min().unwrap_or(Coverage::Exact)
        }
        // What is left out of a superset is no superset.
        Predicate::Not(inner) => match coverage(flavour, catalogue, bag, inner) {
            Coverage::Exact => Coverage::Exact,
            Coverage::Superset | Coverage::None => Coverage::None,
        },
        Predicate::Exists(related) => coverage(flavour, catalogue, &related.bag, &related.predicate),
        Predicate::Field(field, test) => {
            let Some(field) = bag.fields.get(*field) else { return Coverage::None };
            let table = table_name(bag).ok().and_then(|name| catalogue.known(name));
            let class = table.and_then(|t| t.find(&field.name).map(|c| c.class));
            of_test(flavour, field.kind, class, test)
        }
    }
}

pub(super) fn of_test(flavour: Flavour, kind: FieldKind, class: Option<Class>, test: &Test) -> Coverage {
    let declared_text = matches!(kind, FieldKind::Text | FieldKind::Dn);
    let is_text = match class {
        Some(class) => {
            matches!(class, Class::Text | Class::Texts | Class::Uuid | Class::Other | Class::Untyped)
        }
        None => declared_text || kind == FieldKind::Any,
    };
    let caseless = |fold: &Fold| match (fold, flavour) {
        (Fold::Exact, _) | (_, Flavour::Sqlite) => Coverage::Exact,
        (Fold::Case, _) if is_text => Coverage::Superset,
        // Bytes that are declared to be text: MySQL converts them, PostgreSQL has no safe way to.
        (Fold::Case, Flavour::Mysql) if declared_text && class == Some(Class::Bytes) => Coverage::Superset,
        (Fold::Case, Flavour::Postgres) if declared_text && class == Some(Class::Bytes) => Coverage::None,
        (Fold::Case, _) => Coverage::Exact,
    };
    let is_time = |v: &Value| matches!(v, Value::Date(_) | Value::Time(_));
    let time_in_text = |times: bool| {
        flavour != Flavour::Sqlite && is_text && (times || matches!(kind, FieldKind::Date | FieldKind::Time))
    };
    // A text that is declared to be bytes compares as bytes, which no comparison of texts does for every value.
    let bytes_in_text = kind == FieldKind::Bytes && class.is_some() && is_text;
    // The server's spelling of a float is not ours.
    let float = flavour == Flavour::Mysql
        && (class == Some(Class::Float) || (class.is_none() && kind == FieldKind::Decimal));
    match test {
        Test::Present | Test::Absent => Coverage::Exact,
        Test::OneOf(..) | Test::Order(..) | Test::BitsSet(_) | Test::BitsClear(_) if bytes_in_text => {
            Coverage::None
        }
        // Truths are ordered with truths, not as the numbers or words that they are stored as.
        Test::Order(..) if kind == FieldKind::Bool || class == Some(Class::Bool) => Coverage::None,
        Test::OneOf(values, _) if float || time_in_text(values.iter().any(is_time)) => Coverage::None,
        Test::OneOf(_, fold) => caseless(fold),
        Test::Order(_, value, fold) => {
            let text_over_other = declared_text && class.is_some() && !is_text && class != Some(Class::Int);
            // Digits have no case.
            let caseless = |fold| if class == Some(Class::Int) { Coverage::Exact } else { caseless(fold) };
            let nul = matches!(value, Value::Text(text) if text.contains('\0'));
            if float
                || nul
                || text_over_other
                || time_in_text(is_time(value))
                || caseless(fold) != Coverage::Exact
            {
                Coverage::None
            } else {
                Coverage::Exact
            }
        }
        Test::Starts(needle, fold) | Test::Ends(needle, fold) | Test::Contains(needle, fold) => {
            let other = class.is_some() && !is_text && class != Some(Class::Int);
            let converts = flavour == Flavour::Mysql && class == Some(Class::Bytes);
            if (other && declared_text && !converts)
                || needle.contains('\0')
                || !is_read_as_written(kind, class, is_text)
            {
                Coverage::None
            } else {
                caseless(fold)
            }
        }
        Test::BitsSet(_) | Test::BitsClear(_) if float => Coverage::None,
        Test::BitsSet(_) | Test::BitsClear(_) => Coverage::Exact,
    }
}

/// False if what is read as `kind` may be spelled differently than the column spells it, or be no text at all:
/// `05` reads as the number 5, and 1 as true.
fn is_read_as_written(kind: FieldKind, class: Option<Class>, is_text: bool) -> bool {
    use FieldKind as K;
    match class {
        None => true,
        Some(Class::Int) => !matches!(kind, K::Decimal | K::Bool),
        Some(Class::Decimal | Class::Float) => kind != K::Int,
        Some(_) => !is_text || matches!(kind, K::Any | K::Text | K::Dn),
    }
}
