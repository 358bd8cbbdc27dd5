//! A store in memory: the reference model that the others are measured against.
//!
//! Rows are kept per source (table name, or base DNs) by lower-case field name,
//! so that several bags can look at one table, as they can in a database. It
//! knows unique, required and referring fields and generated keys, because the
//! callers' tests need their errors; it has no types, no locks and no disk.

mod entries;
pub mod predicate;
mod rules;
mod step;

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{LocalBoxFuture, ready};

use crate::store::{
    Bag, Cell, Change, Coverage, FieldId, Fold, Predicate, ReadStore, Related, Report, Row, Select, Source,
    Step, Store, StoreError, Target, Value, coerce::coerce,
};

/// Rules of one table.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The field whose value is counted up for a new row that has none.
    pub generated: Option<String>,
    /// Groups of fields that no two rows may share.
    pub unique: Vec<Vec<String>>,
    /// Fields that must have a value.
    pub required: Vec<String>,
    /// (own field, other table, its field): the value must exist there.
    pub references: Vec<(String, String, String)>,
}

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

type Stored = BTreeMap<String, Vec<Value>>;

#[derive(Debug, Clone, Default)]
struct Table {
    rules: Rules,
    rows: Vec<Stored>,
    last: i64,
}

#[derive(Debug, Clone, Default)]
struct Tables(BTreeMap<String, Table>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the rules of a table and empties it.
    pub fn define(&self, table: &str, rules: Rules) {
        let fresh = Table { rules, ..Table::default() };
        self.lock().0.insert(table.to_lowercase(), fresh);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, steps: &[Step]) -> Result<Vec<Report>, StoreError> {
        let mut tables = self.lock();
        let mut draft = tables.clone();
        let mut reports = Vec::new();
        for step in steps {
            let report = draft.step(step, steps, &reports)?;
            reports.push(report);
        }
        *tables = draft;
        Ok(reports)
    }
}

impl ReadStore for MemoryStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        let tables = self.lock();
        let mut rows = tables.find(&select.bag, &select.predicate);
        rows.sort_by(|(_, a), (_, b)| compare_rows(a, b, &select.order));
        let limit = select.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
        let offset = usize::try_from(select.offset).unwrap_or(usize::MAX);
        let rows = rows.into_iter().skip(offset).take(limit).map(|(_, row)| {
            let mut asked = Row::new(&select.bag);
            for field in &select.fields {
                asked.set(*field, row.all(*field).to_vec());
            }
            asked
        });
        Box::pin(ready(Ok(rows.collect())))
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        let found = self.lock().find(&bag, &predicate).len();
        Box::pin(ready(Ok(u64::try_from(found).unwrap_or(u64::MAX))))
    }

    fn coverage(&self, _: &Bag, _: &Predicate) -> Coverage {
        Coverage::Exact
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        Box::pin(ready(Ok("memory".to_owned())))
    }
}

impl Store for MemoryStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        Box::pin(ready(self.run(&steps)))
    }
}

fn source_name(bag: &Bag) -> String {
    match &bag.source {
        Source::Table(name) => name.to_lowercase(),
        Source::Entries { bases, .. } => bases.join("\n").to_lowercase(),
        Source::Items(held) => source_name(&held.bag),
        Source::Names(names) => names.table.to_lowercase(),
    }
}

/// Orders rows by fields; nothing comes first.
pub(super) fn compare_rows(a: &Row, b: &Row, order: &[FieldId]) -> Ordering {
    for field in order {
        let found = match (a.first(*field), b.first(*field)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => a.compare(b, Fold::Exact).unwrap_or(Ordering::Equal),
        };
        if found != Ordering::Equal {
            return found;
        }
    }
    Ordering::Equal
}

fn view(bag: &Bag, stored: &Stored) -> Row {
    let cells = bag.fields.iter().map(|field| {
        if entries::is_container(bag, field) {
            return entries::container(stored).into_iter().collect();
        }
        let values = stored.get(&field.name.to_lowercase()).cloned().unwrap_or_default();
        values.into_iter().map(|v| coerce(v, field.kind)).collect()
    });
    Row { cells: cells.collect() }
}

impl Tables {
    /// Positions and contents of the rows of the bag's scope that meet a predicate.
    fn find(&self, bag: &Bag, predicate: &Predicate) -> Vec<(usize, Row)> {
        let Some(table) = self.0.get(&source_name(bag)).or_else(|| self.around(bag)) else {
            return Vec::new();
        };
        let exists = |related: &Related, row: &Row| self.has_related(related, row);
        table
            .rows
            .iter()
            .map(|stored| view(bag, stored))
            .enumerate()
            .filter(|(index, row)| {
                table.rows.get(*index).is_some_and(|stored| entries::is_one(bag, stored))
                    && predicate::matches(&bag.scope, row, &exists)
                    && predicate::matches(predicate, row, &exists)
            })
            .collect()
    }

    fn has_related(&self, related: &Related, row: &Row) -> bool {
        self.find(&related.bag, &related.predicate).iter().any(|(_, other)| {
            related.on.iter().all(|(theirs, ours)| {
                let ours = row.all(*ours);
                other.all(*theirs).iter().any(|t| ours.iter().any(|o| predicate::equal(t, o, Fold::Exact)))
            })
        })
    }

    fn targets(&self, bag: &Bag, target: &Target, required: bool) -> Result<Vec<usize>, StoreError> {
        let found = self.find(bag, &target_predicate(bag, target));
        if found.is_empty() && required {
            return Err(StoreError::NotFound { bag: bag.name.clone() });
        }
        Ok(found.into_iter().map(|(index, _)| index).collect())
    }

    fn insert(
        &mut self,
        bag: &Bag,
        cells: &[(FieldId, Vec<Value>)],
        report: &[FieldId],
    ) -> Result<Report, StoreError> {
        let mut stored = Stored::new();
        for (field, values) in cells {
            stored.insert(bag.field_name(*field).to_lowercase(), values.clone());
        }
        entries::complete(bag, &mut stored);
        self.refuse_twin(bag, &stored)?;
        let table = self.0.entry(source_name(bag)).or_default();
        if let Some(generated) = &table.rules.generated {
            let cell = stored.entry(generated.to_lowercase()).or_default();
            match cell.first() {
                Some(Value::Int(given)) => table.last = table.last.max(*given),
                Some(_) => {}
                None => {
                    table.last += 1;
                    cell.push(step::generated_key(bag, generated, table.last));
                }
            }
        }
        let row = view(bag, &stored);
        table.rows.push(stored);
        self.check(bag)?;
        Ok(report_of(&row, report))
    }

    fn change(&mut self, bag: &Bag, rows: &[usize], change: &Change) {
        let Some(table) = self.0.get_mut(&source_name(bag)) else { return };
        for index in rows {
            let Some(stored) = table.rows.get_mut(*index) else { continue };
            let mut cell = |field: &FieldId| {
                std::mem::take(stored.entry(bag.field_name(*field).to_lowercase()).or_default())
            };
            let same = |a: &Value, b: &Value| predicate::equal(a, b, Fold::Exact);
            let (field, values) = match change {
                Change::Set(field, Cell::Values(values)) => (field, values.clone()),
                Change::Set(_, Cell::From { .. }) => continue,
                Change::Add(field, more) => {
                    let mut values = cell(field);
                    for value in more {
                        if !values.iter().any(|v| same(v, value)) {
                            values.push(value.clone());
                        }
                    }
                    (field, values)
                }
                Change::Remove(field, less) => {
                    let mut values = cell(field);
                    values.retain(|v| !less.iter().any(|l| same(v, l)));
                    (field, values)
                }
                Change::Exchange(field, old, new) => {
                    let mut values = cell(field);
                    if values.iter().any(|v| same(v, old)) {
                        values.retain(|v| !same(v, old) && !same(v, new));
                        values.push(new.clone());
                    }
                    (field, values)
                }
                Change::Floor(field, floor) => match cell(field) {
                    values if values.is_empty() => (field, floor.clone()),
                    values => (field, values),
                },
            };
            stored.insert(bag.field_name(*field).to_lowercase(), values);
        }
    }
}

fn target_predicate(bag: &Bag, target: &Target) -> Predicate {
    match target {
        Target::Rows(predicate) => predicate.clone(),
        Target::Entry { anchor, .. } => {
            Predicate::equals(bag.key.first().copied().unwrap_or_default(), anchor.clone())
        }
    }
}

fn report_of(row: &Row, report: &[FieldId]) -> Report {
    report.iter().map(|field| row.all(*field).to_vec()).collect()
}
