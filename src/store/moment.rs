//! Conditions that depend on the time at which a statement is carried out: which rows are in force now.
//!
//! A compiled bag outlives every request, so its scope holds a [`Moment`] where the mapping says `@now`
//! or `@today`. Whoever reads a clock puts the time in ([`Select::at`], [`Step::at`]) before a store
//! sees the condition. Stores read no clock.

use std::{fmt, sync::Arc};

use time::{Date, Duration, Month, OffsetDateTime};

use crate::store::{Bag, Predicate, Related, Select, Step, Target, Value};

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unit {
    #[default]
    Seconds,
    Minutes,
    Hours,
    Days,
    Months,
}

impl Unit {
    /// The instant so many units later; `None` if no calendar has it.
    #[must_use]
    pub fn after(self, now: OffsetDateTime, amount: i64) -> Option<OffsetDateTime> {
        match self {
            Self::Seconds => now.checked_add(Duration::seconds(amount)),
            Self::Minutes => now.checked_add(Duration::seconds(amount.checked_mul(60)?)),
            Self::Hours => now.checked_add(Duration::seconds(amount.checked_mul(3600)?)),
            Self::Days => now.checked_add(Duration::seconds(amount.checked_mul(86400)?)),
            Self::Months => {
                let months = (i64::from(now.year()) * 12 + i64::from(u8::from(now.month())) - 1)
                    .checked_add(amount)?;
                let year = i32::try_from(months.div_euclid(12)).ok()?;
                let month = Month::try_from(u8::try_from(months.rem_euclid(12)).ok()? + 1).ok()?;
                let day = now.day().min(month.length(year));
                Some(now.replace_date(Date::from_calendar_date(year, month, day).ok()?))
            }
        }
    }
}

/// How a column that is of no type of time holds times, as seconds since 1970 or `20260131`.
#[derive(Clone)]
pub struct Spelling {
    /// Tells spellings apart, and is shown.
    pub name: String,
    /// The time as it is stored; `None` if it cannot be.
    pub spell: Arc<dyn Fn(Value) -> Option<Value> + Send + Sync>,
}

impl fmt::Debug for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Spelling {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A time relative to now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moment {
    /// True: the day; false: the instant.
    pub day: bool,
    /// How many units after now; negative: before.
    pub amount: i64,
    /// Its unit.
    pub unit: Unit,
    /// How the column holds it, if not as a time.
    pub spelling: Option<Spelling>,
}

impl Moment {
    /// The time meant; `None` if no calendar has it.
    #[must_use]
    pub fn at(&self, now: OffsetDateTime) -> Option<Value> {
        let when = self.unit.after(now, self.amount)?;
        let value = if self.day { Value::Date(when.date()) } else { Value::Time(when) };
        match &self.spelling {
            Some(spelling) => (spelling.spell)(value),
            None => Some(value),
        }
    }
}

impl Predicate {
    /// True if it is another condition at another time.
    #[must_use]
    pub fn knows_time(&self) -> bool {
        match self {
            Self::Clock(..) => true,
            Self::True | Self::False | Self::Field(..) | Self::Pair(..) => false,
            Self::All(list) | Self::Any(list) => list.iter().any(Self::knows_time),
            Self::Not(inner) => inner.knows_time(),
            Self::Exists(related) => related.bag.scope.knows_time() || related.predicate.knows_time(),
        }
    }

    /// The same at a given time.
    #[must_use]
    pub fn at(self, now: OffsetDateTime) -> Predicate {
        if !self.knows_time() {
            return self;
        }
        let all = |list: Vec<Predicate>| list.into_iter().map(|p| p.at(now)).collect();
        match self {
            Self::Clock(field, relation, moment) => match moment.at(now) {
                Some(value) => Self::Field(field, relation.test(value)),
                None => Self::False,
            },
            Self::All(list) => Self::All(all(list)),
            Self::Any(list) => Self::Any(all(list)),
            Self::Not(inner) => Self::Not(Box::new(inner.at(now))),
            Self::Exists(related) => {
                let Related { bag, on, predicate } = *related;
                Self::Exists(Box::new(Related { bag: bag_at(&bag, now), on, predicate: predicate.at(now) }))
            }
            told @ (Self::True | Self::False | Self::Field(..) | Self::Pair(..)) => told,
        }
    }
}

/// The bag with the rows that are ours at a given time.
#[must_use]
pub fn bag_at(bag: &Arc<Bag>, now: OffsetDateTime) -> Arc<Bag> {
    if !bag.scope.knows_time() {
        return bag.clone();
    }
    Arc::new(Bag { scope: bag.scope.clone().at(now), ..Bag::clone(bag) })
}

impl Select {
    /// The same at a given time.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        self.bag = bag_at(&self.bag, now);
        self.predicate = self.predicate.at(now);
        self
    }
}

impl Step {
    /// The same at a given time.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        match &mut self {
            Self::Expect { bag, target, .. }
            | Self::Copy { bag, target, .. }
            | Self::Update { bag, target, .. }
            | Self::Delete { bag, target, .. }
            | Self::Archive { bag, target, .. }
            | Self::Rename { bag, target, .. }
            | Self::Password { bag, target, .. } => {
                *bag = bag_at(bag, now);
                if let Target::Rows(predicate) = target {
                    *predicate = std::mem::take(predicate).at(now);
                }
            }
            Self::Insert { bag, .. } | Self::Reopen { bag, .. } => *bag = bag_at(bag, now),
            Self::Find { bag, predicate, .. } => {
                *bag = bag_at(bag, now);
                *predicate = std::mem::take(predicate).at(now);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fold, Order, Relation, Test, coerce::try_coerce};

    fn time(text: &str) -> OffsetDateTime {
        match try_coerce(&text.into(), crate::store::FieldKind::Time) {
            Some(Value::Time(time)) => time,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn units_follow_the_calendar() {
        let day = |text: &str, unit: Unit, amount: i64| {
            unit.after(time(text), amount).map(|t| t.date().to_string())
        };
        assert_eq!(day("2024-01-31 10:00:00", Unit::Months, 1).as_deref(), Some("2024-02-29"));
        assert_eq!(day("2024-01-31 10:00:00", Unit::Months, -2).as_deref(), Some("2023-11-30"));
        assert_eq!(day("2024-02-28 10:00:00", Unit::Days, 2).as_deref(), Some("2024-03-01"));
        assert_eq!(day("2024-02-28 23:00:00", Unit::Hours, 1).as_deref(), Some("2024-02-29"));
        assert_eq!(day("2024-02-28 10:00:00", Unit::Months, i64::MAX), None);
        assert_eq!(day("2024-02-28 10:00:00", Unit::Days, i64::MAX), None);
    }

    #[test]
    fn the_time_is_put_in_wherever_a_condition_stands() {
        let now = time("2024-05-06 07:08:09");
        let clock = Predicate::Clock(0, Relation::Order(Order::Le), Moment::default());
        let told = Predicate::Field(0, Test::Order(Order::Le, Value::Time(now), Fold::Exact));
        let bag = |scope| {
            Arc::new(Bag {
                name: "x".into(),
                source: crate::store::Source::Table("x".into()),
                fields: Vec::new(),
                key: Vec::new(),
                scope,
            })
        };
        let hung = |scope| {
            let related = Related { bag: bag(scope), on: Vec::new(), predicate: Predicate::True };
            Predicate::Not(Box::new(Predicate::Any(vec![Predicate::Exists(Box::new(related))])))
        };
        assert_eq!(hung(clock.clone()).at(now), hung(told.clone()));
        let deep = bag(hung(clock.clone()));
        assert_eq!(bag_at(&deep, now).scope, hung(told));
        let plain = bag(Predicate::True);
        assert!(Arc::ptr_eq(&bag_at(&plain, now), &plain), "what knows no time is not copied");
        let today = Moment { day: true, amount: -1, unit: Unit::Days, ..Moment::default() };
        assert_eq!(today.at(now).map(|v| v.to_text()).as_deref(), Some("2024-05-05"));
    }
}
