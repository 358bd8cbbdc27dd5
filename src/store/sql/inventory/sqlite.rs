//! SQLite: pragmas, and the texts of `sqlite_schema`.

use crate::store::{
    inventory::{Filled, ForeignKey, Index, Indexed, Inventory, Product, TableFacts, View},
    sql::{
        dialect::Dialect,
        error::Failure,
        inventory::{Line, checks, each, facts, index_of, keys_of, restrict},
        statement::{Bind, Sql},
    },
};

pub(super) fn take(connection: &mut dyn Dialect, tables: &[String]) -> Result<Inventory, Failure> {
    let mut inventory = Inventory { product: Product::Sqlite, ..Inventory::default() };
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw("SELECT encoding FROM pragma_encoding");
    for encoding in each(connection, &sql, |line| line.text(0))? {
        inventory.settings.insert("encoding".to_owned(), encoding);
    }
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw("SELECT name FROM pragma_pragma_list");
    for name in each(connection, &sql, |line| line.text(0))? {
        inventory.settings.entry(name).or_default();
    }
    let mut sql = Sql::new();
    sql.raw("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name");
    inventory.names = each(connection, &sql, |line| line.text(0))?;
    for name in tables {
        if let Some(table) = table(connection, name, &inventory.names)? {
            inventory.tables.insert(name.clone(), table);
        }
    }
    Ok(inventory)
}

/// A pragma as a table: `SELECT columns FROM pragma(name)`.
fn pragma(select: &'static str, name: &str) -> Sql {
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw(select).bind(Bind::text(name.rsplit('.').next().unwrap_or(name))).raw(")");
    sql
}

fn table(connection: &mut dyn Dialect, name: &str, names: &[String]) -> Result<Option<TableFacts>, Failure> {
    let Some(known) = connection.describe(name)? else { return Ok(None) };
    let mut table = TableFacts { may_delete: true, ..TableFacts::default() };
    table.columns = known.columns.iter().map(facts).collect();
    let sql = pragma("SELECT name, dflt_value, hidden, pk FROM pragma_table_xinfo(", name);
    let keys = each(connection, &sql, |line| (line.text(0), line.some(1), line.text(2), line.number(3)))?;
    for (column, default, hidden, _) in &keys {
        if let Some(column) = table.columns.iter_mut().find(|c| c.name == *column) {
            column.default = default.clone();
            let counts = known.columns.iter().any(|c| c.name == column.name && c.generated);
            column.filled = match (hidden.as_str(), counts) {
                ("2" | "3", _) => Filled::Computed,
                (_, true) => Filled::Counted,
                _ => Filled::Written,
            };
        }
    }
    let mut key: Vec<(u64, String)> =
        keys.into_iter().filter_map(|(c, _, _, pk)| Some((pk.filter(|n| *n > 0)?, c))).collect();
    key.sort();
    read_schema(connection, name, &mut table)?;
    table.indexes = indexes(connection, name, &table)?;
    if !key.is_empty() && !table.indexes.iter().any(|i| i.primary) {
        let column = |(_, column): (u64, String)| Indexed {
            caseless: table.find(&column).is_some_and(|c| c.caseless),
            column,
        };
        let columns = key.into_iter().map(column).collect();
        table.indexes.push(Index {
            name: "primary key".to_owned(),
            columns,
            unique: true,
            primary: true,
            partial: false,
        });
    }
    table.foreign_keys = foreign_keys(connection, name)?;
    for other in names.iter().filter(|n| !n.eq_ignore_ascii_case(name)) {
        let keys = foreign_keys(connection, other)?;
        let mine = keys.into_iter().filter(|k| k.table.eq_ignore_ascii_case(name));
        table.referred_by.extend(mine.map(|k| ForeignKey { table: other.clone(), ..k }));
    }
    Ok(Some(table))
}

/// What only the text of the table's own statement tells: CHECKs, collations, deferred keys; and triggers.
fn read_schema(connection: &mut dyn Dialect, name: &str, table: &mut TableFacts) -> Result<(), Failure> {
    let mut sql = Sql::new();
    sql.raw("SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ")
        .bind(Bind::text(name))
        .raw(" COLLATE NOCASE");
    for (kind, object, text) in each(connection, &sql, |line| (line.text(0), line.text(1), line.text(2)))? {
        match kind.as_str() {
            "view" => table.view = Some(View { insertable: false, updatable: false }),
            "trigger" => table.triggers.push(object),
            "table" => {
                let checks = checks_of(&text);
                restrict(table, &checks);
                for column in &mut table.columns {
                    column.caseless |= has_nocase(&text, &column.name);
                }
            }
            _ => {}
        }
    }
    // A view with INSTEAD OF triggers can be written.
    if let Some(view) = &mut table.view
        && !table.triggers.is_empty()
    {
        *view = View { insertable: true, updatable: true };
    }
    Ok(())
}

/// The CHECKs in the text of a statement, each with its name.
fn checks_of(statement: &str) -> Vec<(String, String)> {
    let lower = statement.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices("check") {
        let (Some(before), Some(after)) = (statement.get(..at), statement.get(at + 5..)) else { continue };
        let Some(inner) = after.trim_start().strip_prefix('(') else { continue };
        let mut depth = 1_usize;
        let mut quoted = false;
        let mut end = inner.len();
        for (index, c) in inner.char_indices() {
            match c {
                '\'' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                end = index;
                break;
            }
        }
        let mut words = before.split_whitespace().rev();
        let (name, word) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let name = if word.eq_ignore_ascii_case("constraint") { name } else { "" };
        found.push((name.trim_matches('"').to_owned(), inner.get(..end).unwrap_or_default().to_owned()));
    }
    found
}

/// True if the column's definition says `COLLATE NOCASE`.
fn has_nocase(statement: &str, column: &str) -> bool {
    let mut definitions = statement.split(['(', ',', '\n']).map(|d| d.trim().to_lowercase());
    let column = column.to_lowercase();
    definitions.any(|d| {
        let name = d.split_whitespace().next().unwrap_or_default().trim_matches(['"', '`', '[', ']']);
        name == column && d.contains("collate nocase")
    }) || {
        // A type with a length has a bracket of its own.
        let lower = statement.to_lowercase();
        lower.lines().any(|l| {
            let name = l.split_whitespace().next().unwrap_or_default().trim_matches(['"', '`', '[', ']']);
            name == column && l.contains("collate nocase")
        })
    }
}

fn indexes(connection: &mut dyn Dialect, name: &str, table: &TableFacts) -> Result<Vec<Index>, Failure> {
    let sql = pragma("SELECT name, \"unique\", origin, partial FROM pragma_index_list(", name);
    let list = each(connection, &sql, |line| Index {
        name: line.text(0),
        unique: line.is(1),
        primary: line.text(2) == "pk",
        partial: line.is(3),
        columns: Vec::new(),
    })?;
    let mut lines = Vec::new();
    for index in list {
        let sql = pragma("SELECT name, coll, key FROM pragma_index_xinfo(", &index.name);
        let columns = each(connection, &sql, |line| (line.text(0), line.text(1), line.is(2)))?;
        let mut texts = Sql::new();
        texts.raw("SELECT sql FROM sqlite_schema WHERE name = ").bind(Bind::text(&*index.name));
        let text = each(connection, &texts, |line: &Line<'_>| line.text(0))?.join(" ").to_lowercase();
        for (column, collation, _) in columns.into_iter().filter(|(_, _, key)| *key) {
            let is_lower = column.is_empty() && (text.contains("lower(") || text.contains("scim_fold("));
            let column = match column.is_empty() {
                true => mentioned(&text, table),
                false => column,
            };
            let caseless = is_lower || collation.eq_ignore_ascii_case("nocase");
            lines.push((index.clone(), Indexed { column, caseless }));
        }
    }
    Ok(index_of(lines))
}

/// The column that an expression of an index is about.
fn mentioned(text: &str, table: &TableFacts) -> String {
    let inner = text.split_once(" on ").map_or(text, |(_, rest)| rest);
    let found = table.columns.iter().find(|c| checks::mentions(inner, &c.name));
    found.map(|c| c.name.clone()).unwrap_or_default()
}

fn foreign_keys(connection: &mut dyn Dialect, name: &str) -> Result<Vec<ForeignKey>, Failure> {
    let sql = pragma("SELECT id, \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list(", name);
    let lines = each(connection, &sql, |line| {
        let key = ForeignKey {
            name: line.text(0),
            table: line.text(1),
            blocks: !matches!(line.text(4).as_str(), "CASCADE" | "SET NULL" | "SET DEFAULT"),
            ..ForeignKey::default()
        };
        (key, line.text(2), line.text(3))
    })?;
    let mut keys = keys_of(lines);
    let mut sql = Sql::new();
    sql.raw("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ").bind(Bind::text(name));
    let text = each(connection, &sql, |line| line.text(0))?.join(" ").to_lowercase();
    for key in &mut keys {
        key.name = String::new();
        // `REFERENCES other(…) … INITIALLY DEFERRED`, up to the next comma or the end of the line.
        let mark = format!("references {}", key.table.to_lowercase());
        let rest = text.replace('"', "");
        let rest = rest.split_once(&mark).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let clause = rest.split(['\n', ';']).next().unwrap_or_default();
        key.deferred = clause.contains("initially deferred");
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE t (\n  a varchar(3) COLLATE NOCASE NOT NULL,\n  b TEXT CHECK (b IN ('x', ')')),\n  \
         CONSTRAINT odd CHECK (length(a) > 1)\n)";

    #[test]
    fn checks_and_collations_stand_in_the_statement() {
        let found = checks_of(TABLE);
        assert_eq!(
            found,
            [("".into(), "b IN ('x', ')')".to_owned()), ("odd".into(), "length(a) > 1".to_owned())]
        );
        assert!(has_nocase(TABLE, "A") && !has_nocase(TABLE, "b"));
    }
}
