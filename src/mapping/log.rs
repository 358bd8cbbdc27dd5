//! `[R.log.NAME]`: rows that tell a history table of the application what has
//! been changed. They are part of the change's own transaction, and a change
//! that changes nothing has none.

use std::sync::Arc;

use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, Cond, Eval, Template, template::LogWord},
        record::{Draft, Record, has_slot, same_values},
        shape::{FieldRef, Part, PartId, Use},
    },
    store::{Bag, Cell, FieldId, Fold, Row, Step, Value},
};

/// What happened to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Event {
    Create,
    Update,
    Delete,
}

/// A history table.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Its name in the file.
    pub name: String,
    /// The table, with the columns that rows get.
    pub bag: Arc<Bag>,
    /// What is told, and the word for it.
    pub events: Vec<(Event, Value)>,
    /// Told only if this holds after the change, or before a deletion.
    pub when: Option<Cond>,
    /// The fields that count; `None`: all.
    pub only: Option<Vec<Watched>>,
    /// Columns of each row.
    pub set: Vec<(FieldId, Template)>,
    /// Columns that tell of one field: then each changed field has a row.
    pub fields: Vec<(FieldId, Template)>,
}

/// What `only` names.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// One field.
    Field(FieldRef),
    /// All fields of a part.
    Part(PartId),
}

/// A row for a history table.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Index of the log in its type.
    pub log: usize,
    /// What it holds.
    pub cells: Vec<(FieldId, LogCell)>,
}

/// What a column of it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum LogCell {
    /// These values.
    Values(Vec<Value>),
    /// What the store makes of this field of the new resource's row.
    Made(FieldId),
}

/// A field of a resource that holds something else than before.
struct Changed {
    field: FieldRef,
    old: Option<Value>,
    new: Option<Value>,
}

impl TypeMapping {
    /// The rows that tell of a changed record. On a deletion `record` is the record as the deletion's `set`
    /// leaves it, and `base` the one before.
    #[must_use]
    pub fn logged(&self, base: &Record, record: &Record, event: Event, answers: &Answers) -> Vec<LogRow> {
        let mut rows = Vec::new();
        if self.logs.is_empty() || (event != Event::Delete && !record.is_changed()) {
            return rows;
        }
        let shown = if event == Event::Delete { base } else { record };
        let eval = Eval { shape: &self.shape, record: shown, at: (0, 0), answers };
        let changed = self.changes(record, event == Event::Delete && !self.delete.keep);
        for (id, log) in self.logs.iter().enumerate() {
            let Some((_, word)) = log.events.iter().find(|(e, _)| *e == event) else { continue };
            if log.when.as_ref().is_some_and(|when| !when.holds(&eval)) {
                continue;
            }
            let told: Vec<&Changed> = changed.iter().filter(|c| self.is_told(log, &c.field)).collect();
            if log.fields.is_empty() {
                if log.only.is_none() || !told.is_empty() {
                    rows.push(self.log_row(id, log, &eval, rows.len(), (word, None)));
                }
                continue;
            }
            for change in told {
                rows.push(self.log_row(id, log, &eval, rows.len(), (word, Some(change))));
            }
        }
        rows
    }

    /// The steps that write these rows; `root` is the step that makes the resource's own row.
    #[must_use]
    pub fn log_steps(&self, rows: &[LogRow], root: Option<usize>) -> Vec<Step> {
        let step = |row: &LogRow| {
            let bag = self.logs.get(row.log)?.bag.clone();
            let cells = row.cells.iter().filter_map(|(field, cell)| match (cell, root) {
                (LogCell::Values(values), _) => Some((*field, Cell::Values(values.clone()))),
                (LogCell::Made(made), Some(step)) => Some((*field, Cell::From { step, field: *made })),
                (LogCell::Made(_), None) => None,
            });
            let cells = cells.collect();
            Some(Step::Insert { bag, cells, report: Vec::new(), unless_exists: false })
        };
        rows.iter().filter_map(step).collect()
    }

    fn is_told(&self, log: &Log, field: &FieldRef) -> bool {
        log.only.as_ref().is_none_or(|only| {
            only.iter().any(|watched| match watched {
                Watched::Part(part) => *part == field.part,
                Watched::Field(named) => is_same(named, field),
            })
        })
    }

    fn log_row(
        &self,
        id: usize,
        log: &Log,
        eval: &Eval<'_>,
        number: usize,
        (event, change): (&Value, Option<&Changed>),
    ) -> LogRow {
        let word = |word: LogWord| match word {
            LogWord::Event => Some(event.clone()),
            LogWord::Field => change.map(|c| Value::from(self.shape.field_name(&c.field).as_str())),
            LogWord::Old => change.and_then(|c| c.old.clone()).map(|v| Value::from(v.to_text().as_str())),
            LogWord::New => change.and_then(|c| c.new.clone()).map(|v| Value::from(v.to_text().as_str())),
        };
        let columns = log.set.iter().chain(&log.fields);
        let cells = columns.map(|(column, template)| {
            if let Some(field) = template.alone().filter(|f| f.part == 0)
                && let Some(root) = eval.record.row(0, 0).filter(|d| d.was.is_none())
                && root.now.all(field.field).is_empty()
                && self.bag().key.contains(&field.field)
            {
                return (*column, LogCell::Made(field.field));
            }
            // What is counted or random is so for each column of each row: no field of the resource is meant.
            let beyond = self.bag().fields.len() + number * log.bag.fields.len() + column;
            let place = FieldRef { part: self.shape.parts.len() + id, field: beyond, slot: None };
            (*column, LogCell::Values(template.told(&word).many(eval, &place, false)))
        });
        LogRow { log: id, cells: cells.filter(|(_, c)| *c != LogCell::Values(Vec::new())).collect() }
    }

    /// The fields that hold something else than before; `gone`: the rows of the resource's own go.
    fn changes(&self, record: &Record, gone: bool) -> Vec<Changed> {
        let mut out = Vec::new();
        for (part, layout) in self.shape.parts.iter().enumerate() {
            let goes = |d: &Draft| d.removed || (gone && layout.usage != Use::Watch);
            let drafts = record.rows(part);
            let kept = drafts.iter().filter(|d| !goes(d));
            let mut come: Vec<&Draft> = kept.clone().filter(|d| d.was.is_none()).collect();
            for draft in drafts.iter().filter(|d| d.was.is_some() && goes(d)) {
                // Of a part of one row, and of a slot, another row is another value.
                let takes_place = |other: &&Draft| {
                    !layout.many
                        && other.parent == draft.parent
                        && is_same_slot(layout, &other.now, &draft.now)
                };
                let at = come.iter().position(takes_place);
                let new = at.map(|at| &come.remove(at).now);
                self.compare(part, draft.was.as_ref(), new, &mut out);
            }
            for draft in kept.filter(|d| d.was.is_some()) {
                self.compare(part, draft.was.as_ref(), Some(&draft.now), &mut out);
            }
            for draft in come {
                self.compare(part, None, Some(&draft.now), &mut out);
            }
        }
        out
    }

    fn compare(&self, part: PartId, was: Option<&Row>, now: Option<&Row>, out: &mut Vec<Changed>) {
        let layout = self.shape.part(part);
        let slot = || {
            let row = now.or(was)?;
            (!layout.slot.is_empty())
                .then(|| layout.slot.iter().filter_map(|f| row.first(*f).cloned()).collect())
        };
        for id in 0..layout.bag.fields.len() {
            let values = |row: Option<&Row>| row.map(|r| r.all(id).to_vec()).unwrap_or_default();
            let (old, new) = (values(was), values(now));
            let field = FieldRef { part, field: id, slot: slot() };
            let is_nothing = |values: &[Value]| values.iter().all(|v| self.is_nothing(&field, v));
            let is_same_here = same_values(&old, &new) || (is_nothing(&old) && is_nothing(&new));
            if !is_same_here && !self.unlogged.iter().any(|f| is_same(f, &field)) {
                let (old, new) = (old.into_iter().next(), new.into_iter().next());
                out.push(Changed { field, old, new });
            }
        }
    }

    fn is_nothing(&self, field: &FieldRef, value: &Value) -> bool {
        let stands = |t: &Template| matches!(t, Template::Literal(n) if n.same(value, Fold::Exact));
        *value == Value::Text(String::new()) || self.shape.nothing_of(field).any(stands)
    }
}

fn is_same_slot(layout: &Part, a: &Row, b: &Row) -> bool {
    let slot: Vec<Value> = layout.slot.iter().filter_map(|f| b.first(*f).cloned()).collect();
    has_slot(layout, a, Some(&slot))
}

/// True if `named`, which may be a field of any slot, means `field`.
fn is_same(named: &FieldRef, field: &FieldRef) -> bool {
    let slot = |named: &Vec<Value>| field.slot.as_ref().is_some_and(|slot| same_values(named, slot));
    named.part == field.part && named.field == field.field && named.slot.as_ref().is_none_or(slot)
}
