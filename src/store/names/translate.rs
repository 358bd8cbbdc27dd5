//! Steps on names as steps on the rows that hold them.

use std::sync::Arc;

use super::{Names, names_of};
use crate::store::{Bag, Cell, Change, FieldId, Report, Step, StoreError, Target, Value};

/// The steps for the store behind, and where the reports of the given ones come from.
pub(super) struct Translated {
    pub(super) steps: Vec<Step>,
    pub(super) places: Vec<Place>,
}

/// Where the report of a step comes from.
pub(super) enum Place {
    /// From a step of the store behind.
    Behind(usize),
    /// It is known.
    Known(Report),
}

impl Place {
    pub(super) fn report(self, reports: &[Report]) -> Report {
        match self {
            Self::Behind(step) => reports.get(step).cloned().unwrap_or_default(),
            Self::Known(report) => report,
        }
    }
}

/// Takes the names out of a list of steps. Cells that come from an earlier step follow.
pub(super) fn translate(given: &[Step]) -> Result<Translated, StoreError> {
    let mut out = Translated { steps: Vec::new(), places: Vec::new() };
    for step in given {
        let Some((names, it)) = names_of(step.bag()) else {
            let mut step = step.clone();
            step.cells_mut().into_iter().try_for_each(|cell| follow(cell, given, &out.places))?;
            out.places.push(Place::Behind(out.steps.len()));
            out.steps.push(step);
            continue;
        };
        out.places.push(Place::Known(report_of(step)));
        out.steps.extend(rewritten(step, names, it)?);
    }
    Ok(out)
}

/// The steps for each of the given ones, for people to read.
pub(super) fn each(given: &[Step]) -> Result<Vec<Vec<Step>>, StoreError> {
    let own = |step: &Step| match names_of(step.bag()) {
        Some((names, it)) => rewritten(step, names, it),
        None => Ok(vec![step.clone()]),
    };
    given.iter().map(own).collect()
}

/// A cell that comes from an earlier step, as one of the new list, or as what is known.
fn follow(cell: &mut Cell, given: &[Step], places: &[Place]) -> Result<(), StoreError> {
    let Cell::From { step, field } = cell else { return Ok(()) };
    match places.get(*step) {
        Some(Place::Behind(behind)) => *step = *behind,
        Some(Place::Known(_)) => {
            let value = given.get(*step).and_then(|step| value_in(step, *field));
            *cell = Cell::Values(value.into_iter().collect());
        }
        None => return Err(StoreError::Unsupported(format!("step {step} does not come first"))),
    }
    Ok(())
}

/// What a step gives a field.
fn value_in(step: &Step, wanted: FieldId) -> Option<Value> {
    let Step::Insert { cells, .. } = step else { return None };
    cells.iter().find_map(|(field, cell)| match cell {
        Cell::Values(values) if *field == wanted => values.first().cloned(),
        _ => None,
    })
}

/// What a new name reports: itself.
fn report_of(step: &Step) -> Report {
    let Step::Insert { report, .. } = step else { return Report::new() };
    report.iter().map(|field| value_in(step, *field).into_iter().collect()).collect()
}

/// A step on a name as steps on the rows that hold it, one for each column.
fn rewritten(step: &Step, names: &Names, it: FieldId) -> Result<Vec<Step>, StoreError> {
    let everywhere = |target: &Target, values: Vec<Value>| {
        let of = |column: &String| {
            let bag: Arc<Bag> = names.of_column(step.bag(), it, column, false);
            let changes = vec![Change::Set(it, Cell::Values(values.clone()))];
            Step::Update { bag, target: target.clone(), changes, required: false }
        };
        names.columns.iter().map(of).collect()
    };
    match step {
        // A new name is nobody's yet, and one that is read again has nothing that others could change.
        Step::Insert { .. } | Step::Expect { .. } => Ok(Vec::new()),
        Step::Delete { target, .. } => Ok(everywhere(target, names.cleared())),
        Step::Update { target, changes, .. } => {
            let name = changes.iter().find_map(|change| match change {
                Change::Set(field, Cell::Values(values)) if *field == it => Some(values.clone()),
                _ => None,
            });
            Ok(name.map(|values| everywhere(target, values)).unwrap_or_default())
        }
        other => Err(StoreError::Unsupported(format!("a name has no row: {other}"))),
    }
}
