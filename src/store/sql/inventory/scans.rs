//! Which tables a statement is answered from without an index, by the word of
//! the database's own planner. Small tables are read from end to end in any
//! case, so each database is asked what it could do, not what it would.

use crate::store::{
    Select,
    sql::{
        catalogue::Catalogue,
        dialect::{Dialect, Flavour},
        error::Failure,
        inventory::{Line, each},
        read,
        statement::Sql,
    },
};

/// Tables, or our short names of them, that the selection reads from end to end.
pub(super) fn scans(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    select: &Select,
) -> Result<Vec<String>, Failure> {
    let statement = read::statement_of(connection, catalogue, select)?;
    match connection.flavour() {
        Flavour::Sqlite => {
            let lines = explained(connection, "EXPLAIN QUERY PLAN ", &statement, |line| line.text(3))?;
            // `SCAN t0`, but not `SCAN t0 USING COVERING INDEX`, which has no key to look for either.
            let scan = |line: &String| Some(line.strip_prefix("SCAN ")?.split(' ').next()?.to_owned());
            Ok(lines.iter().filter_map(scan).collect())
        }
        Flavour::Postgres => {
            connection.begin()?;
            let plan = planned(connection, &statement);
            // The setting goes with the transaction.
            connection.roll_back()?;
            let scan = |line: &String| {
                let (_, rest) = line.split_once("Seq Scan on ")?;
                Some(rest.split(' ').next()?.trim_matches('"').to_owned())
            };
            Ok(plan?.iter().filter_map(scan).collect())
        }
        Flavour::Mysql => {
            let lines = explained(connection, "EXPLAIN ", &statement, |line| {
                (line.text(2), line.some(5), line.text(3))
            })?;
            // Without a table nothing is read: the planner found out by an index that there is nothing.
            let is_scan = |(table, keys, kind): &(String, Option<String>, String)| {
                !table.is_empty() && keys.is_none() && !matches!(kind.as_str(), "" | "const" | "system")
            };
            Ok(lines.into_iter().filter(|l| is_scan(l) && !l.0.starts_with('<')).map(|l| l.0).collect())
        }
    }
}

fn planned(connection: &mut dyn Dialect, statement: &Sql) -> Result<Vec<String>, Failure> {
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw("SELECT set_config('enable_seqscan', 'off', true)");
    connection.rows(&sql)?;
    explained(connection, "EXPLAIN ", statement, |line| line.text(0))
}

fn explained<T>(
    connection: &mut dyn Dialect,
    word: &'static str,
    statement: &Sql,
    make: impl Fn(&Line<'_>) -> T,
) -> Result<Vec<T>, Failure> {
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw(word).append(statement);
    each(connection, &sql, make)
}
