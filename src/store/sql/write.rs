//! Writing: the steps of one call in one transaction.
//!
//! Every UPDATE and DELETE repeats the bag's scope, so that a row that stopped
//! being ours between reading and writing is not touched. An insert that may
//! meet a row of somebody else runs in a savepoint: PostgreSQL would spoil the
//! whole transaction otherwise. When nobody waits for the outcome any more, the
//! transaction goes no further and is rolled back.

mod archive;
mod blame;
mod change;
mod insert;
pub(super) mod script;

use crate::store::{
    Bag, Change, Expected, FieldId, Predicate, Report, Row, Step, StoreError, Target, Value, cell_values,
    holds,
    sql::{
        catalogue::{Catalogue, table_name},
        decision::Decision,
        dialect::{Dialect, Flavour},
        error::{Cure, Failure},
        predicate::{Env, OUTER},
        read::{finish, push_columns, read_row},
        statement::Sql,
    },
    step::reopenable,
};

/// Applies steps, all or none.
pub(super) fn apply(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    decision: &Decision,
    steps: &[Step],
) -> Result<Vec<Report>, Failure> {
    decision.check()?;
    connection.begin()?;
    let mut writer = Writer { connection, catalogue, steps, reports: Vec::new() };
    match writer.run(decision) {
        Ok(()) => {
            let reports = std::mem::take(&mut writer.reports);
            crate::faults::point();
            connection.commit().map_err(|failure| match failure.cure {
                Cure::Reconnect => {
                    let said = format!("{}; whether the change was made is unknown", failure.error);
                    Failure { error: StoreError::Unsure(said), cure: Cure::Abandon }
                }
                _ => {
                    decision.is_refused();
                    failure
                }
            })?;
            Ok(reports)
        }
        // The server rolls back what a lost connection began.
        Err(failure) if failure.cure == Cure::Reconnect => Err(failure),
        // A deadlock takes MySQL's savepoints along, so the innermost level is not enough.
        Err(failure) => match connection.roll_back_all() {
            Ok(()) => Err(failure),
            Err(_) => Err(Failure { error: failure.error, cure: Cure::Abandon }),
        },
    }
}

struct Writer<'a> {
    connection: &'a mut dyn Dialect,
    catalogue: &'a Catalogue,
    steps: &'a [Step],
    reports: Vec<Report>,
}

/// Whether a SELECT inside the transaction keeps others off the rows, and off the gap where none is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    No,
    Yes,
}

type Cells = Vec<(FieldId, Vec<Value>)>;

impl Writer<'_> {
    /// Carries out all steps, up to the commit.
    fn run(&mut self, decision: &Decision) -> Result<(), Failure> {
        for step in self.steps {
            decision.check()?;
            let report = self.step(step)?;
            self.reports.push(report);
        }
        Ok(decision.commits()?)
    }

    /// Carries out one step, and tells what it reports.
    fn step(&mut self, step: &Step) -> Result<Report, Failure> {
        Ok(match step {
            Step::Expect { bag, target, expected, lock } => {
                self.expect(bag, rows_of(bag, target)?, expected, *lock)?
            }
            Step::Insert { bag, cells, report, unless_exists } => {
                let cells = self.resolve(cells)?;
                if *unless_exists {
                    self.insert_once(bag, &cells, report)?
                } else {
                    self.insert(bag, &cells, report)?
                }
            }
            Step::Find { bag, predicate, report, add } => {
                let add = add.as_ref().map(|cells| self.resolve(cells)).transpose()?;
                self.find(bag, predicate, report, add)?
            }
            Step::Reopen { bag, key, cells, changes, report } => {
                let (cells, changes) = (self.resolve(cells)?, self.resolve(changes)?);
                self.reopen(bag, key, &cells, &changes, report)?
            }
            Step::Copy { bag, target, cells } => {
                let cells = self.resolve(cells)?;
                let touched = self.copy(bag, rows_of(bag, target)?, &cells)?;
                check_touched(bag, touched, true)?
            }
            Step::Update { bag, target, changes, required } => {
                let changes = self.assignments(bag, changes)?;
                let touched = self.update(bag, rows_of(bag, target)?, &changes)?;
                check_touched(bag, touched, *required)?
            }
            Step::Delete { bag, target, required } => {
                let touched = self.delete(bag, rows_of(bag, target)?)?;
                check_touched(bag, touched, *required)?
            }
            Step::Archive { bag, target, into } => self.archive(bag, rows_of(bag, target)?, into)?,
            Step::Rename { bag, .. } | Step::Password { bag, .. } => {
                let said = format!("{} lies in a table: it has no DN and no password operation", bag.name);
                return Err(StoreError::Unsupported(said).into());
            }
        })
    }

    fn resolve(&self, cells: &[(FieldId, crate::store::Cell)]) -> Result<Cells, StoreError> {
        let resolved =
            |(field, cell): &(FieldId, _)| Ok((*field, cell_values(cell, self.steps, &self.reports)?));
        cells.iter().map(resolved).collect()
    }

    /// The last value set for each field.
    fn assignments(&self, bag: &Bag, changes: &[Change]) -> Result<Cells, StoreError> {
        let mut cells = Cells::new();
        for change in changes {
            let Change::Set(field, cell) = change else {
                let said = format!("{}: a column is set as a whole, no value is added or removed", bag.name);
                return Err(StoreError::Unsupported(said));
            };
            cells.retain(|(other, _)| other != field);
            cells.push((*field, cell_values(cell, self.steps, &self.reports)?));
        }
        Ok(cells)
    }

    /// Reads the first row by key.
    fn first(
        &mut self,
        bag: &Bag,
        predicate: &Predicate,
        report: &[FieldId],
        lock: Lock,
    ) -> Result<Option<Row>, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, &scene);
        let mut sql = Sql::new();
        sql.raw("SELECT ");
        push_columns(&mut sql, flavour, &scene, bag, report, Some(OUTER))?;
        sql.raw(" FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
        env.restrict(&mut sql, bag, predicate)?;
        env.order_by(&mut sql, bag, &bag.key)?;
        sql.raw(" LIMIT 1");
        if lock == Lock::Yes && flavour == Flavour::Mysql {
            sql.raw(" FOR UPDATE");
        }
        finish(&mut sql, flavour, predicate)?;
        let rows = self.connection.rows(&sql)?;
        rows.into_iter().next().map(|cells| read_row(&scene, bag, report, cells)).transpose()
    }

    /// What a row that was not looked for would report.
    fn pretend(&mut self, bag: &Bag, report: &[FieldId]) -> Result<Report, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[])?;
        script::pretended(&scene, bag, report)
    }

    fn find(
        &mut self,
        bag: &Bag,
        predicate: &Predicate,
        report: &[FieldId],
        add: Option<Cells>,
    ) -> Result<Report, Failure> {
        if let Some(row) = self.first(bag, predicate, report, Lock::No)? {
            return Ok(report_of(&row, report));
        }
        match add {
            None if self.connection.pretends() => self.pretend(bag, report),
            None => Err(StoreError::NoSuchRow { bag: bag.name.clone() }.into()),
            Some(cells) => self.insert_unless_taken(bag, &cells, report, predicate),
        }
    }

    /// Reads rows again, in a way that keeps others from changing them, and compares.
    fn expect(
        &mut self,
        bag: &Bag,
        predicate: &Predicate,
        expected: &Expected,
        lock: bool,
    ) -> Result<Report, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, &scene);
        let mut sql = Sql::new();
        sql.raw("SELECT ");
        push_columns(&mut sql, flavour, &scene, bag, &expected.fields, Some(OUTER))?;
        sql.raw(" FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
        env.restrict(&mut sql, bag, predicate)?;
        // SQLite's transaction has the whole file to itself.
        match flavour {
            Flavour::Postgres if lock => sql.raw(" FOR UPDATE OF ").ident(OUTER),
            Flavour::Mysql if lock => sql.raw(" FOR UPDATE"),
            Flavour::Sqlite | Flavour::Postgres | Flavour::Mysql => &mut sql,
        };
        finish(&mut sql, flavour, predicate)?;
        let rows = self.connection.rows(&sql)?.into_iter();
        let rows: Result<Vec<Row>, Failure> =
            rows.map(|cells| read_row(&scene, bag, &expected.fields, cells)).collect();
        if self.connection.pretends() || expected.is_met(&rows?) {
            Ok(Report::new())
        } else {
            Err(StoreError::PreconditionFailed.into())
        }
    }

    /// Changes a row of that key that is not ours; without one, inserts.
    fn reopen(
        &mut self,
        bag: &Bag,
        key: &[FieldId],
        cells: &Cells,
        changes: &Cells,
        report: &[FieldId],
    ) -> Result<Report, Failure> {
        let closed = reopenable(bag, key, cells);
        let everything = Bag { scope: Predicate::True, ..bag.clone() };
        let all: Vec<FieldId> = (0..bag.fields.len()).collect();
        let found = match closed {
            Predicate::False => None,
            _ => self.first(&everything, &closed, &all, Lock::Yes)?,
        };
        let Some(mut row) = found else { return self.insert(bag, cells, report) };
        // Of several closed rows of one key only one comes back.
        let this = all.iter().fold(closed, |this, field| this.and(holds(*field, row.all(*field))));
        self.update(&everything, &this, changes)?;
        changes.iter().for_each(|(field, values)| row.set(*field, values.clone()));
        Ok(report_of(&row, report))
    }
}

fn rows_of<'a>(bag: &Bag, target: &'a Target) -> Result<&'a Predicate, StoreError> {
    match target {
        Target::Rows(predicate) => Ok(predicate),
        Target::Entry { .. } => {
            Err(StoreError::Unsupported(format!("{} lies in a table: its rows have no DN", bag.name)))
        }
    }
}

fn check_touched(bag: &Bag, touched: usize, required: bool) -> Result<Report, StoreError> {
    if touched == 0 && required {
        return Err(StoreError::NotFound { bag: bag.name.clone() });
    }
    Ok(Report::new())
}

fn report_of(row: &Row, report: &[FieldId]) -> Report {
    report.iter().map(|field| row.all(*field).to_vec()).collect()
}
