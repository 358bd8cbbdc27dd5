//! Steps on items become steps on the row that holds them.

use super::{Held, find, held};
use crate::store::{
    Bag, Cell, Change, Expected, FieldId, Predicate, Report, Row, Step, StoreError, Target, Value,
    document::{Clash, Node, Seg},
    memory::compare_rows,
};

/// Documents that are changed, and the steps so far.
pub(super) struct Rewrite {
    opened: Vec<(Held, Row, Node)>,
    steps: Vec<Step>,
    places: Vec<Place>,
}

/// The rewritten steps.
pub(super) struct Rewritten {
    /// For the inner store.
    pub(super) steps: Vec<Step>,
    /// Where each step of before reports.
    pub(super) places: Vec<Place>,
}

/// Where a step reports.
pub(super) enum Place {
    /// It is this one of the inner store's.
    Step(usize),
    /// It is done already: the fields it reports, and their values.
    Done(Vec<FieldId>, Report),
}

impl Place {
    /// The step's report among those of the inner store.
    pub(super) fn report(self, reports: &[Report]) -> Report {
        match self {
            Self::Step(step) => reports.get(step).cloned().unwrap_or_default(),
            Self::Done(_, report) => report,
        }
    }
}

impl Rewrite {
    /// Starts with the documents as they are: each must still be so when all steps are done.
    pub(super) fn new(opened: Vec<(Held, Row, Node)>) -> Self {
        let expect = |(held, row, _): &(Held, Row, Node)| Step::Expect {
            bag: held.bag.clone(),
            target: Target::Rows(Predicate::True),
            expected: Expected {
                fields: vec![held.field],
                rows: vec![row.clone()],
                others: false,
                writable: Vec::new(),
            },
            lock: true,
        };
        let steps = opened.iter().map(expect).collect();
        Self { opened, steps, places: Vec::new() }
    }

    /// Carries out the steps on items, and puts what has become of their documents behind the others.
    pub(super) fn rewrite(mut self, steps: &[Step]) -> Result<Rewritten, StoreError> {
        for step in steps {
            let place = match held(step.bag()) {
                Some(held) => self.carry_out(&held.clone(), step)?,
                None => {
                    let step = self.moved(step)?;
                    self.steps.push(step);
                    Place::Step(self.steps.len() - 1)
                }
            };
            self.places.push(place);
        }
        for (held, row, tree) in &self.opened {
            let Some(document) = &held.items.document else { continue };
            let was = row.all(held.field);
            let now = document.close(tree, was).map_err(|clash| refused(held, &clash))?;
            if now != was {
                self.steps.push(Step::Update {
                    bag: held.bag.clone(),
                    target: Target::Rows(Predicate::True),
                    changes: vec![Change::Set(held.field, Cell::Values(now))],
                    required: true,
                });
            }
        }
        Ok(Rewritten { steps: self.steps, places: self.places })
    }

    fn carry_out(&mut self, held: &Held, step: &Step) -> Result<Place, StoreError> {
        let bag = step.bag().clone();
        let place = self.opened.iter().position(|(h, _, _)| h.bag == held.bag && h.field == held.field);
        let gone = || StoreError::NotFound { bag: bag.name.clone() };
        let tree = |this: &Self| place.and_then(|p| this.opened.get(p)).map(|(_, _, tree)| tree.clone());
        let mut tree = tree(self).ok_or_else(gone)?;
        let rows = |target: &Target, tree: &Node| match target {
            Target::Rows(predicate) => find(&bag, held, tree, predicate),
            Target::Entry { .. } => Vec::new(),
        };
        let mut report = Place::Done(Vec::new(), Report::new());
        match step {
            Step::Expect { target, expected, .. } => {
                let found: Vec<Row> = rows(target, &tree).into_iter().map(|(_, row)| row).collect();
                if !expected.is_met(&found) {
                    return Err(StoreError::PreconditionFailed);
                }
            }
            Step::Insert { cells, report: fields, .. } => {
                report = self.insert(&bag, held, &mut tree, cells, fields)?;
            }
            Step::Find { predicate, report: fields, add, .. } => {
                let mut found = find(&bag, held, &tree, predicate);
                found.sort_by(|(_, a), (_, b)| compare_rows(a, b, &bag.key));
                report = match (found.into_iter().next(), add) {
                    (Some((_, row)), _) => done(&row, fields),
                    (None, Some(cells)) => self.insert(&bag, held, &mut tree, cells, fields)?,
                    (None, None) => return Err(StoreError::NoSuchRow { bag: bag.name.clone() }),
                };
            }
            Step::Update { target, changes, required, .. } => {
                let found = rows(target, &tree);
                if found.is_empty() && *required {
                    return Err(gone());
                }
                for (address, was) in found {
                    let mut now = was.clone();
                    for change in changes {
                        let Change::Set(field, cell) = change else { continue };
                        now.set(*field, self.values(cell)?);
                    }
                    let key = |row: &Row| bag.key.iter().map(|f| row.all(*f).to_vec()).collect::<Vec<_>>();
                    if key(&was) != key(&now) {
                        self.check_key(&bag, held, &tree, &now)?;
                    }
                    held.items
                        .change(&mut tree, &address, Some(&was), &now)
                        .map_err(|clash| refused(held, &clash))?;
                }
            }
            Step::Delete { target, required, .. } => {
                let found: Vec<Vec<Seg>> =
                    rows(target, &tree).into_iter().map(|(address, _)| address).collect();
                if found.is_empty() && *required {
                    return Err(gone());
                }
                // From the end, so that the positions before stay.
                found.iter().rev().for_each(|address| tree.remove(address));
            }
            Step::Rename { .. }
            | Step::Password { .. }
            | Step::Reopen { .. }
            | Step::Copy { .. }
            | Step::Archive { .. } => {
                let said = format!(
                    "{} lies in a document: it has no DN, no password operation, no closed rows, no copies",
                    bag.name
                );
                return Err(StoreError::Unsupported(said));
            }
        }
        if let Some((_, _, old)) = place.and_then(|p| self.opened.get_mut(p)) {
            *old = tree;
        }
        Ok(report)
    }

    fn insert(
        &self,
        bag: &Bag,
        held: &Held,
        tree: &mut Node,
        cells: &[(FieldId, Cell)],
        report: &[FieldId],
    ) -> Result<Place, StoreError> {
        let mut row = Row::new(bag);
        for (field, cell) in cells {
            row.set(*field, self.values(cell)?);
        }
        self.check_key(bag, held, tree, &row)?;
        let address = held.items.add(tree, &[], &row).map_err(|clash| refused(held, &clash))?;
        Ok(done(&held.items.row(tree, &address), report))
    }

    #[expect(clippy::unused_self, reason = "beside its callers")]
    fn check_key(&self, bag: &Bag, held: &Held, tree: &Node, row: &Row) -> Result<(), StoreError> {
        let keys = bag.key.iter().filter_map(|f| Some((*f, row.first(*f)?.clone())));
        let same = keys.fold(Predicate::True, |all, (f, v)| all.and(Predicate::equals(f, v)));
        // Also among items that are not ours.
        let all = Bag { scope: Predicate::True, ..bag.clone() };
        if same != Predicate::True && !find(&all, held, tree, &same).is_empty() {
            let names: Vec<&str> = bag.key.iter().map(|f| bag.field_name(*f)).collect();
            return Err(StoreError::AlreadyExists {
                constraint: format!("{}.{}", bag.name, names.join(",")),
            });
        }
        Ok(())
    }

    /// The values of a cell of an item.
    fn values(&self, cell: &Cell) -> Result<Vec<Value>, StoreError> {
        match cell {
            Cell::Values(values) => Ok(values.clone()),
            Cell::From { step, field } => match self.places.get(*step) {
                Some(Place::Done(fields, report)) => {
                    let place = fields.iter().position(|f| f == field);
                    Ok(place.and_then(|p| report.get(p)).cloned().unwrap_or_default())
                }
                _ => Err(StoreError::Unsupported(
                    "an item of a document refers to a row that is made with it".into(),
                )),
            },
        }
    }

    /// A step on something else, with what it refers to.
    fn moved(&self, step: &Step) -> Result<Step, StoreError> {
        let mut step = step.clone();
        let cell = |cell: &mut Cell| -> Result<(), StoreError> {
            if let Cell::From { step, .. } = cell {
                match self.places.get(*step) {
                    Some(Place::Step(place)) => *step = *place,
                    _ => *cell = Cell::Values(self.values(cell)?),
                }
            }
            Ok(())
        };
        match &mut step {
            Step::Insert { cells, .. } | Step::Copy { cells, .. } | Step::Find { add: Some(cells), .. } => {
                cells.iter_mut().try_for_each(|(_, c)| cell(c))?;
            }
            Step::Reopen { cells, changes, .. } => {
                cells.iter_mut().chain(changes).try_for_each(|(_, c)| cell(c))?;
            }
            Step::Update { changes, .. } => changes.iter_mut().try_for_each(|change| match change {
                Change::Set(_, c) => cell(c),
                Change::Add(..) | Change::Remove(..) | Change::Floor(..) | Change::Exchange(..) => Ok(()),
            })?,
            Step::Expect { .. }
            | Step::Find { add: None, .. }
            | Step::Delete { .. }
            | Step::Archive { .. }
            | Step::Rename { .. }
            | Step::Password { .. } => {}
        }
        Ok(step)
    }
}

fn done(row: &Row, report: &[FieldId]) -> Place {
    Place::Done(report.to_vec(), report.iter().map(|f| row.all(*f).to_vec()).collect())
}

fn refused(held: &Held, clash: &Clash) -> StoreError {
    let constraint = held.bag.field_name(held.field).to_owned();
    StoreError::ConstraintViolated { constraint, reason: clash.to_string() }
}
