//! Session settings, and what the file level names: counters and constraints.

use crate::{
    mapping::{
        Counter, CounterKind, StoreKind,
        compile::suggest,
        live::{Live, listed, table_of},
        place::{Named, Place},
    },
    store::inventory::{Product, TableFacts},
};

/// Modes of MySQL and MariaDB of which one at least makes it refuse what does not fit.
const STRICT: [&str; 2] = ["STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"];

pub(super) fn check(live: &mut Live<'_>) {
    settings(live);
    server(live);
    let mapping = live.mapping;
    for (name, counter) in &mapping.counters {
        check_counter(live, name, counter);
    }
    let all: Vec<&TableFacts> = live.inventory.tables.values().collect();
    for constraint in mapping.errors.keys() {
        let names = || all.iter().flat_map(|table| names(table));
        let last = constraint.rsplit('.').next().unwrap_or(constraint);
        let columns = || all.iter().flat_map(|t| t.columns.iter().map(|c| c.name.as_str()));
        let is_known = names().any(|n| n.eq_ignore_ascii_case(constraint))
            || columns().any(|c| c.eq_ignore_ascii_case(last));
        if !is_known {
            let place = live.place(Named::Constraint(constraint.clone()));
            let help = suggest(constraint, names(), "constraints of the mapped tables are");
            let message = format!("no mapped table has a constraint, an index or a column `{constraint}`");
            live.warn("constraint-unknown", &place, message, help);
        }
    }
}

fn names(table: &TableFacts) -> impl Iterator<Item = &str> {
    let indexes = table.indexes.iter().map(|i| i.name.as_str());
    let keys = table.foreign_keys.iter().map(|k| k.name.as_str()).filter(|n| !n.is_empty());
    indexes.chain(keys).chain(table.checks.iter().map(String::as_str))
}

fn settings(live: &mut Live<'_>) {
    let StoreKind::Sql { session } = &live.mapping.store else { return };
    let known = &live.inventory.settings;
    // A pragma that SQLite does not know does nothing, in silence; the others refuse what they do not know.
    let is_ours = |name: &str| name == "isolation";
    let is_ignored = |name: &&String| {
        live.inventory.product == Product::Sqlite && !known.contains_key(*name) && !is_ours(name)
    };
    let ignored: Vec<&String> = session.keys().filter(is_ignored).collect();
    for name in ignored {
        let place = live.place(Named::Session(name.clone()));
        let message = format!("this database has no session setting `{name}`");
        live.error("setting-unknown", &place, message, "remove it");
    }
    if let (Product::Postgres, Some(wanted)) = (live.inventory.product, session.get("search_path")) {
        let there = known.get("schemas").map_or("", String::as_str);
        let there: Vec<&str> = there.split('\u{1f}').collect();
        let wanted = wanted.split(',').map(|s| s.trim().trim_matches('"'));
        let missing: Vec<&str> = wanted.filter(|s| !s.starts_with('$') && !there.contains(s)).collect();
        if !missing.is_empty() {
            let place = live.place(Named::Session("search_path".to_owned()));
            let message =
                format!("the database has no schema {}, or the account may not use it", listed(missing));
            live.error("setting-unknown", &place, message, "correct the name, or GRANT USAGE ON SCHEMA");
        }
    }
}

fn server(live: &mut Live<'_>) {
    let setting = |name: &str| live.inventory.settings.get(name).cloned().unwrap_or_default();
    let is_mysql = matches!(live.inventory.product, Product::Mysql | Product::MariaDb);
    let place = |name: &str| live.place(Named::Session(name.to_owned()));
    let (mode_place, start) = (place("sql_mode"), Place::default());
    let mode = setting("sql_mode");
    if is_mysql && !STRICT.iter().any(|strict| mode.contains(strict)) {
        let message =
            "without a strict `sql_mode` this database cuts what is too long, and changes what does not fit";
        let help = "write `session = { sql_mode = \"STRICT_ALL_TABLES\" }` in `[sql]`";
        live.error("not-strict", &mode_place, message, help);
    }
    if is_mysql && setting("foreign_keys") == "0" {
        let message = "foreign keys are not looked at in our sessions";
        live.warn("not-strict", &start, message, "SET GLOBAL foreign_key_checks = 1");
    }
    let encoding = setting("encoding");
    let fits = match live.inventory.product {
        Product::Sqlite | Product::Postgres => encoding.is_empty() || encoding.replace('-', "") == "UTF8",
        Product::Mysql | Product::MariaDb => encoding.is_empty() || encoding == "utf8mb4",
    };
    if !fits {
        let message =
            format!("the database's encoding is {encoding}: not every text that SCIM sends can be kept");
        live.warn("encoding", &start, message, "move the database to UTF-8 (MySQL: utf8mb4)");
    }
    let isolation = setting("isolation").to_lowercase().replace('-', " ");
    if isolation == "read uncommitted" {
        let message = "sessions of this account read what others have not committed";
        live.warn("isolation", &start, message, "SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED");
    } else if isolation == "serializable" {
        let message =
            "sessions of this account are serializable: requests at the same time are made again, or wait";
        live.note("isolation", &start, message, "READ COMMITTED is enough for the gateway");
    }
    if setting("read_only") == "on" {
        let message = "sessions of this account only read (`default_transaction_read_only`)";
        live.error("right-missing", &start, message, "ALTER ROLE … SET default_transaction_read_only = off");
    }
}

fn check_counter(live: &mut Live<'_>, name: &str, counter: &Counter) {
    let place = live.place(Named::Counter(name.to_owned()));
    let (bag, field) = match &counter.kind {
        CounterKind::Cell { bag, field, .. } => (bag, Some(field)),
        CounterKind::Highest { bag, fields } => (bag, fields.first()),
    };
    let Some(table_name) = table_of(bag) else { return };
    let Some(table) = live.inventory.tables.get(table_name) else {
        let help = suggest(table_name, live.inventory.names.iter().map(String::as_str), "there are");
        live.error("table-missing", &place, format!("there is no table `{table_name}`"), help);
        return;
    };
    for own in &bag.fields {
        if table.find(&own.name).is_none() {
            let help = suggest(&own.name, table.columns.iter().map(|c| c.name.as_str()), "it has");
            let message = format!("the table `{table_name}` has no column `{}`", own.name);
            live.error("column-missing", &place, message, help);
        }
    }
    let Some(column) = field.and_then(|field| table.find(bag.field_name(*field))) else { return };
    if let (Some((_, most)), true) = (column.range, counter.step > 0) {
        let to = counter.to.map_or(i128::from(counter.from), i128::from);
        if to > most {
            let message =
                format!("the counter gives numbers up to {to}, `{}` holds {most} at most", column.name);
            live.error("out-of-range", &place, message, format!("write `to = {most}`"));
        }
    }
    if matches!(counter.kind, CounterKind::Cell { .. }) && !column.rights.update {
        let message = format!("the account may not UPDATE `{}` of `{table_name}`", column.name);
        live.error("right-missing", &place, message, format!("GRANT UPDATE ON {table_name} TO the account"));
    }
}
