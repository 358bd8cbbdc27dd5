//! One step of a plan.

use crate::store::{
    Bag, Cell, Change, FieldId, Predicate, Report, Row, Source, Step, StoreError, Target, Value, cell_values,
    dn::{AvaValue, Dn},
    holds,
    memory::{Stored, Table, Tables, compare_rows, report_of, source_name, target_predicate},
    step::reopenable,
};

impl Tables {
    /// Carries out one step, and tells what it reports.
    pub(super) fn step(
        &mut self,
        step: &Step,
        steps: &[Step],
        reports: &[Report],
    ) -> Result<Report, StoreError> {
        match step {
            Step::Expect { bag, target, expected, .. } => {
                let predicate = target_predicate(bag, target);
                let found: Vec<Row> = self.find(bag, &predicate).into_iter().map(|(_, row)| row).collect();
                if expected.is_met(&found) { Ok(Report::new()) } else { Err(StoreError::PreconditionFailed) }
            }
            Step::Insert { bag, cells, report, unless_exists } => {
                let cells = resolve(cells, steps, reports)?;
                if *unless_exists {
                    let same = cells
                        .iter()
                        .fold(Predicate::True, |all, (field, values)| all.and(holds(*field, values)));
                    if let Some((_, row)) = self.find(bag, &same).into_iter().next() {
                        return Ok(report_of(&row, report));
                    }
                }
                self.insert(bag, &cells, report)
            }
            Step::Reopen { bag, key, cells, changes, report } => {
                let cells = resolve(cells, steps, reports)?;
                let closed = reopenable(bag, key, &cells);
                let everything = Bag { scope: Predicate::True, ..Bag::clone(bag) };
                let rows: Vec<usize> =
                    self.find(&everything, &closed).into_iter().map(|(index, _)| index).take(1).collect();
                let Some(index) = rows.first().copied() else { return self.insert(bag, &cells, report) };
                for (field, values) in resolve(changes, steps, reports)? {
                    self.change(bag, &rows, &Change::Set(field, Cell::Values(values)));
                }
                self.check(bag)?;
                let rows = self.find(&everything, &Predicate::True);
                let row = rows.into_iter().find(|(i, _)| *i == index).map(|(_, row)| row).unwrap_or_default();
                Ok(report_of(&row, report))
            }
            Step::Find { bag, predicate, report, add } => {
                let mut found = self.find(bag, predicate);
                found.sort_by(|(_, a), (_, b)| compare_rows(a, b, &bag.key));
                match (found.into_iter().next(), add) {
                    (Some((_, row)), _) => Ok(report_of(&row, report)),
                    (None, Some(cells)) => self.insert(bag, &resolve(cells, steps, reports)?, report),
                    (None, None) => Err(StoreError::NoSuchRow { bag: bag.name.clone() }),
                }
            }
            Step::Copy { bag, target, cells } => {
                let row = self.targets(bag, target, true)?.into_iter().next();
                let cells = resolve(cells, steps, reports)?;
                let Some(table) = self.0.get_mut(&source_name(bag)) else { return Ok(Report::new()) };
                let Some(mut stored) = row.and_then(|row| table.rows.get(row)).cloned() else {
                    return Ok(Report::new());
                };
                if let Some(generated) = &table.rules.generated {
                    table.last += 1;
                    stored.insert(generated.to_lowercase(), vec![Value::Int(table.last)]);
                }
                for (field, values) in cells {
                    stored.insert(bag.field_name(field).to_lowercase(), values);
                }
                table.rows.push(stored);
                self.check(bag)?;
                Ok(Report::new())
            }
            Step::Update { bag, target, changes, required } => {
                let moved = self.moved(bag, target);
                let bag = moved.as_ref().unwrap_or(bag);
                let rows = self.targets(bag, target, *required)?;
                for change in changes {
                    let change = resolve_change(change, steps, reports)?;
                    self.change(bag, &rows, &change);
                }
                self.check(bag)?;
                Ok(Report::new())
            }
            Step::Delete { bag, target, required } => {
                let rows = self.targets(bag, target, *required)?;
                if let Some(table) = self.0.get_mut(&source_name(bag)) {
                    let mut index = 0;
                    table.rows.retain(|_| {
                        index += 1;
                        !rows.contains(&(index - 1))
                    });
                }
                self.check_references_to(bag)?;
                Ok(Report::new())
            }
            Step::Archive { bag, target, into } => {
                let rows = self.targets(bag, target, true)?;
                let stored =
                    self.0.get(&source_name(bag)).map(|table| table.rows.as_slice()).unwrap_or_default();
                let copies: Vec<Stored> =
                    rows.iter().filter_map(|index| stored.get(*index).cloned()).collect();
                self.0.entry(into.to_lowercase()).or_default().rows.extend(copies);
                self.check(&Bag { source: Source::Table(into.clone()), ..bag.as_ref().clone() })?;
                Ok(Report::new())
            }
            Step::Rename { bag, target, dn } => {
                let rows = self.targets(bag, target, true)?;
                rows.first().map_or(Ok(Report::new()), |row| self.rename(bag, *row, dn))
            }
            Step::Password { .. } => {
                Err(StoreError::Unsupported("the memory store has no password operation".into()))
            }
        }
    }
}

impl Tables {
    /// The bag of an entry that a rename has put below another base.
    fn moved(&self, bag: &Bag, target: &Target) -> Option<Bag> {
        let (Source::Entries { subtree, classes, rdn, .. }, Target::Entry { dn, .. }) = (&bag.source, target)
        else {
            return None;
        };
        let place = Dn::parse(dn).ok()?.parent()?.to_string();
        let is_there =
            |table: &Table| table.rows.iter().any(|row| row.get("dn") == Some(&vec![dn.as_str().into()]));
        let source = Source::Entries {
            bases: vec![place.clone()],
            subtree: *subtree,
            classes: classes.clone(),
            rdn: rdn.clone(),
        };
        let is_moved = place.to_lowercase() != source_name(bag)
            && self.find(bag, &target_predicate(bag, target)).is_empty()
            && self.0.get(&place.to_lowercase()).is_some_and(is_there);
        is_moved.then(|| Bag { source, scope: Predicate::True, ..Bag::clone(bag) })
    }

    /// Gives an entry another name. Below another base it is one of another table, named after that.
    fn rename(&mut self, bag: &Bag, row: usize, dn: &str) -> Result<Report, StoreError> {
        let corrupt = |_| StoreError::Corrupt(format!("`{dn}` is no DN"));
        let new = Dn::parse(dn).map_err(corrupt)?;
        let parent = new.parent().unwrap_or_default();
        let is_taken = |stored: &Stored| {
            let held = stored.get("dn").and_then(|dn| dn.first()).map(Value::to_text);
            held.and_then(|held| Dn::parse(&held).ok()).is_some_and(|held| held == new)
        };
        let own = |index: usize, table: &str| index == row && table == source_name(bag);
        let mut others =
            self.0.iter().flat_map(|(name, t)| t.rows.iter().enumerate().map(move |(i, r)| (name, i, r)));
        if others.any(|(name, index, stored)| is_taken(stored) && !own(index, name)) {
            return Err(StoreError::AlreadyExists { constraint: "dn".to_owned() });
        }
        let stays = match &bag.source {
            Source::Entries { bases, .. } => bases
                .iter()
                .filter_map(|base| Dn::parse(base).ok())
                .any(|base| parent == base || parent.is_below(&base)),
            _ => true,
        };
        let Some(table) = self.0.get_mut(&source_name(bag)) else { return Ok(Report::new()) };
        let Some(stored) = table.rows.get_mut(row) else { return Ok(Report::new()) };
        stored.insert("dn".to_owned(), vec![dn.into()]);
        if stored.contains_key("container") {
            stored.insert("container".to_owned(), vec![parent.to_string().into()]);
        }
        for ava in new.rdn().map_or(&[][..], |rdn| rdn.avas()) {
            if let AvaValue::Text(text) = &ava.value {
                stored.insert(ava.attribute.to_lowercase(), vec![text.as_str().into()]);
            }
        }
        if !stays {
            let moved = table.rows.remove(row);
            self.0.entry(parent.to_string().to_lowercase()).or_default().rows.push(moved);
        }
        Ok(Report::new())
    }
}

fn resolve(
    cells: &[(FieldId, Cell)],
    steps: &[Step],
    reports: &[Report],
) -> Result<Vec<(FieldId, Vec<Value>)>, StoreError> {
    cells.iter().map(|(field, cell)| Ok((*field, cell_values(cell, steps, reports)?))).collect()
}

fn resolve_change(change: &Change, steps: &[Step], reports: &[Report]) -> Result<Change, StoreError> {
    Ok(match change {
        Change::Set(field, cell) => Change::Set(*field, Cell::Values(cell_values(cell, steps, reports)?)),
        other => other.clone(),
    })
}
