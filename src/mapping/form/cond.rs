//! COND, a test of fields: evaluated in memory, and pushed down to the store.

use crate::{
    mapping::{
        form::{Eval, Template},
        shape::{FieldRef, PartId, Shape},
    },
    store::{Fold, Order, Predicate, Relation, Test, Value, moment::Moment},
};

/// A compiled COND.
#[derive(Debug, Clone, PartialEq)]
pub enum Cond {
    /// All must hold.
    All(Vec<Cond>),
    /// Any must hold.
    Any(Vec<Cond>),
    /// The inner one must not hold.
    Not(Box<Cond>),
    /// A test of a field.
    Field(FieldRef, CondTest),
    /// A test of a part's rows.
    Part(PartId, PartTest),
}

/// A test of a field. Two-valued: nothing equals only `@none`; `ne` holds for nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum CondTest {
    /// Equal to any of these; [`Template::Nothing`] stands for no value.
    AnyOf(Vec<Template>, Fold),
    /// Any of several tests, for arrays that mix values and tests.
    Either(Vec<CondTest>),
    /// Not equal.
    Differs(Template),
    /// Ordered.
    Order(Order, Template),
    /// Text starts with.
    Starts(Template),
    /// Text ends with.
    Ends(Template),
    /// All bits set.
    Bits(i64),
    /// No bit set; holds for nothing.
    NoBits(i64),
    /// A text of flags has all these letters.
    Letters(String),
    /// It has none of them; holds for nothing.
    NoLetters(String),
}

/// What a condition asks of a field.
enum Demand<'c> {
    OneOf(Vec<&'c Template>),
    Not(&'c Template),
}

/// A test of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum PartTest {
    /// It has a row.
    Some,
    /// It has none.
    None,
    /// Some row of it meets the condition.
    Row(Box<Cond>),
}

impl Cond {
    /// Whether it holds for the current row.
    #[must_use]
    pub fn holds(&self, eval: &Eval<'_>) -> bool {
        match self {
            Self::All(list) => list.iter().all(|c| c.holds(eval)),
            Self::Any(list) => list.iter().any(|c| c.holds(eval)),
            Self::Not(inner) => !inner.holds(eval),
            Self::Field(field, test) => test.holds(eval.values(field), eval, field),
            Self::Part(part, test) => {
                let rows = eval.record.rows_below(eval.shape, eval.at, *part);
                match test {
                    PartTest::Some => !rows.is_empty(),
                    PartTest::None => rows.is_empty(),
                    PartTest::Row(cond) => {
                        rows.iter().any(|row| cond.holds(&Eval { at: (*part, *row), ..*eval }))
                    }
                }
            }
        }
    }

    /// The same condition as a predicate on rows of `outer`.
    #[must_use]
    pub fn to_predicate(&self, outer: PartId, eval: &Eval<'_>) -> Predicate {
        match self {
            Self::All(list) => {
                list.iter().fold(Predicate::True, |all, c| all.and(c.to_predicate(outer, eval)))
            }
            Self::Any(list) => Predicate::Any(list.iter().map(|c| c.to_predicate(outer, eval)).collect()),
            Self::Not(inner) => Predicate::Not(Box::new(inner.to_predicate(outer, eval))),
            Self::Field(field, test) if test.other_row(eval.shape, field).is_some() => test
                .other_row(eval.shape, field)
                .map_or(Predicate::False, |join| join.lift(eval.shape, outer)),
            Self::Field(field, test) => {
                let (slot, inner) = (slot_test(eval.shape, field), test.to_predicate(field, eval));
                let lift = |p| eval.shape.lift(field.part, outer, slot.clone().and(p));
                if field.part == outer || !test.holds(&[], eval, field) {
                    return lift(inner);
                }
                // What holds of no value holds, seen from above a part, also where there is no row.
                if eval.shape.may_be_shadowed(field.part, outer) {
                    let nobody = Predicate::Not(Box::new(lift(Predicate::True)));
                    return Predicate::Any(vec![lift(inner), nobody]);
                }
                Predicate::Not(Box::new(lift(Predicate::Not(Box::new(inner)))))
            }
            Self::Part(part, test) => {
                let some = |p| eval.shape.lift(*part, outer, p);
                match test {
                    PartTest::Some => some(Predicate::True),
                    PartTest::None => Predicate::Not(Box::new(some(Predicate::True))),
                    PartTest::Row(cond) => {
                        let (rest, joined) = cond.clone().split_links(*part, eval.shape);
                        eval.shape.lift_joined(*part, outer, rest.to_predicate(*part, eval), &joined)
                    }
                }
            }
        }
    }

    /// The equalities that every row meeting it has: constants of a new row.
    #[must_use]
    pub fn equalities(&self) -> Vec<(FieldRef, Value)> {
        match self {
            Self::All(list) => list.iter().flat_map(Cond::equalities).collect(),
            Self::Field(field, CondTest::AnyOf(values, _)) => match values.as_slice() {
                [Template::Literal(value)] => vec![(field.clone(), value.clone())],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// True if more rows never make it false.
    #[must_use]
    pub fn is_positive(&self, outer: PartId, eval: &Eval<'_>) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().all(|c| c.is_positive(outer, eval)),
            Self::Not(_) | Self::Part(_, PartTest::None) => false,
            Self::Field(field, test) => {
                let shape = eval.shape;
                // Of rows in a table it is asked whether one meets the test, or there is none.
                let is_asked_so = shape.may_be_shadowed(field.part, outer)
                    && !shape.is_within_document(field.part, outer)
                    && !shape.is_beside(field.part, outer);
                field.part == outer || is_asked_so || !test.holds(&[], eval, field)
            }
            Self::Part(_, PartTest::Some) => true,
            Self::Part(part, PartTest::Row(inner)) => inner.is_positive(*part, eval),
        }
    }

    /// True if both can be seen never to hold at once: they ask one field for different values.
    #[must_use]
    pub fn excludes(&self, other: &Cond) -> bool {
        let (own, theirs) = (self.demands(), other.demands());
        own.iter().any(|(field, a)| {
            theirs.iter().any(|(other, b)| {
                let (Demand::OneOf(a), b) = (a, b) else { return false };
                field == other
                    && match b {
                        Demand::OneOf(b) => !a.iter().any(|t| b.contains(t)),
                        Demand::Not(b) => a.iter().all(|t| t == b),
                    }
            })
        }) || theirs.iter().any(|(field, b)| {
            let Demand::OneOf(b) = b else { return false };
            own.iter()
                .any(|(other, a)| matches!(a, Demand::Not(a) if other == field && b.iter().all(|t| t == a)))
        })
    }

    /// What every row that meets it holds in a field: one of these values, or not this one.
    fn demands(&self) -> Vec<(&FieldRef, Demand<'_>)> {
        let constant = |t: &&Template| matches!(t, Template::Literal(_) | Template::Nothing);
        match self {
            Self::All(list) => list.iter().flat_map(Cond::demands).collect(),
            Self::Field(field, CondTest::AnyOf(values, Fold::Exact))
                if values.iter().all(|t| constant(&t)) =>
            {
                vec![(field, Demand::OneOf(values.iter().collect()))]
            }
            Self::Field(field, CondTest::Differs(value)) if constant(&value) => {
                vec![(field, Demand::Not(value))]
            }
            Self::Not(inner) => match inner.as_ref() {
                Self::Field(field, CondTest::AnyOf(values, Fold::Exact)) => match values.as_slice() {
                    [value] if constant(&value) => vec![(field, Demand::Not(value))],
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Every field it tests.
    #[must_use]
    pub fn fields(&self) -> Vec<&FieldRef> {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().flat_map(Cond::fields).collect(),
            Self::Not(inner) => inner.fields(),
            Self::Field(field, test) => {
                let mut all = vec![field];
                test.templates(&mut |t| all.extend(t.fields()));
                all
            }
            Self::Part(_, PartTest::Row(cond)) => cond.fields(),
            Self::Part(..) => Vec::new(),
        }
    }

    /// Every part whose rows it tests without naming a field.
    #[must_use]
    pub fn parts(&self) -> Vec<PartId> {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().flat_map(Cond::parts).collect(),
            Self::Not(inner) => inner.parts(),
            Self::Field(..) => Vec::new(),
            Self::Part(part, PartTest::Row(cond)) => {
                let mut parts = cond.parts();
                parts.push(*part);
                parts
            }
            Self::Part(part, _) => vec![*part],
        }
    }
}

/// The predicate that picks a slotted field's row within its part.
#[must_use]
pub fn slot_test(shape: &Shape, field: &FieldRef) -> Predicate {
    shape.slot_test(field.part, field.slot.as_deref().unwrap_or_default())
}

impl CondTest {
    fn holds(&self, values: &[Value], eval: &Eval<'_>, place: &FieldRef) -> bool {
        let given = |t: &Template| t.one(eval, place);
        let nobody = eval.shape.nothings(place);
        let is_absent = values.iter().all(|v| nobody.iter().any(|n| n.same(v, Fold::Exact)));
        match self {
            Self::AnyOf(list, fold) => list.iter().any(|t| match t {
                Template::Nothing => is_absent,
                Template::Some => !is_absent,
                _ => given(t).is_some_and(|g| values.iter().any(|v| v.same(&g, *fold))),
            }),
            Self::Either(tests) => tests.iter().any(|t| t.holds(values, eval, place)),
            Self::Differs(Template::Nothing) => !is_absent,
            Self::Differs(t) => given(t).is_none_or(|g| !values.iter().any(|v| v.same(&g, Fold::Exact))),
            Self::Order(order, t) => given(t).is_some_and(|g| {
                values.iter().any(|v| {
                    v.compare(&g, Fold::Exact).is_some_and(|o| match order {
                        Order::Lt => o.is_lt(),
                        Order::Le => o.is_le(),
                        Order::Gt => o.is_gt(),
                        Order::Ge => o.is_ge(),
                    })
                })
            }),
            Self::Starts(t) => {
                given(t).is_some_and(|g| values.iter().any(|v| v.to_text().starts_with(&g.to_text())))
            }
            Self::Ends(t) => {
                given(t).is_some_and(|g| values.iter().any(|v| v.to_text().ends_with(&g.to_text())))
            }
            Self::Bits(bits) => number(values).is_some_and(|n| n & bits == *bits),
            Self::NoBits(bits) => number(values).is_none_or(|n| n & bits == 0),
            Self::Letters(letters) => letters.chars().all(|letter| has_letter(values, letter)),
            Self::NoLetters(letters) => !letters.chars().any(|letter| has_letter(values, letter)),
        }
    }

    fn to_predicate(&self, place: &FieldRef, eval: &Eval<'_>) -> Predicate {
        let field = place.field;
        let given = |t: &Template| t.one(eval, place);
        let test = |t: Test| Predicate::Field(field, t);
        let nobody = eval.shape.nothings(place);
        let absent = || match nobody.is_empty() {
            true => test(Test::Absent),
            false => Predicate::Any(vec![test(Test::Absent), test(Test::OneOf(nobody.clone(), Fold::Exact))]),
        };
        let present = || match nobody.is_empty() {
            true => test(Test::Present),
            false => Predicate::Not(Box::new(absent())),
        };
        // What is known only of each row, or at the time of each request.
        let open = |relation: Relation, t: &Template| {
            let moment = t.moment().filter(|_| eval.answers.timeless);
            let spelling = || eval.shape.form_of(place).cloned();
            let clock = moment
                .map(|moment| Predicate::Clock(field, relation, Moment { spelling: spelling(), ..moment }));
            clock.or_else(|| Some(Predicate::Pair(field, relation, t.same_row(place)?)))
        };
        match self {
            Self::AnyOf(list, fold) => {
                let mut any = Vec::new();
                let mut values = Vec::new();
                for t in list {
                    match (t, open(Relation::Equal, t)) {
                        (Template::Nothing, _) => any.push(absent()),
                        (Template::Some, _) => any.push(present()),
                        (_, Some(open)) => any.push(open),
                        (_, None) => values.extend(given(t)),
                    }
                }
                if !values.is_empty() {
                    any.push(test(Test::OneOf(values, *fold)));
                }
                match any.len() {
                    1 => any.remove(0),
                    0 => Predicate::False,
                    _ => Predicate::Any(any),
                }
            }
            Self::Either(tests) => {
                Predicate::Any(tests.iter().map(|t| t.to_predicate(place, eval)).collect())
            }
            Self::Differs(Template::Nothing) => present(),
            Self::Differs(t) => {
                let equal = open(Relation::Equal, t);
                match equal.or_else(|| given(t).map(|g| Predicate::equals(field, g))) {
                    Some(equal) => Predicate::Not(Box::new(equal)),
                    None => Predicate::True,
                }
            }
            Self::Order(order, t) => match open(Relation::Order(*order), t) {
                Some(open) => open,
                None => given(t).map_or(Predicate::False, |g| test(Test::Order(*order, g, Fold::Exact))),
            },
            Self::Starts(t) => {
                given(t).map_or(Predicate::False, |g| test(Test::Starts(g.to_text(), Fold::Exact)))
            }
            Self::Ends(t) => {
                given(t).map_or(Predicate::False, |g| test(Test::Ends(g.to_text(), Fold::Exact)))
            }
            Self::Bits(bits) => test(Test::BitsSet(*bits)),
            Self::NoBits(bits) => Predicate::Any(vec![test(Test::Absent), test(Test::BitsClear(*bits))]),
            Self::Letters(letters) | Self::NoLetters(letters) => {
                let each = letters.chars().map(|l| test(Test::Contains(l.to_string(), Fold::Exact)));
                match self {
                    Self::Letters(_) => each.fold(Predicate::True, Predicate::and),
                    _ => each.map(|p| Predicate::Not(Box::new(p))).fold(Predicate::True, Predicate::and),
                }
            }
        }
    }

    pub(super) fn templates<'a>(&'a self, f: &mut dyn FnMut(&'a Template)) {
        match self {
            Self::AnyOf(list, _) => list.iter().for_each(f),
            Self::Either(tests) => tests.iter().for_each(|t| t.templates(f)),
            Self::Differs(t) | Self::Order(_, t) | Self::Starts(t) | Self::Ends(t) => f(t),
            Self::Bits(_) | Self::NoBits(_) | Self::Letters(_) | Self::NoLetters(_) => {}
        }
    }
}

fn has_letter(values: &[Value], letter: char) -> bool {
    values.first().is_some_and(|value| value.to_text().contains(letter))
}

fn number(values: &[Value]) -> Option<i64> {
    match values.first()? {
        Value::Int(n) => Some(*n),
        other => other.to_text().trim().parse().ok(),
    }
}
