//! Conditions on rows.

use std::{cmp::Ordering, sync::Arc};

use crate::store::{Bag, FieldId, Fold, ReadStore, Value, moment::Moment};

/// A test of one row. Two-valued: a test of a field without value is false,
/// except [`Test::Absent`]; [`Predicate::Not`] turns that false into true.
///
/// A value is tested as it is read: of the field's declared kind if it can be, else as the store says. So `05`
/// in a text column declared as `Int` is the number 5, and starts with a 5. A text test ([`Test::Starts`] and
/// its like) is false of everything but texts and integers.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Predicate {
    /// Every row.
    #[default]
    True,
    /// No row.
    False,
    /// All of them hold.
    All(Vec<Predicate>),
    /// Any of them holds.
    Any(Vec<Predicate>),
    /// The inner one does not hold.
    Not(Box<Predicate>),
    /// Some value of the field passes the test.
    Field(FieldId, Test),
    /// Some row of another bag, hung on this row, meets a predicate.
    Exists(Box<Related>),
    /// The field stands so to a time relative to now. Stores never see it: [`Predicate::at`] puts
    /// the time in first.
    Clock(FieldId, Relation, Moment),
    /// Some value of the first field stands so to some value of the second, of the same row.
    Pair(FieldId, Relation, FieldId),
}

/// The rows of another bag that hang on a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// The other bag; its scope applies.
    pub bag: Arc<Bag>,
    /// Pairs of (field of the other bag, field of this row's bag) that must be equal.
    pub on: Vec<(FieldId, FieldId)>,
    /// What the row must meet.
    pub predicate: Predicate,
}

/// A test of a field's values.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is a value.
    Present,
    /// There is none.
    Absent,
    /// Equal to any of these.
    OneOf(Vec<Value>, Fold),
    /// Ordered comparison.
    Order(Order, Value, Fold),
    /// Text starts with this.
    Starts(String, Fold),
    /// Text ends with this.
    Ends(String, Fold),
    /// Text contains this.
    Contains(String, Fold),
    /// All these bits of an integer are set.
    BitsSet(i64),
    /// None of these bits of an integer is set. True for a field without value is NOT implied.
    BitsClear(i64),
}

/// An ordered comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Order {
    Lt,
    Le,
    Gt,
    Ge,
}

/// How one value stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is equal.
    Equal,
    /// It has this order.
    Order(Order),
}

impl Relation {
    /// Whether it is what a comparison of two values found.
    #[must_use]
    pub fn is(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Order(Order::Lt) => found.is_lt(),
            Self::Order(Order::Le) => found.is_le(),
            Self::Order(Order::Gt) => found.is_gt(),
            Self::Order(Order::Ge) => found.is_ge(),
        }
    }

    /// The test that a field stands so to a value.
    #[must_use]
    pub fn test(self, value: Value) -> Test {
        match self {
            Self::Equal => Test::OneOf(vec![value], Fold::Exact),
            Self::Order(order) => Test::Order(order, value, Fold::Exact),
        }
    }
}

impl Predicate {
    /// The fields of the rows themselves that it tests.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldId> {
        match self {
            Self::True | Self::False => Vec::new(),
            Self::All(list) | Self::Any(list) => list.iter().flat_map(Self::fields).collect(),
            Self::Not(inner) => inner.fields(),
            Self::Field(field, _) | Self::Clock(field, ..) => vec![*field],
            Self::Pair(a, _, b) => vec![*a, *b],
            Self::Exists(related) => related.on.iter().map(|(_, ours)| *ours).collect(),
        }
    }

    /// Conjunction; drops `True`, collapses on `False`, flattens.
    #[must_use]
    pub fn and(self, other: Predicate) -> Predicate {
        match (self, other) {
            (Self::True, p) | (p, Self::True) => p,
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::All(mut a), Self::All(b)) => {
                a.extend(b);
                Self::All(a)
            }
            (Self::All(mut a), p) => {
                a.push(p);
                Self::All(a)
            }
            (a, b) => Self::All(vec![a, b]),
        }
    }

    /// What a store can be asked instead of a predicate: the same, or without the conditions that it cannot
    /// answer at all. Every row that meets the predicate meets this, too.
    #[must_use]
    pub fn answerable(self, store: &dyn ReadStore, bag: &Bag) -> Predicate {
        if store.coverage(bag, &self) != Coverage::None {
            return self;
        }
        match self {
            Self::All(list) => list.into_iter().fold(Self::True, |all, p| all.and(p.answerable(store, bag))),
            _ => Self::True,
        }
    }

    /// The field equals the value.
    #[must_use]
    pub fn equals(field: FieldId, value: Value) -> Predicate {
        Self::Field(field, Test::OneOf(vec![value], Fold::Exact))
    }
}

/// How well a store can answer a predicate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Not at all, or only by examining every row.
    None,
    /// It returns at least the matching rows.
    Superset,
    /// It returns exactly the matching rows.
    Exact,
}

/// The test that a field holds just these values.
#[cfg(feature = "sql")]
pub(super) fn holds(field: FieldId, values: &[Value]) -> Predicate {
    match values {
        [] => Predicate::Field(field, Test::Absent),
        values => values.iter().fold(Predicate::True, |all, v| all.and(Predicate::equals(field, v.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::LocalBoxFuture;

    use super::*;
    use crate::store::{Row, Select, Source, StoreError};

    /// Knows no ordering, and text only roughly.
    struct Rough;

    impl ReadStore for Rough {
        fn select(&self, _: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn count(&self, _: Arc<Bag>, _: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
            Box::pin(std::future::ready(Ok(0)))
        }

        #[expect(clippy::only_used_in_recursion, reason = "it knows nothing of fields")]
        fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
            match predicate {
                Predicate::Field(_, Test::Order(..)) => Coverage::None,
                Predicate::Field(_, Test::OneOf(_, Fold::Case)) => Coverage::Superset,
                Predicate::Not(inner) if self.coverage(bag, inner) != Coverage::Exact => Coverage::None,
                Predicate::All(list) | Predicate::Any(list) => {
                    list.iter().map(|p| self.coverage(bag, p)).min().unwrap_or(Coverage::Exact)
                }
                _ => Coverage::Exact,
            }
        }

        fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
            Box::pin(std::future::ready(Ok(String::new())))
        }
    }

    #[test]
    fn a_store_is_not_asked_what_it_cannot_answer() {
        let bag = Bag {
            name: String::new(),
            source: Source::Table(String::new()),
            fields: Vec::new(),
            key: Vec::new(),
            scope: Predicate::True,
        };
        let exact = Predicate::equals(0, "a".into());
        let rough = Predicate::Field(0, Test::OneOf(vec!["a".into()], Fold::Case));
        let never = Predicate::Field(0, Test::Order(Order::Lt, "a".into(), Fold::Exact));
        let not = |p: &Predicate| Predicate::Not(Box::new(p.clone()));
        let all = |list: &[&Predicate]| Predicate::All(list.iter().map(|p| (*p).clone()).collect());
        let cases = [
            (exact.clone(), exact.clone()),
            (rough.clone(), rough.clone()),
            // The complement of a superset would lose rows.
            (not(&rough), Predicate::True),
            (not(&exact), not(&exact)),
            (all(&[&never, &exact, &not(&rough)]), exact.clone()),
            (Predicate::Any(vec![never, exact]), Predicate::True),
        ];
        for (asked, expect) in cases {
            assert_eq!(asked.clone().answerable(&Rough, &bag), expect, "{asked:?}");
        }
    }
}
