//! Steps that say names which were given away, with the names that came instead.

use std::{collections::HashSet, sync::Arc};

use super::{DN, MovedStore};
use crate::store::{
    Bag, Cell, Change, FieldId, Predicate, Report, Select, Step, StoreError, Target, Value, dn::normalise,
};

/// How often a change is corrected that names are changing under.
const ROUNDS: usize = 3;

/// What became of an entry whose name nobody has any more.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Renamed(Value),
    Gone,
}

/// Carries steps out, and follows the names of others in them.
pub(super) struct Follow<'s> {
    store: &'s MovedStore,
    /// Names that the steps give and take themselves: they know what they say.
    own: HashSet<String>,
}

impl<'s> Follow<'s> {
    pub(super) fn new(store: &'s MovedStore, steps: &[Step]) -> Self {
        let renamed = steps.iter().filter_map(|step| match step {
            Step::Rename { target: Target::Entry { dn: from, .. }, dn: to, .. } => Some([from, to]),
            _ => None,
        });
        let own = renamed.flatten().filter_map(|dn| normalise(dn)).collect();
        Self { store, own }
    }

    /// What became of the entry that a value names, if nobody has that name any more.
    async fn fate(&self, value: &Value) -> Result<Option<Fate>, StoreError> {
        let Value::Text(text) = value else { return Ok(None) };
        if normalise(text).is_some_and(|dn| self.own.contains(&dn)) {
            return Ok(None);
        }
        let Some(found) = self.store.moves.find(text) else { return Ok(None) };
        let Some(dn) = found.bag.fields.iter().position(|field| field.name == DN) else { return Ok(None) };
        let select = Select {
            predicate: Predicate::equals(dn, value.clone()),
            fields: found.bag.key.clone(),
            order: Vec::new(),
            offset: 0,
            limit: Some(1),
            bag: found.bag,
        };
        let is_free = self.store.inner.select(select).await?.is_empty();
        Ok(is_free.then(|| found.dn.map_or(Fate::Gone, |dn| Fate::Renamed(Value::Text(dn)))))
    }

    /// The name that stands for a value now, if it was one that nobody has any more.
    async fn followed(&self, value: &Value) -> Result<Option<Value>, StoreError> {
        Ok(match self.fate(value).await? {
            Some(Fate::Renamed(now)) => Some(now),
            Some(Fate::Gone) | None => None,
        })
    }

    /// Values without the names of entries that are gone.
    async fn living(&self, values: &[Value]) -> Result<Vec<Value>, StoreError> {
        let mut living = Vec::with_capacity(values.len());
        for value in values {
            if self.fate(value).await? != Some(Fate::Gone) {
                living.push(value.clone());
            }
        }
        Ok(living)
    }

    /// Who is added and was deleted since: as if it had been added before.
    async fn without_the_dead(&self, changes: &mut Vec<Change>) -> Result<(), StoreError> {
        for change in changes.iter_mut() {
            match change {
                Change::Add(_, values) | Change::Set(_, Cell::Values(values)) => {
                    *values = self.living(values).await?;
                }
                Change::Set(..) | Change::Remove(..) | Change::Floor(..) | Change::Exchange(..) => {}
            }
        }
        changes.retain(|change| !matches!(change, Change::Add(_, values) if values.is_empty()));
        Ok(())
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
                    for change in changes.iter_mut() {
                        correct(change, &stale);
                    }
                    self.without_the_dead(changes).await?;
                }
                Step::Insert { cells, .. } => {
                    for (_, cell) in cells {
                        let Cell::Values(values) = cell else { continue };
                        for value in values.iter_mut() {
                            if let Some(now) = self.followed(value).await? {
                                *value = now;
                            }
                        }
                        *values = self.living(values).await?;
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

    /// Carries them out.
    pub(super) async fn apply(&self, steps: Vec<Step>) -> Result<Vec<Report>, StoreError> {
        let mut steps = self.corrected(&steps).await?;
        for _ in 0..ROUNDS {
            match self.store.inner.apply(steps.clone()).await {
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
                    self.store.note_gone(&steps);
                    // What comes behind does not tell what became of the steps themselves.
                    let more = self.behind(&steps, &reports).await.map_err(unsure)?;
                    if !more.is_empty() {
                        self.store.inner.apply(more).await.map_err(unsure)?;
                    }
                    return Ok(reports);
                }
                error => return error,
            }
        }
        self.store.inner.apply(steps).await
    }
}

/// An error of what comes behind steps that were carried out.
fn unsure(error: StoreError) -> StoreError {
    StoreError::Unsure(error.to_string())
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
