//! MySQL and MariaDB: `information_schema`.

use crate::store::{
    inventory::{
        ColumnFacts, Filled, ForeignKey, Holds, Index, Indexed, Inventory, Product, Rights, TableFacts, View,
    },
    sql::{
        dialect::Dialect,
        error::{Cure, Failure},
        inventory::{Line, each, facts, index_of, keys_of, restrict},
        statement::{Bind, Sql},
    },
};

pub(super) fn take(connection: &mut dyn Dialect, tables: &[String]) -> Result<Inventory, Failure> {
    let is_mariadb = connection.version()?.starts_with("MariaDB");
    let product = if is_mariadb { Product::MariaDb } else { Product::Mysql };
    let mut inventory = Inventory { product, ..Inventory::default() };
    let isolation = if is_mariadb { "@@tx_isolation" } else { "@@transaction_isolation" };
    let mut sql = query("SELECT @@session.sql_mode, @@session.time_zone, @@character_set_connection, ");
    sql.raw(isolation).raw(", @@foreign_key_checks");
    for values in each(connection, &sql, |line| [0, 1, 2, 3, 4].map(|i| line.text(i)))? {
        let names = ["sql_mode", "time_zone", "encoding", "isolation", "foreign_keys"];
        inventory.settings.extend(names.iter().map(|n| (*n).to_owned()).zip(values));
    }
    let names =
        query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1");
    inventory.names = each(connection, &names, |line| line.text(0))?;
    for name in tables {
        if let Some(table) = table(connection, name, is_mariadb)? {
            inventory.tables.insert(name.clone(), table);
        }
    }
    Ok(inventory)
}

fn query(text: &'static str) -> Sql {
    let mut sql = Sql::new();
    sql.uncached();
    sql.raw(text);
    sql
}

/// A query about one table: `text`, ` = schema AND name = table` and what follows.
fn about(text: &'static str, table: &str, name: &'static str, rest: &'static str) -> Sql {
    let (schema, table) = match table.split_once('.') {
        Some((schema, table)) => (Bind::text(schema), table),
        None => (Bind::Null, table),
    };
    let mut sql = query(text);
    sql.raw(" = COALESCE(").bind(schema).raw(", DATABASE()) AND ").raw(name).raw(" = ");
    sql.bind(Bind::text(table)).raw(rest);
    sql
}

const COLUMNS: &str = "SELECT column_name, column_type, character_maximum_length, column_default, extra, \
    privileges, character_set_name, data_type, numeric_precision, numeric_scale, is_nullable \
    FROM information_schema.columns WHERE table_schema";

fn table(connection: &mut dyn Dialect, name: &str, is_mariadb: bool) -> Result<Option<TableFacts>, Failure> {
    let Some(known) = connection.describe(name)? else { return Ok(None) };
    let mut table = TableFacts::default();
    let sql = about(COLUMNS, name, "table_name", " ORDER BY ordinal_position");
    for column in each(connection, &sql, |line| column(line, is_mariadb))? {
        let Some(base) = known.columns.iter().find(|c| c.name == column.name).map(facts) else { continue };
        table.columns.push(ColumnFacts {
            // A TIMESTAMP is an instant: the server turns it into the session's time zone.
            holds: if column.type_name.starts_with("timestamp") { Holds::Instant } else { base.holds },
            caseless: base.caseless,
            collation: base.collation,
            ..column
        });
    }
    let sql = about(
        "SELECT v.is_updatable FROM information_schema.views v WHERE v.table_schema",
        name,
        "v.table_name",
        "",
    );
    for writable in each(connection, &sql, |line| line.is(0))? {
        table.view = Some(View { insertable: writable, updatable: writable });
    }
    table.may_delete = may_delete(connection, name)?;
    let sql = about(
        "SELECT index_name, non_unique, column_name, collation FROM information_schema.statistics \
         WHERE table_schema",
        name,
        "table_name",
        " ORDER BY index_name, seq_in_index",
    );
    let lines = each(connection, &sql, |line| {
        let index = Index {
            primary: line.text(0) == "PRIMARY",
            name: line.text(0),
            unique: line.text(1) == "0",
            partial: false,
            columns: Vec::new(),
        };
        let caseless = table.find(&line.text(2)).is_some_and(|c| c.caseless);
        (index, Indexed { column: line.text(2), caseless })
    })?;
    table.indexes = index_of(lines);
    table.foreign_keys = keys_of(each(
        connection,
        &about(KEYS, name, "k.table_name", " ORDER BY k.constraint_name, k.ordinal_position"),
        |line| key(line, 1),
    )?);
    table.referred_by = keys_of(each(
        connection,
        &about(REFERRED, name, "k.referenced_table_name", " ORDER BY k.constraint_name, k.ordinal_position"),
        |line| key(line, 5),
    )?);
    checks(connection, name, &mut table, is_mariadb)?;
    let sql = about(
        "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema",
        name,
        "event_object_table",
        " ORDER BY trigger_name",
    );
    table.triggers = each(connection, &sql, |line| line.text(0))?;
    Ok(Some(table))
}

fn column(line: &Line<'_>, is_mariadb: bool) -> ColumnFacts {
    let (type_name, extra, privileges) = (line.text(1), line.text(4).to_lowercase(), line.text(5));
    let data_type = line.text(7).to_lowercase();
    let filled = match extra.as_str() {
        e if e.contains("auto_increment") => Filled::Counted,
        e if e.contains("virtual") || e.contains("stored") || e.contains("persistent") => Filled::Computed,
        _ => Filled::Written,
    };
    ColumnFacts {
        name: line.text(0),
        length: line.number(2),
        range: range(&data_type, &type_name, line.number(8), line.number(9)),
        nullable: line.is(10),
        // MariaDB spells a default as a statement does, MySQL the text itself.
        default: line
            .some(3)
            .map(|d| if is_mariadb || extra.contains("default_generated") { d } else { format!("'{d}'") }),
        filled,
        allowed: (data_type == "enum").then(|| labels(&type_name)),
        charset: line.text(6),
        rights: Rights {
            select: privileges.contains("select"),
            insert: privileges.contains("insert"),
            update: privileges.contains("update"),
        },
        type_name,
        ..ColumnFacts::default()
    }
}

/// The labels of `enum('a','b')`.
fn labels(type_name: &str) -> Vec<String> {
    super::checks::listed(&format!("x in {}", type_name.get(4..).unwrap_or_default())).unwrap_or_default()
}

fn range(
    data_type: &str,
    type_name: &str,
    precision: Option<u64>,
    scale: Option<u64>,
) -> Option<(i128, i128)> {
    let bits = match data_type {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        "decimal" => {
            let digits = u32::try_from(precision?.checked_sub(scale.unwrap_or_default())?).ok()?;
            let most = 10_i128.checked_pow(digits)? - 1;
            return Some((-most, most));
        }
        _ => return None,
    };
    Some(if type_name.contains("unsigned") {
        (0, (1_i128 << bits) - 1)
    } else {
        (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    })
}

/// True if any grant to the account covers deleting rows of the table. Roles are not looked into: an account
/// that has one is taken to be allowed.
fn may_delete(connection: &mut dyn Dialect, name: &str) -> Result<bool, Failure> {
    const ME: &str = "grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') \
        AND privilege_type = 'DELETE'";
    let mut sql = query("SELECT 1 FROM information_schema.user_privileges WHERE ");
    sql.raw(ME).raw(" UNION ALL SELECT 1 FROM information_schema.schema_privileges WHERE ").raw(ME);
    let (schema, table) = match name.split_once('.') {
        Some((schema, table)) => (Bind::text(schema), table),
        None => (Bind::Null, name),
    };
    sql.raw(" AND COALESCE(").bind(schema.clone()).raw(", DATABASE()) LIKE table_schema");
    sql.raw(" UNION ALL SELECT 1 FROM information_schema.table_privileges WHERE ").raw(ME);
    sql.raw(" AND table_schema = COALESCE(").bind(schema).raw(", DATABASE()) AND table_name = ");
    sql.bind(Bind::text(table));
    if !connection.rows(&sql)?.is_empty() {
        return Ok(true);
    }
    let roles = query(
        "SELECT 1 FROM information_schema.enabled_roles WHERE role_name IS NOT NULL AND role_name <> ''",
    );
    match connection.rows(&roles) {
        Ok(roles) => Ok(!roles.is_empty()),
        Err(failure) if failure.cure == Cure::Reconnect => Err(failure),
        // MySQL before 8.0.19 knows roles, but not this list.
        Err(_) => Ok(true),
    }
}

const KEYS: &str = "SELECT k.constraint_name, k.referenced_table_name, k.column_name, \
    k.referenced_column_name, r.delete_rule, k.table_name FROM information_schema.key_column_usage k \
    JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema \
    AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
    WHERE k.referenced_table_name IS NOT NULL AND k.table_schema";

const REFERRED: &str = "SELECT k.constraint_name, k.referenced_table_name, k.column_name, \
    k.referenced_column_name, r.delete_rule, k.table_name FROM information_schema.key_column_usage k \
    JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema \
    AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
    WHERE k.table_name <> k.referenced_table_name AND k.referenced_table_schema";

fn key(line: &Line<'_>, other: usize) -> (ForeignKey, String, String) {
    let key = ForeignKey {
        name: line.text(0),
        table: line.text(other),
        blocks: matches!(line.text(4).as_str(), "RESTRICT" | "NO ACTION"),
        ..ForeignKey::default()
    };
    (key, line.text(2), line.text(3))
}

fn checks(
    connection: &mut dyn Dialect,
    name: &str,
    table: &mut TableFacts,
    is_mariadb: bool,
) -> Result<(), Failure> {
    // MySQL's list of checks does not name the table.
    let sql = if is_mariadb {
        about(
            "SELECT constraint_name, check_clause FROM information_schema.check_constraints \
             WHERE constraint_schema",
            name,
            "table_name",
            " ORDER BY constraint_name",
        )
    } else {
        about(
            "SELECT c.constraint_name, c.check_clause FROM information_schema.check_constraints c \
             JOIN information_schema.table_constraints t ON t.constraint_schema = c.constraint_schema \
             AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK' \
             WHERE c.constraint_schema",
            name,
            "t.table_name",
            " ORDER BY c.constraint_name",
        )
    };
    match each(connection, &sql, |line| (line.text(0), line.text(1))) {
        Ok(checks) => restrict(table, &checks),
        Err(failure) if failure.cure == Cure::Reconnect => return Err(failure),
        // Servers before MySQL 8.0.16 and MariaDB 10.3 have no such list, nor have they CHECKs; what else it
        // may be is for people to see.
        Err(failure) => table.unread = Some(failure.error.to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_tell_labels_and_ranges() {
        assert_eq!(labels("enum('a','b''c')"), ["a", "b'c"]);
        assert_eq!(range("tinyint", "tinyint(1)", None, None), Some((-128, 127)));
        assert_eq!(range("bigint", "bigint(20) unsigned", None, None), Some((0, u64::MAX.into())));
        assert_eq!(range("decimal", "decimal(5,2)", Some(5), Some(2)), Some((-999, 999)));
    }
}
