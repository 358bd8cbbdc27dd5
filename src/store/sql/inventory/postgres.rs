//! PostgreSQL: its system catalogue, and what the role may do by its own word.

use crate::store::{
    inventory::{
        ColumnFacts, Filled, ForeignKey, Index, Indexed, Inventory, Product, Rights, TableFacts, View,
    },
    sql::{
        dialect::Dialect,
        error::Failure,
        inventory::{each, facts, index_of, restrict},
        statement::{Bind, Sql},
    },
};

pub(super) fn take(connection: &mut dyn Dialect, tables: &[String]) -> Result<Inventory, Failure> {
    let mut inventory = Inventory { product: Product::Postgres, ..Inventory::default() };
    let settings = query(
        "SELECT current_setting('server_encoding'), current_setting('transaction_isolation'), \
         current_setting('search_path'), COALESCE(array_to_string(current_schemas(false), chr(31)), ''), \
         current_setting('timezone'), current_setting('transaction_read_only')",
    );
    let names = ["encoding", "isolation", "search_path", "schemas", "time_zone", "read_only"];
    for values in each(connection, &settings, |line| [0, 1, 2, 3, 4, 5].map(|i| line.text(i)))? {
        inventory.settings.extend(names.iter().map(|n| (*n).to_owned()).zip(values));
    }
    inventory.names = each(
        connection,
        &query(
            "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN \
             ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             ORDER BY 1",
        ),
        |line| line.text(0),
    )?;
    for name in tables {
        if let Some(table) = table(connection, name)? {
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

/// A query about one table: `text`, its number, `)` and what follows.
fn about(text: &'static str, table: &str, rest: &'static str) -> Sql {
    let quoted: Vec<String> = table.split('.').map(|p| format!("\"{}\"", p.replace('"', "\"\""))).collect();
    let mut sql = query(text);
    sql.raw("to_regclass(CAST(").bind(Bind::text(quoted.join("."))).raw(" AS text))").raw(rest);
    sql
}

const COLUMNS: &str = "SELECT a.attname, format_type(a.atttypid, a.atttypmod), \
    CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END::text, \
    COALESCE(b.typname, t.typname), a.attidentity::text, a.attgenerated::text, \
    pg_get_expr(d.adbin, d.adrelid), \
    has_column_privilege(a.attrelid, a.attnum, 'SELECT'), \
    has_column_privilege(a.attrelid, a.attnum, 'INSERT'), \
    has_column_privilege(a.attrelid, a.attnum, 'UPDATE'), \
    (SELECT string_agg(e.enumlabel, chr(31) ORDER BY e.enumsortorder) FROM pg_enum e \
     WHERE e.enumtypid = COALESCE(b.oid, t.oid)), \
    (SELECT string_agg(pg_get_constraintdef(c.oid), ' AND ') FROM pg_constraint c WHERE c.contypid = t.oid), \
    t.typnotnull, COALESCE(l.collisdeterministic, TRUE) \
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype \
    LEFT JOIN pg_collation l ON l.oid = a.attcollation \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ";

const TABLE: &str = "SELECT c.relkind::text, (pg_relation_is_updatable(c.oid, true) & 8) = 8, \
    (pg_relation_is_updatable(c.oid, true) & 4) = 4, has_table_privilege(c.oid, 'DELETE'), \
    row_security_active(c.oid) FROM pg_class c WHERE c.oid = ";

fn table(connection: &mut dyn Dialect, name: &str) -> Result<Option<TableFacts>, Failure> {
    let Some(known) = connection.describe(name)? else { return Ok(None) };
    let mut table = TableFacts::default();
    let columns = each(connection, &about(COLUMNS, name, " ORDER BY a.attnum"), |line| {
        let mut column =
            ColumnFacts { name: line.text(0), type_name: line.text(1), ..ColumnFacts::default() };
        let base = line.text(3);
        let modifier: Option<u64> = line.text(2).parse::<i64>().ok().and_then(|m| u64::try_from(m - 4).ok());
        match base.as_str() {
            "varchar" | "bpchar" => column.length = modifier,
            "int2" => column.range = Some((i16::MIN.into(), i16::MAX.into())),
            "int4" => column.range = Some((i32::MIN.into(), i32::MAX.into())),
            "int8" => column.range = Some((i64::MIN.into(), i64::MAX.into())),
            "numeric" => column.range = modifier.map(|m| whole_digits((m >> 16) - (m & 0x7ff))),
            _ => {}
        }
        column.default = line.some(6);
        let counts = column.default.as_ref().is_some_and(|d| d.starts_with("nextval("));
        column.filled = match (line.text(4).as_str(), line.text(5).as_str()) {
            ("a", _) | (_, "s" | "v") => Filled::Computed,
            ("d", _) => Filled::Counted,
            _ if counts => Filled::Counted,
            _ => Filled::Written,
        };
        column.rights = Rights { select: line.is(7), insert: line.is(8), update: line.is(9) };
        column.allowed = line.some(10).map(|_| line.list(10));
        if column.allowed.is_none() {
            column.allowed = line.some(11).and_then(|check| super::checks::listed(&check));
        }
        column.nullable = !line.is(12);
        column.caseless = base == "citext" || !line.is(13);
        column
    })?;
    for column in columns {
        // An identity that is generated ALWAYS counts up by itself, too.
        let Some(base) = known.columns.iter().find(|c| c.name == column.name).map(facts) else { continue };
        table.columns.push(ColumnFacts {
            holds: base.holds,
            nullable: base.nullable && column.nullable,
            collation: base.collation,
            ..column
        });
    }
    for (kind, insertable, updatable, may_delete, secured) in
        each(connection, &about(TABLE, name, ""), |l| (l.text(0), l.is(1), l.is(2), l.is(3), l.is(4)))?
    {
        table.view = matches!(kind.as_str(), "v" | "m").then_some(View { insertable, updatable });
        table.may_delete = may_delete;
        table.row_security = secured;
    }
    constraints(connection, name, &mut table)?;
    Ok(Some(table))
}

/// Whole numbers of at most so many digits.
fn whole_digits(digits: u64) -> (i128, i128) {
    let most = 10_i128.checked_pow(u32::try_from(digits).unwrap_or(u32::MAX)).map_or(i128::MAX, |p| p - 1);
    (-most, most)
}

const INDEXES: &str = "SELECT i.relname, x.indisunique, x.indisprimary, x.indpred IS NOT NULL, \
    COALESCE(a.attname, (SELECT e.attname FROM pg_attribute e WHERE e.attrelid = x.indrelid AND e.attnum > 0 \
    AND pg_get_indexdef(x.indexrelid, k.n, true) ~ ('\\m' || e.attname || '\\M') LIMIT 1), ''), \
    COALESCE(t.typname = 'citext', FALSE) OR NOT COALESCE(l.collisdeterministic, TRUE) \
    OR lower(pg_get_indexdef(x.indexrelid, k.n, true)) LIKE 'lower(%' \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
    CROSS JOIN LATERAL generate_series(1, x.indnkeyatts::int) AS k(n) \
    LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1] AND a.attnum > 0 \
    LEFT JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_collation l ON l.oid = x.indcollation[k.n - 1] \
    WHERE x.indisvalid AND x.indrelid = ";

const KEYS: &str = "SELECT c.conname, c.confrelid::regclass::text, c.condeferred, c.confdeltype::text, \
    (SELECT string_agg(a.attname, chr(31) ORDER BY u.o) FROM unnest(c.conkey) WITH ORDINALITY u(n, o) \
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = u.n), \
    (SELECT string_agg(a.attname, chr(31) ORDER BY u.o) FROM unnest(c.confkey) WITH ORDINALITY u(n, o) \
     JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = u.n), c.conrelid::regclass::text \
    FROM pg_constraint c WHERE c.contype = 'f' AND ";

fn constraints(connection: &mut dyn Dialect, name: &str, table: &mut TableFacts) -> Result<(), Failure> {
    let lines = each(connection, &about(INDEXES, name, " ORDER BY i.relname, k.n"), |line| {
        let index = Index {
            name: line.text(0),
            unique: line.is(1),
            primary: line.is(2),
            partial: line.is(3),
            columns: Vec::new(),
        };
        (index, Indexed { column: line.text(4), caseless: line.is(5) })
    })?;
    table.indexes = index_of(lines);
    let key = |other: usize| {
        move |line: &super::Line<'_>| ForeignKey {
            name: line.text(0),
            table: line.text(other),
            deferred: line.is(2),
            blocks: matches!(line.text(3).as_str(), "a" | "r"),
            columns: line.list(4),
            targets: line.list(5),
        }
    };
    let with = |text: &'static str, side: &'static str| {
        let mut sql = query(text);
        sql.raw(side);
        sql
    };
    let mut own = with(KEYS, "c.conrelid = ");
    own.append(&about("", name, " ORDER BY c.conname"));
    table.foreign_keys = each(connection, &own, key(1))?;
    let mut others = with(KEYS, "c.conrelid <> c.confrelid AND c.confrelid = ");
    others.append(&about("", name, " ORDER BY c.conname"));
    table.referred_by = each(connection, &others, key(6))?;
    let checks = about(
        "SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.contype = 'c' AND c.conrelid = ",
        name,
        " ORDER BY c.conname",
    );
    let checks = each(connection, &checks, |line| (line.text(0), line.text(1)))?;
    restrict(table, &checks);
    let triggers = about(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = ",
        name,
        " ORDER BY tgname",
    );
    table.triggers = each(connection, &triggers, |line| line.text(0))?;
    Ok(())
}
