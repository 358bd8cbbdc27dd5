//! Counters of the mapping (`[next.NAME]`): the largest used value plus one, or
//! a cell that is taken by compare-and-swap.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    gateway::{Gateway, error, identity::failed},
    mapping::{Counter, CounterKind},
    scim::error::ScimError,
    store::{Bag, Cell, Change, Expected, FieldId, Predicate, Row, Select, Step, StoreError, Target, Value},
};

/// How often a counter is tried when others take values at the same time.
const TRIES: usize = 20;

/// A number that was given out is in use after so long, or its request has failed.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// The numbers that requests were given and may not have written yet.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<HashMap<String, (i64, Instant)>>);

impl Numbers {
    fn last(&self, counter: &str) -> Option<i64> {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.get(counter).filter(|(_, when)| when.elapsed() < UNDER_WAY).map(|(number, _)| *number)
    }

    fn note(&self, counter: &str, number: i64) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.insert(counter.to_owned(), (number, Instant::now()));
    }
}

impl Gateway {
    /// The next value of a counter. `given` is the largest that this request has had from it.
    pub(super) async fn next(&self, name: &str, given: Option<i64>) -> Result<Value, ScimError> {
        let counter = self
            .mapping
            .counters
            .get(name)
            .ok_or_else(|| ScimError::internal("The mapping names no such counter."))?;
        let value = async {
            match &counter.kind {
                CounterKind::Highest { bag, fields } => {
                    let free = self.highest(counter, bag, fields).await?;
                    // What another request was given is not in use yet.
                    let taken = given.into_iter().chain(self.last_number(name).await?);
                    let value = taken.fold(free, |free, taken| free.max(taken.saturating_add(counter.step)));
                    self.note_number(name, value).await?;
                    Ok(value)
                }
                CounterKind::Cell { bag, field, before } => self.take(counter, bag, *field, *before).await,
            }
        };
        let value = self.in_turn(vec![format!("counter {name}")], value).await?;
        match counter.to {
            Some(to) if value > to => Err(ScimError::internal("A counter of the mapping is used up.")),
            _ => Ok(counter.shown(value)),
        }
    }

    /// The number that another request was given, here or by another process.
    async fn last_number(&self, counter: &str) -> Result<Option<i64>, ScimError> {
        match self.correlation.is_shared() {
            true => self.correlation.last_number(counter).await.map_err(|e| failed(&e)),
            false => Ok(self.numbers.last(counter)),
        }
    }

    async fn note_number(&self, counter: &str, number: i64) -> Result<(), ScimError> {
        if self.correlation.is_shared() && !self.correlation.is_rehearsal() {
            return self.correlation.note_number(counter, number).await.map_err(|e| failed(&e));
        }
        self.numbers.note(counter, number);
        Ok(())
    }

    async fn highest(&self, counter: &Counter, bag: &Arc<Bag>, fields: &[FieldId]) -> Result<i64, ScimError> {
        // The bag's scope asks for a number in any of them.
        let used = self.rows(bag, Predicate::True, fields.to_vec(), None).await?;
        let values = used.iter().flat_map(|row| fields.iter().flat_map(|field| row.all(*field)));
        let numbers = values.filter_map(|v| counter.number(&v.to_text()));
        let inside = numbers.filter(|n| *n >= counter.from && counter.to.is_none_or(|to| *n <= to));
        Ok(inside.max().map_or(counter.from, |n| n.saturating_add(counter.step)))
    }

    async fn take(
        &self,
        counter: &Counter,
        bag: &Arc<Bag>,
        field: FieldId,
        before: bool,
    ) -> Result<i64, ScimError> {
        for _ in 0..TRIES {
            let fields =
                std::iter::once(field).chain(bag.key.iter().copied()).chain(bag.find_field("dn")).collect();
            let rows = self.rows(bag, Predicate::True, fields, Some(1)).await?;
            let row =
                rows.first().ok_or_else(|| ScimError::internal("A counter of the mapping has no row."))?;
            let old = row.first(field).and_then(|v| v.to_text().parse().ok()).unwrap_or(counter.from);
            let new = old.saturating_add(counter.step);
            match self.store.apply(swap(bag, field, row, old, new)).await {
                Ok(_) => return Ok(if before { old } else { new }),
                Err(StoreError::NotFound { .. } | StoreError::PreconditionFailed) => {}
                Err(other) => return Err(error::reading(&other)),
            }
        }
        Err(ScimError::unavailable("A counter is in heavy use; try again later.", 5))
    }

    async fn rows(
        &self,
        bag: &Arc<Bag>,
        predicate: Predicate,
        fields: Vec<FieldId>,
        limit: Option<u64>,
    ) -> Result<Vec<Row>, ScimError> {
        let select = Select { bag: bag.clone(), predicate, fields, order: Vec::new(), offset: 0, limit };
        self.store.select(select).await.map_err(|e| error::reading(&e))
    }
}

impl Counter {
    /// A number in the counter's form.
    fn shown(&self, number: i64) -> Value {
        match &self.text {
            None => Value::Int(number),
            Some(text) => {
                Value::Text(format!("{}{number:0width$}{}", text.before, text.after, width = text.width))
            }
        }
    }

    /// The number in a used value; `None` if it is not of the counter's form.
    fn number(&self, used: &str) -> Option<i64> {
        let digits = match &self.text {
            None => used,
            Some(text) => used.strip_prefix(&text.before)?.strip_suffix(&text.after)?,
        };
        digits.parse().ok()
    }
}

/// Sets the cell if it still holds the old value. In a directory the old value is removed and the
/// new one added in one modify, which fails if the old one is gone.
fn swap(bag: &Arc<Bag>, field: FieldId, row: &Row, old: i64, new: i64) -> Vec<Step> {
    let changes = vec![Change::Set(field, Cell::Values(vec![Value::Int(new)]))];
    let dn = bag.find_field("dn").and_then(|dn| Some((dn, row.first(dn)?)));
    let Some((dn, at)) = dn else {
        let target = Target::Rows(Predicate::equals(field, Value::Int(old)));
        return vec![Step::Update { bag: bag.clone(), target, changes, required: true }];
    };
    let target = Target::Entry { dn: at.to_text(), anchor: at.clone() };
    // The entry has no change marker that could be claimed: the value itself must be what it was.
    let fields = vec![field, dn];
    let expected = Expected { fields, rows: vec![row.clone()], others: false, writable: Vec::new() };
    vec![
        Step::Expect { bag: bag.clone(), target: target.clone(), expected, lock: true },
        Step::Update { bag: bag.clone(), target, changes, required: true },
    ]
}
