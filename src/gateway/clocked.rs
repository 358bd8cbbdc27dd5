//! A store that is told the time: conditions of the mapping on `@now` and `@today` become comparisons
//! with the instant at which a statement is carried out. Nothing is changed by a write that has lost its turn.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::{
    gateway::turn,
    ops::clock,
    store::{
        Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError, Way,
        moment::bag_at,
    },
};

pub(super) struct Clocked(pub(super) Arc<dyn Store>);

impl ReadStore for Clocked {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.0.select(select.at(clock::now()))
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        self.0.select_texts(select.at(clock::now()), text)
    }

    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        self.0.select_by(select.at(clock::now()), way)
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        let now = clock::now();
        self.0.count(bag_at(&bag, now), predicate.at(now))
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.0.shown(select.at(clock::now()))
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        match predicate.knows_time() {
            true => self.0.coverage(bag, &predicate.clone().at(clock::now())),
            false => self.0.coverage(bag, predicate),
        }
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.0.probe()
    }
}

impl Store for Clocked {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        Box::pin(async move {
            turn::check().await?;
            let now = clock::now();
            self.0.apply(steps.into_iter().map(|step| step.at(now)).collect()).await
        })
    }

    fn is_settling(&self) -> bool {
        self.0.is_settling()
    }
}
