//! Rows that are no rows: the distinct values of columns, each of which stands for a resource. A store in
//! front of the one that holds the columns.
//!
//! Such a bag has one field of its own, the name. It is read by one statement for each column, and so are
//! names that no row holds yet: those are somebody else's to tell ([`Kept`]). A name that changes, or goes,
//! changes in every row that holds it, in the same transaction as everything else.

mod translate;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::LocalBoxFuture;

use self::translate::Translated;
use super::{
    Bag, Coverage, FieldId, Fold, Predicate, ReadStore, Report, Row, Select, Source, Step, Store, StoreError,
    Test, Value, Way,
    memory::{compare_rows, predicate::passes},
};

/// The columns that hold names.
#[derive(Debug, Clone, PartialEq)]
pub struct Names {
    /// Their table, possibly qualified.
    pub table: String,
    /// The columns. In a bag that a store is asked for: one, with the name of the bag's field.
    pub columns: Vec<String>,
    /// What is no name, beside NULL. The first is what a column holds when its name is taken away; `None`: NULL.
    pub nothing: Vec<Option<Value>>,
}

/// Tells which names there are although no row holds them.
pub trait Kept: Send + Sync {
    /// The names of a bag; of `among` only, if given.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    fn kept<'a>(
        &'a self,
        bag: &'a Bag,
        among: Option<Vec<String>>,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>>;
}

/// A store that knows bags of names.
pub struct NamesStore {
    inner: Arc<dyn Store>,
    kept: Arc<dyn Kept>,
}

/// What a bag's names are, if it is one of names.
pub(super) fn names_of(bag: &Bag) -> Option<(&Names, FieldId)> {
    match &bag.source {
        Source::Names(names) => Some((names, *bag.key.first()?)),
        Source::Table(_) | Source::Entries { .. } | Source::Items(_) => None,
    }
}

impl Names {
    /// The bag of one column, in the same fields: as distinct values, or as the rows of the table.
    fn of_column(&self, bag: &Bag, it: FieldId, column: &str, distinct: bool) -> Arc<Bag> {
        let mut own = bag.clone();
        own.source = if distinct {
            Source::Names(Box::new(Self { columns: vec![column.to_owned()], ..self.clone() }))
        } else {
            Source::Table(self.table.clone())
        };
        if let Some(field) = own.fields.get_mut(it) {
            column.clone_into(&mut field.name);
        }
        let no_name: Vec<Value> = self.nothing.iter().flatten().cloned().collect();
        own.scope = Predicate::Field(it, Test::Present).and(own.scope);
        if !no_name.is_empty() {
            let is_none = Predicate::Field(it, Test::OneOf(no_name, Fold::Exact));
            own.scope = own.scope.and(Predicate::Not(Box::new(is_none)));
        }
        Arc::new(own)
    }

    /// What a column holds when its name is taken away.
    fn cleared(&self) -> Vec<Value> {
        self.nothing.first().cloned().flatten().into_iter().collect()
    }
}

impl NamesStore {
    /// The store itself, or this in front of it if one of the bags is one of names.
    #[must_use]
    pub fn around<'b>(
        inner: Arc<dyn Store>,
        mut bags: impl Iterator<Item = &'b Arc<Bag>>,
        kept: impl FnOnce() -> Arc<dyn Kept>,
    ) -> Arc<dyn Store> {
        match bags.any(|bag| names_of(bag).is_some()) {
            true => Arc::new(Self { inner, kept: kept() }),
            false => inner,
        }
    }

    /// What the columns are asked, one question each.
    fn questions(&self, select: &Select, names: &Names, it: FieldId) -> Vec<Select> {
        let of = |column: &String| {
            let bag = names.of_column(&select.bag, it, column, true);
            let predicate = match self.inner.coverage(&bag, &select.predicate) {
                Coverage::None => Predicate::True,
                Coverage::Superset | Coverage::Exact => select.predicate.clone(),
            };
            Select { bag, predicate, fields: vec![it], order: Vec::new(), offset: 0, limit: None }
        };
        names.columns.iter().map(of).collect()
    }

    /// The names that meet a predicate, or may: what hangs on a name that no row holds is not looked at.
    async fn rows(&self, select: &Select, names: &Names, it: FieldId) -> Result<Vec<Row>, StoreError> {
        let mut found: BTreeMap<String, Value> = BTreeMap::new();
        for question in self.questions(select, names, it) {
            for row in self.inner.select(question).await? {
                if let Some(value) = row.first(it) {
                    found.entry(value.to_text()).or_insert_with(|| value.clone());
                }
            }
        }
        for name in self.kept.kept(&select.bag, named(&select.predicate, it)).await? {
            let value = Value::Text(name.clone());
            found.entry(name).or_insert(value);
        }
        let rows = found.into_values().map(|value| {
            let mut row = Row::new(&select.bag);
            row.set(it, vec![value]);
            row
        });
        Ok(rows.filter(|row| may_meet(&select.predicate, row) != Some(false)).collect())
    }
}

/// The names that a predicate asks for, if it asks for some alone.
fn named(predicate: &Predicate, it: FieldId) -> Option<Vec<String>> {
    match predicate {
        Predicate::Field(field, Test::OneOf(values, Fold::Exact)) if *field == it => {
            Some(values.iter().map(Value::to_text).collect())
        }
        Predicate::All(list) => list.iter().find_map(|p| named(p, it)),
        _ => None,
    }
}

/// Whether a row meets a predicate, as far as the row tells.
fn may_meet(predicate: &Predicate, row: &Row) -> Option<bool> {
    match predicate {
        Predicate::True => Some(true),
        Predicate::False | Predicate::Clock(..) => Some(false),
        Predicate::Not(inner) => may_meet(inner, row).map(|meets| !meets),
        Predicate::Field(field, test) => Some(passes(test, row.all(*field))),
        Predicate::Exists(_) | Predicate::Pair(..) => None,
        Predicate::All(list) => decided(list, row, false),
        Predicate::Any(list) => decided(list, row, true),
    }
}

/// What one of a list decides, else what all of them say.
fn decided(list: &[Predicate], row: &Row, by: bool) -> Option<bool> {
    let found: Vec<Option<bool>> = list.iter().map(|p| may_meet(p, row)).collect();
    if found.contains(&Some(by)) {
        return Some(by);
    }
    if found.contains(&None) { None } else { Some(!by) }
}

/// True if a predicate looks at other rows.
fn looks_elsewhere(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Exists(_) | Predicate::Pair(..) => true,
        Predicate::Not(inner) => looks_elsewhere(inner),
        Predicate::All(list) | Predicate::Any(list) => list.iter().any(looks_elsewhere),
        Predicate::True | Predicate::False | Predicate::Field(..) | Predicate::Clock(..) => false,
    }
}

impl ReadStore for NamesStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        if names_of(&select.bag).is_none() {
            return self.inner.select(select);
        }
        Box::pin(async move {
            let Some((names, it)) = names_of(&select.bag) else { return Ok(Vec::new()) };
            let mut rows = self.rows(&select, names, it).await?;
            rows.sort_by(|a, b| compare_rows(a, b, &select.order));
            let limit = select.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
            let offset = usize::try_from(select.offset).unwrap_or(usize::MAX);
            Ok(rows.into_iter().skip(offset).take(limit).collect())
        })
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        if names_of(&select.bag).is_none() {
            return self.inner.select_texts(select, text);
        }
        Box::pin(async move { Ok(self.select(select).await?.iter().filter_map(text).collect()) })
    }

    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        match names_of(&select.bag) {
            Some(_) => Box::pin(std::future::ready(Ok(None))),
            None => self.inner.select_by(select, way),
        }
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        if names_of(&bag).is_none() {
            return self.inner.count(bag, predicate);
        }
        let select = Select { bag, predicate, fields: Vec::new(), order: Vec::new(), offset: 0, limit: None };
        Box::pin(async move { Ok(u64::try_from(self.select(select).await?.len()).unwrap_or(u64::MAX)) })
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        let Some((names, it)) = names_of(&select.bag) else { return self.inner.shown(select) };
        let questions = self.questions(&select, names, it);
        Box::pin(async move {
            let mut shown = Vec::new();
            for question in questions {
                shown.extend(self.inner.shown(question).await?);
            }
            Ok(shown)
        })
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        match names_of(bag) {
            None => self.inner.coverage(bag, predicate),
            Some(_) if looks_elsewhere(predicate) => Coverage::Superset,
            Some(_) => Coverage::Exact,
        }
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.inner.probe()
    }
}

impl Store for NamesStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        if !steps.iter().any(|step| names_of(step.bag()).is_some()) {
            return self.inner.apply(steps);
        }
        Box::pin(async move {
            let Translated { steps, places } = translate::translate(&steps)?;
            let reports = self.inner.apply(steps).await?;
            Ok(places.into_iter().map(|place| place.report(&reports)).collect())
        })
    }

    fn is_settling(&self) -> bool {
        self.inner.is_settling()
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        Box::pin(async move {
            let mut shown = Vec::new();
            for own in translate::each(&steps)? {
                shown.push(self.inner.shown_steps(own).await?.concat());
            }
            Ok(shown)
        })
    }
}

#[cfg(test)]
mod tests;
