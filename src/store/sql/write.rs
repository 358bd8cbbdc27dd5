//! Writing: the steps of one call in one transaction.
//!
//! Every UPDATE and DELETE repeats the bag's scope, so that a row that stopped
//! being ours between reading and writing is not touched. An insert that may
//! meet a row of somebody else runs in a savepoint: PostgreSQL would spoil the
//! whole transaction otherwise.

mod archive;
pub(super) mod script;

use crate::store::{
    Bag, Change, Expected, FieldId, Predicate, Report, Row, Step, StoreError, Target, Value, cell_values,
    holds,
    sql::{
        bind::push_cell,
        catalogue::{Catalogue, Scene, table_name},
        dialect::{Dialect, Flavour},
        error::{Cure, Failure},
        predicate::{Env, OUTER},
        read::{finish, push_columns, read_row},
        statement::{Bind, Sql},
    },
    step::reopenable,
};

/// Applies steps, all or none.
pub(super) fn apply(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    steps: &[Step],
) -> Result<Vec<Report>, Failure> {
    connection.begin()?;
    let mut writer = Writer { connection, catalogue, steps, reports: Vec::new() };
    match writer.run() {
        Ok(()) => {
            let reports = std::mem::take(&mut writer.reports);
            connection.commit().map_err(|failure| match failure.cure {
                Cure::Reconnect => {
                    let said = format!("{}; whether the change was made is unknown", failure.error);
                    Failure { error: StoreError::Unavailable(said), cure: Cure::Abandon }
                }
                _ => failure,
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
    fn run(&mut self) -> Result<(), Failure> {
        for step in self.steps {
            let report = self.step(step)?;
            self.reports.push(report);
        }
        Ok(())
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

    /// Copies a row, with the columns that the mapping does not name, too.
    fn copy(&mut self, bag: &Bag, predicate: &Predicate, cells: &Cells) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, &scene);
        let mut given = Vec::new();
        for (field, values) in cells {
            given.push((scene.column(bag, *field)?.1, values));
        }
        let table = table_name(bag)?;
        let columns = self.catalogue.known(table).unwrap_or_default();
        let columns: Vec<_> = columns.columns.iter().filter(|c| !c.generated).collect();
        let mut sql = Sql::new();
        sql.raw("INSERT INTO ").table(table).raw(" (").list(&columns, ", ", |sql, column| {
            sql.ident(&column.name);
        });
        sql.raw(") SELECT ");
        for (index, column) in columns.iter().enumerate() {
            sql.raw(if index > 0 { ", " } else { "" });
            match given.iter().find(|(c, _)| c.name == column.name) {
                Some((column, values)) => push_cell(&mut sql, flavour, column, values)?,
                None => {
                    sql.ident(OUTER).raw(".").ident(&column.name);
                }
            }
        }
        sql.raw(" FROM ").table(table).raw(" AS ").ident(OUTER);
        env.restrict(&mut sql, bag, predicate)?;
        finish(&mut sql, flavour, predicate)?;
        self.connection.execute(&sql)
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

    /// Inserts a row unless one with the same cells is there.
    fn insert_once(&mut self, bag: &Bag, cells: &Cells, report: &[FieldId]) -> Result<Report, Failure> {
        let same = cells.iter().fold(Predicate::True, |all, (field, values)| all.and(holds(*field, values)));
        if self.connection.flavour() == Flavour::Postgres {
            self.lock_cells(bag, cells)?;
        }
        match self.first(bag, &same, report, Lock::Yes)? {
            Some(row) => Ok(report_of(&row, report)),
            None => self.insert_unless_taken(bag, cells, report, &same),
        }
    }

    /// PostgreSQL locks no rows that are not there yet. Writers of the same cells wait for each
    /// other here until the transaction ends.
    fn lock_cells(&mut self, bag: &Bag, cells: &Cells) -> Result<(), Failure> {
        let mut key = table_name(bag)?.to_owned();
        for (field, values) in cells {
            key.push('\u{1f}');
            key.push_str(bag.field_name(*field));
            values.iter().for_each(|v| key.push_str(&format!("={}", v.to_text())));
        }
        if key.contains('\0') {
            return Ok(());
        }
        let mut sql = Sql::new();
        sql.raw("SELECT CAST(pg_advisory_xact_lock(hashtextextended(CAST(").bind(Bind::text(key));
        sql.raw(" AS text), 0)) AS text)");
        self.connection.rows(&sql).map(|_| ())
    }

    /// Inserts a row; if somebody else was faster, reports theirs.
    fn insert_unless_taken(
        &mut self,
        bag: &Bag,
        cells: &Cells,
        report: &[FieldId],
        same: &Predicate,
    ) -> Result<Report, Failure> {
        self.connection.begin()?;
        match self.insert(bag, cells, report) {
            Ok(report) => {
                self.connection.commit()?;
                Ok(report)
            }
            Err(failure) if matches!(failure.error, StoreError::AlreadyExists { .. }) => {
                self.connection.roll_back()?;
                match self.first(bag, same, report, Lock::Yes)? {
                    Some(row) => Ok(report_of(&row, report)),
                    None => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    fn insert(&mut self, bag: &Bag, cells: &Cells, report: &[FieldId]) -> Result<Report, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[])?;
        let flavour = self.connection.flavour();
        let mut written = Vec::new();
        for (field, values) in cells {
            let (_, column) = scene.column(bag, *field)?;
            // Nothing, for a column that needs something, is the column's default.
            if !values.is_empty() || (column.nullable && !column.generated) {
                written.push((column, values));
            }
        }
        let mut sql = Sql::new();
        sql.raw("INSERT INTO ").table(table_name(bag)?);
        if written.is_empty() && flavour != Flavour::Mysql {
            sql.raw(" DEFAULT VALUES");
        } else {
            sql.raw(" (").list(&written, ", ", |sql, (column, _)| {
                sql.ident(&column.name);
            });
            sql.raw(") VALUES (");
            for (index, (column, values)) in written.iter().enumerate() {
                sql.raw(if index > 0 { ", " } else { "" });
                push_cell(&mut sql, flavour, column, values)?;
            }
            sql.raw(")");
        }
        if report.is_empty() || flavour == Flavour::Mysql {
            self.connection.execute(&sql)?;
            return if self.connection.pretends() {
                script::pretended(&scene, bag, report)
            } else if report.is_empty() {
                Ok(Report::new())
            } else {
                self.inserted(&scene, bag, cells, report)
            };
        }
        sql.raw(" RETURNING ");
        push_columns(&mut sql, flavour, &scene, bag, report, None)?;
        let cells = self.connection.rows(&sql)?.into_iter().next().unwrap_or_default();
        if self.connection.pretends() {
            return script::pretended(&scene, bag, report);
        }
        Ok(report_of(&read_row(&scene, bag, report, cells)?, report))
    }

    /// MySQL: reads the row just inserted, found by its generated number or its key.
    fn inserted(
        &mut self,
        scene: &Scene,
        bag: &Bag,
        cells: &Cells,
        report: &[FieldId],
    ) -> Result<Report, Failure> {
        let given = |field: FieldId| cells.iter().find(|(f, v)| *f == field && !v.is_empty()).map(|(_, v)| v);
        let mut generated = None;
        for field in 0..bag.fields.len() {
            if given(field).is_none() && scene.column(bag, field).is_ok_and(|(_, c)| c.generated) {
                let mut sql = Sql::new();
                sql.raw("SELECT LAST_INSERT_ID()");
                let id =
                    self.connection.rows(&sql)?.into_iter().next().and_then(|row| row.into_iter().next());
                generated = Some((field, id.unwrap_or_default()));
            }
        }
        let known = |field: FieldId| match &generated {
            Some((id, values)) if *id == field => Some(values),
            _ => given(field),
        };
        if report.iter().all(|field| known(*field).is_some()) {
            return Ok(report.iter().map(|field| known(*field).cloned().unwrap_or_default()).collect());
        }
        let mut this = match &generated {
            Some((field, values)) => holds(*field, values),
            None => Predicate::False,
        };
        if generated.is_none() && !bag.key.is_empty() {
            let key: Option<Vec<Predicate>> =
                bag.key.iter().map(|field| known(*field).map(|values| holds(*field, values))).collect();
            this = key.map_or(Predicate::False, Predicate::All);
        }
        let row = self.first(&Bag { scope: Predicate::True, ..bag.clone() }, &this, report, Lock::No)?;
        let row = row.ok_or_else(|| {
            StoreError::Unsupported(format!(
                "{}: MySQL does not report what it filled in, and the new row's key is not known",
                bag.name
            ))
        })?;
        Ok(report_of(&row, report))
    }

    fn update(&mut self, bag: &Bag, predicate: &Predicate, changes: &Cells) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        if changes.is_empty() {
            let is_there = self.first(bag, predicate, &[], Lock::No)?.is_some();
            return Ok(usize::from(is_there || self.connection.pretends()));
        }
        let mut sql = Sql::new();
        sql.raw("UPDATE ").table(table_name(bag)?).raw(" AS ").ident(OUTER).raw(" SET ");
        for (index, (field, values)) in changes.iter().enumerate() {
            let (_, column) = scene.column(bag, *field)?;
            sql.raw(if index > 0 { ", " } else { "" });
            sql.ident(&column.name).raw(" = ");
            push_cell(&mut sql, flavour, column, values)?;
        }
        self.restrict(&mut sql, &scene, bag, predicate)?;
        self.connection.execute(&sql)
    }

    fn delete(&mut self, bag: &Bag, predicate: &Predicate) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let mut sql = Sql::new();
        sql.raw("DELETE ");
        if self.connection.flavour() == Flavour::Mysql {
            sql.ident(OUTER).raw(" ");
        }
        sql.raw("FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
        self.restrict(&mut sql, &scene, bag, predicate)?;
        self.connection.execute(&sql)
    }

    /// Writes the condition of an UPDATE or DELETE.
    fn restrict(
        &self,
        sql: &mut Sql,
        scene: &Scene,
        bag: &Bag,
        predicate: &Predicate,
    ) -> Result<(), Failure> {
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, scene);
        let table = table_name(bag)?;
        let looks_at_itself = mentions(predicate, table) || mentions(&bag.scope, table);
        if flavour == Flavour::Mysql && looks_at_itself {
            // MySQL reads no table that it writes, except through a derived one.
            push_key(sql, scene, bag, Some(OUTER))?;
            sql.raw(" IN (SELECT * FROM (SELECT ");
            push_columns(sql, flavour, scene, bag, &bag.key, Some(OUTER))?;
            sql.raw(" FROM ").table(table).raw(" AS ").ident(OUTER);
            env.restrict(sql, bag, predicate)?;
            sql.raw(") AS ").ident("found").raw(")");
        } else {
            env.restrict(sql, bag, predicate)?;
        }
        Ok(finish(sql, flavour, predicate)?)
    }
}

/// Writes ` WHERE (key columns)`.
fn push_key(sql: &mut Sql, scene: &Scene, bag: &Bag, alias: Option<&str>) -> Result<(), Failure> {
    if bag.key.is_empty() {
        let said = format!("{} has no key, and its condition looks at its own table", bag.name);
        return Err(StoreError::Unsupported(said).into());
    }
    sql.raw(" WHERE (");
    push_columns(sql, Flavour::Mysql, scene, bag, &bag.key, alias)?;
    sql.raw(")");
    Ok(())
}

/// Whether a predicate looks at rows of a table.
fn mentions(predicate: &Predicate, table: &str) -> bool {
    match predicate {
        Predicate::True
        | Predicate::False
        | Predicate::Field(..)
        | Predicate::Clock(..)
        | Predicate::Pair(..) => false,
        Predicate::All(list) | Predicate::Any(list) => list.iter().any(|p| mentions(p, table)),
        Predicate::Not(inner) => mentions(inner, table),
        Predicate::Exists(related) => {
            table_name(&related.bag).is_ok_and(|name| name == table)
                || mentions(&related.bag.scope, table)
                || mentions(&related.predicate, table)
        }
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
