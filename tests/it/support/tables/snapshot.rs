//! All that lies in a database, byte for byte, and what has changed between two such looks.

use std::collections::BTreeMap;

use super::{Kind, Tables};

/// Each row of each table, by its primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<(String, String, usize), Columns>);

type Columns = BTreeMap<String, Option<Cell>>;

/// A value: SQLite's type of it (a blank elsewhere), and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell(char, Vec<u8>);

impl Snapshot {
    pub(super) fn take(tables: &Tables) -> Self {
        let mut rows = BTreeMap::new();
        for table in tables.query(tables.kind.tables()).into_iter().flatten() {
            let columns: Vec<String> =
                tables.query(&tables.kind.columns(&table)).into_iter().flatten().collect();
            let key: Vec<String> = tables.query(&tables.kind.key(&table)).into_iter().flatten().collect();
            let cells: Vec<String> = columns.iter().map(|column| tables.kind.cell(column)).collect();
            let select = match tables.kind {
                Kind::MariaDb => format!("select concat_ws(',', {}) as v from {table}", cells.join(", ")),
                _ => format!("select {} as v from {table}", cells.join(" || ',' || ")),
            };
            for line in tables.query(&select).into_iter().flatten() {
                let row: Columns = columns.iter().cloned().zip(line.split(',').map(Cell::parse)).collect();
                let named: Vec<String> = key.iter().map(|column| show(row[column].as_ref())).collect();
                let name = if key.is_empty() { whole(&row) } else { named.join(",") };
                let table = table.trim_matches(['"', '`']).trim_start_matches("public.").to_owned();
                // Rows without a key may be there several times.
                let nth = (0..).find(|n| !rows.contains_key(&(table.clone(), name.clone(), *n))).unwrap();
                rows.insert((table, name, nth), row);
            }
        }
        Self(rows)
    }

    /// The tables that have rows.
    pub(crate) fn tables(&self) -> std::collections::BTreeSet<String> {
        self.0.keys().map(|(table, ..)| table.clone()).collect()
    }

    /// Number of rows in the tables that are asked for.
    pub(crate) fn count(&self, wanted: &dyn Fn(&str) -> bool) -> usize {
        self.0.keys().filter(|(table, ..)| wanted(table)).count()
    }

    /// One line for each row or value that is not as it was: `+ table[key]`, `- table[key]`,
    /// `table[key].column: old → new`. A row without a key is named by what it holds.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, old) in &before.0 {
            let Some(new) = self.0.get(place) else {
                lines.push(format!("- {}", name(place)));
                continue;
            };
            for (column, was) in old {
                let now = new.get(column).and_then(Option::as_ref);
                if was.as_ref() != now {
                    let (was, now) = (show(was.as_ref()), show(now));
                    lines.push(format!("{}.{column}: {was} → {now}", name(place)));
                }
            }
        }
        let added = self.0.iter().filter(|(place, _)| !before.0.contains_key(*place));
        lines.extend(added.map(|(place, _)| format!("+ {}", name(place))));
        lines
    }

    /// Every row as a line.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(place, row)| format!("{}: {}", place.0, whole(row))).collect()
    }
}

fn name((table, key, _): &(String, String, usize)) -> String {
    format!("{table}[{key}]")
}

fn whole(row: &Columns) -> String {
    let cells: Vec<String> =
        row.iter().map(|(column, cell)| format!("{column}={}", show(cell.as_ref()))).collect();
    cells.join(", ")
}

/// Text as it is, other bytes as digits, NULL as a sign of its own.
fn show(cell: Option<&Cell>) -> String {
    match cell {
        None => "∅".to_owned(),
        Some(Cell(_, bytes)) => {
            String::from_utf8(bytes.clone()).unwrap_or_else(|_| format!("x'{}'", hex::encode(bytes)))
        }
    }
}

impl Cell {
    fn parse(text: &str) -> Option<Self> {
        let kind = text.chars().next()?;
        (kind != '-').then(|| Self(kind, hex::decode(&text[1..]).unwrap()))
    }
}

impl Kind {
    fn tables(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "select '\"' || name || '\"' as v from sqlite_master where type = 'table' and name not like 'sqlite%'"
            }
            Self::Postgres => {
                "select format('%I.%I', table_schema, table_name) as v from information_schema.tables \
                 where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
            }
            Self::MariaDb => {
                "select concat('`', table_name, '`') as v from information_schema.tables \
                 where table_schema = database() and table_type = 'BASE TABLE'"
            }
        }
    }

    fn columns(self, table: &str) -> String {
        match self {
            Self::Sqlite => format!("select name as v from pragma_table_info({})", quoted(table)),
            Self::Postgres => format!(
                "select attname::text as v from pg_attribute where attrelid = '{table}'::regclass \
                 and attnum > 0 and not attisdropped order by attnum"
            ),
            Self::MariaDb => format!(
                "select column_name as v from information_schema.columns where table_schema = database() \
                 and table_name = {} order by ordinal_position",
                quoted(table)
            ),
        }
    }

    fn key(self, table: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("select name as v from pragma_table_info({}) where pk > 0 order by pk", quoted(table))
            }
            Self::Postgres => format!(
                "select a.attname::text as v from pg_index i join pg_attribute a on a.attrelid = i.indrelid \
                 and a.attnum = any(i.indkey) where i.indrelid = '{table}'::regclass and i.indisprimary \
                 order by array_position(i.indkey::int2[], a.attnum)"
            ),
            Self::MariaDb => format!(
                "select column_name as v from information_schema.key_column_usage where table_schema = database() \
                 and constraint_name = 'PRIMARY' and table_name = {} order by ordinal_position",
                quoted(table)
            ),
        }
    }

    /// A column's value as a letter and digits, `-` for NULL.
    fn cell(self, column: &str) -> String {
        let inner = column.replace('"', "\"\"");
        match self {
            Self::Sqlite => {
                let it = format!("\"{inner}\"");
                format!("iif({it} is null, '-', substr(typeof({it}), 1, 1) || hex({it}))")
            }
            Self::Postgres => {
                format!("coalesce('_' || encode(convert_to(\"{inner}\"::text, 'UTF8'), 'hex'), '-')")
            }
            Self::MariaDb => format!("ifnull(concat('_', hex(concat(`{column}`))), '-')"),
        }
    }
}

/// The name between quotes as a text of SQL.
fn quoted(table: &str) -> String {
    format!("'{}'", table.trim_matches(['"', '`']))
}
