//! New rows. An insert that may meet a row of somebody else runs in a savepoint.

use crate::store::{
    Bag, FieldId, Predicate, Report, StoreError, holds,
    sql::{
        bind::push_cell,
        catalogue::{Scene, table_name},
        dialect::Flavour,
        error::Failure,
        read::{push_columns, read_row},
        statement::{Bind, Sql},
        write::{
            Cells, Lock, Writer,
            blame::{Written, blame},
            report_of, script,
        },
    },
};

impl Writer<'_> {
    /// Inserts a row unless one with the same cells is there.
    pub(super) fn insert_once(
        &mut self,
        bag: &Bag,
        cells: &Cells,
        report: &[FieldId],
    ) -> Result<Report, Failure> {
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
    pub(super) fn insert_unless_taken(
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

    pub(super) fn insert(&mut self, bag: &Bag, cells: &Cells, report: &[FieldId]) -> Result<Report, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[])?;
        let flavour = self.connection.flavour();
        let mut written: Vec<Written<'_>> = Vec::new();
        for (field, values) in cells {
            let (_, column) = scene.column(bag, *field)?;
            // Nothing, for a column that needs something, is the column's default.
            if !values.is_empty() || (column.nullable && !column.generated) {
                written.push((column, values.as_slice()));
            }
        }
        let mut sql = Sql::new();
        let table = table_name(bag)?;
        sql.raw("INSERT INTO ").table(table);
        if written.is_empty() && flavour != Flavour::Mysql {
            sql.raw(" DEFAULT VALUES");
        } else {
            sql.raw(" (").list(&written, ", ", |sql, (column, _)| {
                sql.ident(&column.name);
            });
            sql.raw(") VALUES (");
            for (index, (column, values)) in written.iter().enumerate() {
                sql.raw(if index > 0 { ", " } else { "" });
                push_cell(&mut sql, flavour, column, values)
                    .map_err(|refused| blame(refused.into(), table, &written))?;
            }
            sql.raw(")");
        }
        if report.is_empty() || flavour == Flavour::Mysql {
            self.connection.execute(&sql).map_err(|failure| blame(failure, table, &written))?;
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
        let rows = self.connection.rows(&sql).map_err(|failure| blame(failure, table, &written))?;
        let cells = rows.into_iter().next().unwrap_or_default();
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
}
