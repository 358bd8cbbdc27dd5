//! A directory in which entries are renamed while others write down their names, or have read them.
//!
//! A list of members holds names. Whoever read a name, or made one of an id, may find that the entry is called otherwise
//! when the change arrives: directories then refuse it, or take the name of nobody, or have no such value to remove. So
//! names that this process has given away are remembered for a while, with those that came instead.
//!
//! Likewise names of entries that were deleted: nobody is added by such a name.
//!
//! **Invariant:** a name is followed only if no entry has it when it is asked for then; it may have been given to another one.

mod follow;
mod motion;
mod names;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

pub use self::names::Moves;
use self::{follow::Follow, motion::Names};
use crate::store::{
    Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError, Target, Way,
};

/// The field of an entry's name.
const DN: &str = "dn";

/// A store whose changes follow names that were given away.
pub struct MovedStore {
    inner: Arc<dyn Store>,
    moves: Arc<Moves>,
}

impl MovedStore {
    /// Stands in front of a store, and notes what it renames.
    #[must_use]
    pub fn around(inner: Arc<dyn Store>, moves: &Arc<Moves>) -> Arc<dyn Store> {
        Arc::new(Self { inner, moves: Arc::clone(moves) })
    }

    /// Notes who was deleted: a name that they had got from somebody else leads to that one no more.
    fn note_gone(&self, steps: &[Step]) {
        deletions(steps).iter().for_each(|(bag, dn)| self.moves.note_gone(bag, dn));
    }
}

/// The entries that steps delete.
fn deletions(steps: &[Step]) -> Vec<(Arc<Bag>, String)> {
    let deleted = steps.iter().filter_map(|step| match step {
        Step::Delete { bag, target: Target::Entry { dn, .. }, .. } => Some((Arc::clone(bag), dn.clone())),
        _ => None,
    });
    deleted.collect()
}

impl ReadStore for MovedStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.inner.select(select)
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        self.inner.select_texts(select, text)
    }

    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        self.inner.select_by(select, way)
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

impl Store for MovedStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        Box::pin(async move {
            let _held = self.moves.motion.take(Names::of(&steps)).await;
            let before = self.moves.note_renames(&steps);
            let outcome = Follow::new(self, &steps).apply(steps.clone()).await;
            match &outcome {
                // Whoever comes looks whether there is somebody by that name.
                Ok(_) | Err(StoreError::Unsure(_)) => self.note_gone(&steps),
                Err(_) => self.moves.take_back(before),
            }
            outcome
        })
    }

    fn is_settling(&self) -> bool {
        self.inner.is_settling()
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        self.inner.shown_steps(steps)
    }
}
