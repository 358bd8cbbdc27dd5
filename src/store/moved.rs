//! A directory in which entries are renamed while others write down their names, or have read them.
//!
//! A list of members holds names. Whoever read a name, or made one of an id, may find that the entry is called otherwise
//! when the change arrives: directories then refuse it, or take the name of nobody, or have no such value to remove. So
//! names that this process has given away are remembered for a while, with those that came instead.
//!
//! **Invariant:** a name is followed only if no entry has it when it is asked for then; it may have been given to another one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::LocalBoxFuture;

use crate::store::{
    Bag, Cell, Change, Coverage, FieldId, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError,
    Target, Value, Way, dn::normalise,
};

/// How long a name is remembered: longer than a request may take.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Most names of one entry that are followed one after the other.
const CHAIN: usize = 8;
/// How often a change is corrected that names are changing under.
const ROUNDS: usize = 3;
/// The field of an entry's name.
const DN: &str = "dn";

/// Names that entries have given away, and the ones that they have instead.
#[derive(Debug, Default)]
pub struct Moves(Mutex<HashMap<String, Move>>);

#[derive(Debug, Clone)]
struct Move {
    bag: Arc<Bag>,
    dn: String,
    when: Instant,
}

impl Moves {
    /// The name of an entry that had this one, if it was given away lately.
    #[must_use]
    pub fn now(&self, dn: &str) -> Option<String> {
        self.find(dn).map(|found| found.dn)
    }

    fn find(&self, dn: &str) -> Option<Move> {
        let known = self.known();
        if known.is_empty() {
            return None;
        }
        let mut found: Option<Move> = None;
        let mut name = normalise(dn)?;
        for _ in 0..CHAIN {
            let Some(next) = known.get(&name).filter(|next| next.when.elapsed() < REMEMBERED) else { break };
            name = normalise(&next.dn)?;
            found = Some(next.clone());
        }
        found
    }

    fn note(&self, bag: &Arc<Bag>, from: &str, to: &str) {
        let (Some(old), Some(new)) = (normalise(from), normalise(to)) else { return };
        let mut known = self.known();
        known.retain(|_, known| known.when.elapsed() < REMEMBERED);
        // Whoever comes back to a name has it.
        known.remove(&new);
        if old != new {
            known.insert(old, Move { bag: Arc::clone(bag), dn: to.to_owned(), when: Instant::now() });
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Move>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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

    /// The name that stands for a value now, if it was one that nobody has any more.
    async fn followed(&self, value: &Value) -> Result<Option<Value>, StoreError> {
        let Value::Text(text) = value else { return Ok(None) };
        let Some(found) = self.moves.find(text) else { return Ok(None) };
        let Some(dn) = found.bag.fields.iter().position(|field| field.name == DN) else { return Ok(None) };
        let select = Select {
            predicate: Predicate::equals(dn, value.clone()),
            fields: found.bag.key.clone(),
            order: Vec::new(),
            offset: 0,
            limit: Some(1),
            bag: found.bag,
        };
        let is_gone = self.inner.select(select).await?.is_empty();
        Ok(is_gone.then_some(Value::Text(found.dn)))
    }

    /// Values of a list of changes that nobody has as a name any more, with the field and what stands for them.
    async fn stale(&self, changes: &[Change]) -> Result<Vec<(FieldId, Value, Value)>, StoreError> {
        let mut found = Vec::new();
        for change in changes {
            let (field, values) = match change {
                Change::Add(field, values) | Change::Remove(field, values) => (field, values),
                Change::Set(field, Cell::Values(values)) => (field, values),
                // Who exchanges one name for the other knows.
                Change::Set(..) | Change::Floor(..) | Change::Exchange(..) => continue,
            };
            for value in values {
                let Some(now) = self.followed(value).await? else { continue };
                // Who replaces the one by the other knows.
                if !changes.iter().any(|other| speaks_of(other, *field, &now)) {
                    found.push((*field, value.clone(), now));
                }
            }
        }
        Ok(found)
    }

    /// Steps with the names that entries have now.
    async fn corrected(&self, steps: &[Step]) -> Result<Vec<Step>, StoreError> {
        let mut steps = steps.to_vec();
        for step in &mut steps {
            match step {
                Step::Update { changes, .. } => {
                    let stale = self.stale(changes).await?;
                    for change in changes {
                        correct(change, &stale);
                    }
                }
                Step::Insert { cells, .. } => {
                    for (_, cell) in cells {
                        let Cell::Values(values) = cell else { continue };
                        for value in values {
                            if let Some(now) = self.followed(value).await? {
                                *value = now;
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(steps)
    }

    /// What is to be done when steps were carried out and names changed meanwhile.
    async fn behind(&self, steps: &[Step], reports: &[Report]) -> Result<Vec<Step>, StoreError> {
        let mut more = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let (bag, target, changes) = match step {
                Step::Update { bag, target, changes, .. } => (bag, target.clone(), changes.clone()),
                Step::Insert { bag, cells, report, .. } => {
                    let Some(target) = inserted(bag, cells, report, reports.get(at)) else { continue };
                    let added = cells.iter().filter_map(|(field, cell)| match cell {
                        Cell::Values(values) => Some(Change::Add(*field, values.clone())),
                        Cell::From { .. } => None,
                    });
                    (bag, target, added.collect())
                }
                _ => continue,
            };
            let mut corrections = Vec::new();
            for (field, old, now) in self.stale(&changes).await? {
                let is_removed = changes.iter().any(|change| {
                    matches!(change, Change::Remove(of, values) if *of == field && values.contains(&old))
                });
                corrections.push(match is_removed {
                    true => vec![Change::Remove(field, vec![now])],
                    // Somebody may have taken it away since: then it must not come back.
                    false => vec![Change::Exchange(field, old, now)],
                });
            }
            more.extend(corrections.into_iter().map(|changes| Step::Update {
                bag: Arc::clone(bag),
                target: target.clone(),
                changes,
                required: false,
            }));
        }
        Ok(more)
    }

    async fn follow(&self, steps: Vec<Step>) -> Result<Vec<Report>, StoreError> {
        let mut steps = self.corrected(&steps).await?;
        for _ in 0..ROUNDS {
            match self.inner.apply(steps.clone()).await {
                Err(
                    error @ (StoreError::ConstraintViolated { .. }
                    | StoreError::NoSuchRow { .. }
                    | StoreError::NotFound { .. }),
                ) => {
                    let corrected = self.corrected(&steps).await?;
                    if corrected == steps {
                        return Err(error);
                    }
                    steps = corrected;
                }
                Ok(reports) => {
                    let more = self.behind(&steps, &reports).await?;
                    if !more.is_empty() {
                        self.inner.apply(more).await?;
                    }
                    return Ok(reports);
                }
                error => return error,
            }
        }
        self.inner.apply(steps).await
    }
}

/// True if a change is about this value of a field.
fn speaks_of(change: &Change, field: FieldId, value: &Value) -> bool {
    match change {
        Change::Add(of, values) | Change::Remove(of, values) | Change::Set(of, Cell::Values(values)) => {
            *of == field && values.contains(value)
        }
        Change::Exchange(of, old, new) => *of == field && (old == value || new == value),
        Change::Set(..) | Change::Floor(..) => false,
    }
}

/// Puts the names of now into a change. Both are taken away, since the directory may have followed or not.
fn correct(change: &mut Change, stale: &[(FieldId, Value, Value)]) {
    for (field, old, now) in stale {
        match change {
            Change::Remove(of, values) if of == field && values.contains(old) => values.push(now.clone()),
            Change::Add(of, values) | Change::Set(of, Cell::Values(values)) if of == field => {
                for value in values.iter_mut().filter(|value| *value == old) {
                    value.clone_from(now);
                }
            }
            _ => {}
        }
    }
}

/// The entry that an insertion made.
fn inserted(
    bag: &Bag,
    cells: &[(FieldId, Cell)],
    report: &[FieldId],
    reported: Option<&Report>,
) -> Option<Target> {
    let dn = cells.iter().find_map(|(field, cell)| match cell {
        Cell::Values(values) if bag.fields.get(*field)?.name == DN => values.first(),
        _ => None,
    })?;
    let key = report.iter().position(|field| Some(field) == bag.key.first())?;
    let anchor = reported?.get(key)?.first()?.clone();
    Some(Target::Entry { dn: dn.to_text(), anchor })
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
        let mut renames = false;
        for step in &steps {
            match step {
                // Noted first: who does not find the entry any more knows where it is.
                Step::Rename { bag, target: Target::Entry { dn: from, .. }, dn } => {
                    self.moves.note(bag, from, dn);
                    renames = true;
                }
                // A name that is given to another one is not followed any more.
                Step::Insert { bag, cells, .. } => {
                    let names =
                        cells.iter().filter(|(f, _)| bag.fields.get(*f).is_some_and(|f| f.name == DN));
                    for (_, cell) in names {
                        if let Cell::Values(values) = cell {
                            values.iter().for_each(|dn| self.moves.note(bag, &dn.to_text(), &dn.to_text()));
                        }
                    }
                }
                _ => {}
            }
        }
        match renames {
            true => self.inner.apply(steps),
            false => Box::pin(self.follow(steps)),
        }
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        self.inner.shown_steps(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag() -> Bag {
        let source = crate::store::Source::Table("t".to_owned());
        Bag { name: "User".to_owned(), source, fields: Vec::new(), key: Vec::new(), scope: Predicate::True }
    }

    #[test]
    fn names_are_followed_until_somebody_has_them() {
        let (moves, bag) = (Moves::default(), Arc::new(bag()));
        let now = |dn: &str| moves.now(dn);
        moves.note(&bag, "uid=a,dc=x", "uid=b,dc=x");
        moves.note(&bag, "uid=b,dc=x", "uid=c,dc=x");
        assert_eq!(now("UID=A, dc=x").as_deref(), Some("uid=c,dc=x"));
        assert_eq!(now("uid=c,dc=x"), None);
        // It comes back to its second name.
        moves.note(&bag, "uid=c,dc=x", "uid=b,dc=x");
        assert_eq!(now("uid=a,dc=x").as_deref(), Some("uid=b,dc=x"));
        assert_eq!(now("uid=b,dc=x"), None);
        // Another entry gets the first one.
        moves.note(&bag, "uid=a,dc=x", "uid=a,dc=x");
        assert_eq!(now("uid=a,dc=x"), None);
    }
}
