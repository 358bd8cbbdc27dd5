//! A store in which nothing happens: reads go to the store behind it, and a
//! write ends the request, so that what it would have done can be shown.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{LocalBoxFuture, ready};

use crate::store::{Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError};

/// Bags of counters are called so; taking a number comes before the write itself.
const COUNTER: &str = "next.";

/// A store that notes what it is asked for.
pub struct Rehearsal {
    inner: Arc<dyn Store>,
    noted: Mutex<Noted>,
}

/// What a request did and would have done.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// What was read, in order.
    pub reads: Vec<Select>,
    /// What would have been written: counters first, each list of steps on its own.
    pub writes: Vec<Vec<Step>>,
}

impl Rehearsal {
    /// Puts itself before a store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, noted: Mutex::default() }
    }

    /// Takes what was noted.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ReadStore for Rehearsal {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.note(|noted| noted.reads.push(select.clone()));
        self.inner.select(select)
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        self.note(|noted| noted.reads.push(select.clone()));
        self.inner.select_texts(select, text)
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.inner.count(bag, predicate)
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.inner.shown(select)
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        self.inner.coverage(bag, predicate)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.inner.probe()
    }
}

impl Store for Rehearsal {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        let is_counter = !steps.is_empty() && steps.iter().all(|step| step.bag().name.starts_with(COUNTER));
        let reports = vec![Report::new(); steps.len()];
        self.note(|noted| noted.writes.push(steps));
        // The number is not taken; the request goes on with it, and ends with the write itself.
        Box::pin(ready(if is_counter {
            Ok(reports)
        } else {
            Err(StoreError::LimitExceeded("this is a rehearsal".to_owned()))
        }))
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        self.inner.shown_steps(steps)
    }
}
