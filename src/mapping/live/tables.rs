//! Whether the tables are there, and what the account may do with them.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        TypeMapping,
        live::{Live, listed, parts, table_of},
        place::Named,
        shape::{Part, PartId, Use},
        uses::Uses,
    },
    store::inventory::{ColumnFacts, TableFacts},
};

/// What a part's rows go through.
struct Work {
    insert: bool,
    update: bool,
    delete: bool,
}

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    for (id, part) in parts(mapping) {
        let Some(name) = table_of(&part.bag) else { continue };
        let place = live.place(Named::Source(ty, id));
        let Some(table) = live.inventory.tables.get(name) else {
            let help = missing_help(name, &live.inventory.names);
            live.error("table-missing", &place, format!("there is no table `{name}`"), help);
            continue;
        };
        let written = uses.sometimes(id);
        let work = work(mapping, id, part, !written.is_empty());
        if let Some(view) = table.view
            && ((work.insert && !view.insertable) || (work.update && !view.updatable))
        {
            let message = format!("`{name}` is a view that the database does not write through");
            let help = "name the table behind it, or make what is in it read-only: `use = \"watch\"`, `write = \"no\"`";
            live.error("view-read-only", &place, message, help);
        }
        charset(live, ty, id, part, table);
        rights(live, ty, id, part, table, &work, &written);
        if let Some(reason) = &table.unread {
            let message = format!("the server does not tell which CHECKs `{name}` has: {reason}");
            live.warn("checks-unread", &place, message, "see by yourself which values they refuse");
        }
        if table.row_security {
            let message =
                format!("row-level security is on for `{name}`: the account sees and changes some rows only");
            let help =
                "rows that a policy hides are no resources here; give the role BYPASSRLS if they should be";
            live.warn("row-security", &place, message, help);
        }
        if !table.triggers.is_empty() && (work.insert || work.update || work.delete) {
            let triggers = listed(table.triggers.iter().map(String::as_str));
            let message = format!("triggers of `{name}` do more than the mapping says: {triggers}");
            live.note("trigger", &place, message, "see that they do what SCIM clients may expect");
        }
    }
}

fn work(mapping: &TypeMapping, id: PartId, part: &Part, is_written: bool) -> Work {
    match part.usage {
        Use::Watch | Use::Find => Work { insert: false, update: false, delete: false },
        Use::FindOrAdd => Work { insert: true, update: false, delete: false },
        Use::Own => Work {
            insert: id == 0 || is_written || part.many,
            update: is_written,
            delete: !mapping.delete.keep,
        },
    }
}

pub(super) fn missing_help(name: &str, names: &[String]) -> String {
    if names.is_empty() {
        return "the account sees no table at all; see to its rights, or to the database in the settings"
            .to_owned();
    }
    // The schema is no part of what was mistyped.
    let bare = name.rsplit('.').next().unwrap_or(name);
    let same = names.iter().find(|n| n.rsplit('.').next().is_some_and(|b| b.eq_ignore_ascii_case(bare)));
    match same {
        Some(same) => format!("did you mean `{same}`?"),
        None => crate::mapping::compile::suggest(bare, names.iter().map(String::as_str), "there are"),
    }
}

/// MySQL and MariaDB: columns whose character set lacks most of what SCIM may send.
fn charset(live: &mut Live<'_>, ty: usize, id: PartId, part: &Part, table: &TableFacts) {
    let is_narrow = |column: &&ColumnFacts| !column.charset.is_empty() && column.charset != "utf8mb4";
    let columns: Vec<&ColumnFacts> =
        part.bag.fields.iter().filter_map(|f| table.find(&f.name)).filter(is_narrow).collect();
    if let Some(first) = columns.first() {
        let names = listed(columns.iter().map(|c| c.name.as_str()));
        let message = format!(
            "{} does not hold every text that SCIM sends, and these are kept in it: {names}",
            first.charset
        );
        let place = live.place(Named::Source(ty, id));
        live.warn("encoding", &place, message, "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4");
    }
}

fn rights(
    live: &mut Live<'_>,
    ty: usize,
    id: PartId,
    part: &Part,
    table: &TableFacts,
    work: &Work,
    written: &BTreeSet<usize>,
) {
    let (Some(name), place) = (table_of(&part.bag), live.place(Named::Source(ty, id))) else { return };
    let all: Vec<(usize, &ColumnFacts)> = (0..part.bag.fields.len())
        .filter_map(|field| Some((field, table.find(part.bag.field_name(field))?)))
        .collect();
    let links: BTreeSet<usize> = part.ties().chain(part.slot.iter().copied()).collect();
    let lacking = |test: &dyn Fn(usize, &ColumnFacts) -> bool| -> Vec<&str> {
        all.iter().filter(|(field, column)| test(*field, column)).map(|(_, c)| c.name.as_str()).collect()
    };
    let inserted = |field: usize| written.contains(&field) || links.contains(&field);
    let asked = [
        ("SELECT", lacking(&|_, c| !c.rights.select)),
        ("INSERT", lacking(&|field, c| work.insert && inserted(field) && !c.rights.insert)),
        ("UPDATE", lacking(&|field, c| work.update && written.contains(&field) && !c.rights.update)),
    ];
    for (right, columns) in asked {
        if !columns.is_empty() {
            let message =
                format!("the account may not {right} {} of `{name}`", listed(columns.iter().copied()));
            let help =
                format!("GRANT {right} ON {name} TO the account, or leave the columns out of the mapping");
            live.error("right-missing", &place, message, help);
        }
    }
    if work.delete && !table.may_delete {
        let message = format!("the account may not DELETE rows of `{name}`");
        let help = format!("GRANT DELETE ON {name} TO the account, or write `delete = {{ keep = true, … }}`");
        live.error("right-missing", &place, message, help);
    }
}
