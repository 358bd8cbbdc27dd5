//! One step of a plan.

use crate::store::{
    Bag, Cell, Change, Channel, FieldId, FieldKind, Predicate, Report, Row, Source, Step, StoreError, Value,
    cell_values, holds,
    memory::{Stored, Tables, compare_rows, report_of, source_name, target_predicate},
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
                    stored.insert(generated.to_lowercase(), vec![generated_key(bag, generated, table.last)]);
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
            Step::Rename { bag, .. } if !matches!(bag.source, Source::Entries { .. }) => {
                Err(StoreError::Unsupported("the rows of a table have no names".into()))
            }
            Step::Rename { bag, target, dn } => {
                let rows = self.targets(bag, target, true)?;
                rows.first().map_or(Ok(()), |row| self.rename(bag, *row, dn))?;
                Ok(Report::new())
            }
            // What nobody can ever read is kept nowhere.
            Step::Password { channel: Channel::UnicodePwd, .. } => Ok(Report::new()),
            Step::Password { channel: Channel::Exop, .. } => {
                Err(StoreError::Unsupported("the memory store has no password operation".into()))
            }
        }
    }
}

/// A new key: a number, or as many bytes as a GUID where the field holds bytes.
pub(super) fn generated_key(bag: &Bag, field: &str, number: i64) -> Value {
    match bag.find_field(field).map(|id| bag.kind(id)) {
        Some(FieldKind::Bytes) => Value::Bytes(i128::from(number).to_be_bytes().to_vec()),
        _ => Value::Int(number),
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
