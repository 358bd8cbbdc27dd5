//! Reads from a database's catalogue what [`inventory`](crate::store::inventory)
//! holds, and asks the planner which tables it would read from end to end.
//!
//! Nothing is written, and no row is read but to see whether there is one.

mod checks;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod scans;
#[cfg(feature = "sqlite")]
mod sqlite;

use crate::store::{
    Select, Value,
    inventory::{ColumnFacts, Finding, ForeignKey, Holds, Index, Indexed, Inventory, Probe, TableFacts},
    sql::{
        catalogue::{Catalogue, Class, Column},
        dialect::{Dialect, Flavour},
        error::{Cure, Failure},
        predicate::is_caseless,
        read,
        statement::Sql,
    },
};

/// What separates the items of a list in one text of ours.
const SEPARATOR: char = '\u{1f}';

/// Reads the facts of these tables.
pub(super) fn take(connection: &mut dyn Dialect, tables: &[String]) -> Result<Inventory, Failure> {
    match connection.flavour() {
        #[cfg(feature = "sqlite")]
        Flavour::Sqlite => sqlite::take(connection, tables),
        #[cfg(feature = "postgres")]
        Flavour::Postgres => postgres::take(connection, tables),
        #[cfg(feature = "mysql")]
        Flavour::Mysql => mysql::take(connection, tables),
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        _ => Ok(Inventory::default()),
    }
}

/// Answers questions about rows and plans. What the database refuses is unknown; a lost connection is not.
pub(super) fn probe(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    probes: &[Probe],
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for probe in probes {
        let answer = match probe {
            Probe::Rows(bag, predicate) => {
                let select = Select {
                    bag: bag.clone(),
                    predicate: predicate.clone(),
                    fields: Vec::new(),
                    order: Vec::new(),
                    offset: 0,
                    limit: Some(2),
                };
                read::select_cells(connection, catalogue, &select).map(|rows| Finding::Rows(rows.len()))
            }
            Probe::Sample(select) => read::select_cells(connection, catalogue, select).map(|rows| {
                Finding::Sample(rows.into_iter().filter_map(|row| row.into_iter().next()).collect())
            }),
            Probe::Scans(select) => scans::scans(connection, catalogue, select).map(Finding::Scans),
        };
        findings.push(match answer {
            Ok(finding) => finding,
            Err(failure) if failure.cure == Cure::Reconnect => return Err(failure),
            Err(_) => Finding::Unknown,
        });
    }
    Ok(findings)
}

/// A row of a catalogue.
struct Line<'a>(&'a [Vec<Value>]);

impl Line<'_> {
    /// A text; empty for NULL. Some servers send the texts of their catalogue as bytes.
    fn text(&self, index: usize) -> String {
        match self.0.get(index).and_then(|cell| cell.first()) {
            Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            Some(value) => value.to_text(),
            None => String::new(),
        }
    }

    /// A text; `None` for NULL.
    fn some(&self, index: usize) -> Option<String> {
        self.0.get(index)?.first()?;
        Some(self.text(index))
    }

    fn is(&self, index: usize) -> bool {
        ["true", "1", "yes", "t"].iter().any(|yes| self.text(index).eq_ignore_ascii_case(yes))
    }

    fn number(&self, index: usize) -> Option<u64> {
        self.text(index).parse().ok()
    }

    /// A list that we had the server put together.
    fn list(&self, index: usize) -> Vec<String> {
        let text = self.text(index);
        if text.is_empty() { Vec::new() } else { text.split(SEPARATOR).map(str::to_owned).collect() }
    }
}

/// Runs a query for each row of whose answer something is made.
fn each<T>(
    connection: &mut dyn Dialect,
    sql: &Sql,
    make: impl Fn(&Line<'_>) -> T,
) -> Result<Vec<T>, Failure> {
    Ok(connection.rows(sql)?.iter().map(|row| make(&Line(row))).collect())
}

/// What the store's own catalogue knows of a column already.
fn facts(column: &Column) -> ColumnFacts {
    ColumnFacts {
        name: column.name.clone(),
        holds: match column.class {
            Class::Text => Holds::Text,
            Class::Int => Holds::Int,
            Class::Bool => Holds::Bool,
            Class::Decimal | Class::Float => Holds::Number,
            Class::Date => Holds::Date,
            Class::Time => Holds::Time,
            Class::ZonedTime => Holds::Instant,
            Class::Bytes => Holds::Bytes,
            Class::Uuid => Holds::Uuid,
            Class::Other => Holds::Other,
            Class::Texts => Holds::Texts,
            Class::Untyped => Holds::Anything,
        },
        type_name: column.type_name.clone(),
        nullable: column.nullable,
        caseless: column.class == Class::Text && is_caseless(&column.collation),
        collation: column.collation.clone(),
        ..ColumnFacts::default()
    }
}

/// Puts the columns of an index, which come one a line, together.
fn index_of(lines: Vec<(Index, Indexed)>) -> Vec<Index> {
    let mut all: Vec<Index> = Vec::new();
    for (index, column) in lines {
        match all.iter_mut().find(|i| i.name == index.name) {
            Some(known) => known.columns.push(column),
            None => all.push(Index { columns: vec![column], ..index }),
        }
    }
    all
}

/// Likewise for foreign keys whose columns come one a line.
fn keys_of(lines: Vec<(ForeignKey, String, String)>) -> Vec<ForeignKey> {
    let mut all: Vec<ForeignKey> = Vec::new();
    for (key, column, target) in lines {
        let same = |k: &&mut ForeignKey| k.name == key.name && k.table == key.table;
        match all.iter_mut().find(same) {
            Some(known) => {
                known.columns.push(column);
                known.targets.push(target);
            }
            None => all.push(ForeignKey { columns: vec![column], targets: vec![target], ..key }),
        }
    }
    all
}

/// Notes the texts that CHECKs leave to columns.
fn restrict(table: &mut TableFacts, checks: &[(String, String)]) {
    for (name, expression) in checks {
        if !name.is_empty() {
            table.checks.push(name.clone());
        }
        let Some(texts) = checks::listed(expression) else { continue };
        let mentioned = |column: &&mut ColumnFacts| checks::mentions(expression, &column.name);
        let mut columns: Vec<&mut ColumnFacts> = table.columns.iter_mut().filter(mentioned).collect();
        if let [column] = columns.as_mut_slice() {
            column.allowed.get_or_insert(texts);
        }
    }
}
