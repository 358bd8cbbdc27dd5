//! Steps as statements, for people to read: a connection that notes what it is
//! told to run, and runs nothing but questions about columns.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{
    Bag, FieldId, Report, Step, Value,
    sql::{
        catalogue::{Catalogue, Class, Scene, Table},
        dialect::{Dialect, Flavour, Session},
        error::Failure,
        statement::Sql,
        write::Writer,
    },
};

/// The statements of each step, values as `?`.
pub(in crate::store::sql) fn shown(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    steps: &[Step],
) -> Result<Vec<Vec<String>>, Failure> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let mut script = Script { inner: connection, lines: Arc::clone(&lines) };
    let mut writer = Writer { connection: &mut script, catalogue, steps, reports: Vec::new() };
    let mut all = Vec::new();
    for step in steps {
        let report = writer.step(step)?;
        writer.reports.push(report);
        all.push(std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner)));
    }
    Ok(all)
}

/// What a step reports that was not run: a value of the column's type for each field.
pub(super) fn pretended(scene: &Scene, bag: &Bag, report: &[FieldId]) -> Result<Report, Failure> {
    let value = |field: &FieldId| {
        let (_, column) = scene.column(bag, *field)?;
        Ok(vec![match column.class {
            Class::Uuid => Value::from("00000000-0000-0000-0000-000000000000"),
            Class::Date | Class::Time | Class::ZonedTime => Value::Time(time::OffsetDateTime::UNIX_EPOCH),
            Class::Bool => Value::Bool(false),
            Class::Bytes => Value::Bytes(Vec::new()),
            _ => Value::Int(0),
        }])
    };
    report.iter().map(value).collect()
}

/// A connection that runs nothing.
struct Script<'c> {
    inner: &'c mut dyn Dialect,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Script<'_> {
    fn note(&self, sql: &Sql) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(sql.shown());
    }
}

impl Dialect for Script<'_> {
    fn flavour(&self) -> Flavour {
        self.inner.flavour()
    }

    fn prepare(&mut self, _: &Session) -> Result<(), Failure> {
        Ok(())
    }

    fn rows(&mut self, sql: &Sql) -> Result<Vec<Vec<Vec<Value>>>, Failure> {
        self.note(sql);
        Ok(Vec::new())
    }

    fn execute(&mut self, sql: &Sql) -> Result<usize, Failure> {
        self.note(sql);
        Ok(1)
    }

    fn begin(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn roll_back(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn roll_back_all(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn ping(&mut self) -> Result<(), Failure> {
        self.inner.ping()
    }

    fn is_broken(&mut self) -> bool {
        self.inner.is_broken()
    }

    fn describe(&mut self, table: &str) -> Result<Option<Table>, Failure> {
        self.inner.describe(table)
    }

    fn version(&mut self) -> Result<String, Failure> {
        self.inner.version()
    }

    fn pretends(&self) -> bool {
        true
    }
}
