//! Tables that a mapping writes beside those of its parts: where deleted rows
//! are kept, and columns that follow a key which changes.

use crate::{
    mapping::{
        TypeMapping,
        live::{Live, keys::group, listed, table_of},
        place::Place,
        shape::{FieldRef, Part, PartId},
    },
    store::inventory::{ColumnFacts, Filled, TableFacts},
};

/// The names of these tables.
pub(super) fn tables(mapping: &TypeMapping) -> impl Iterator<Item = &str> {
    let points = mapping.shape.parts.iter().flat_map(|part| &part.points);
    mapping.delete.archive.as_deref().into_iter().chain(points.filter_map(|bag| table_of(bag)))
}

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping) {
    if let Some(archive) = mapping.delete.archive.as_deref() {
        check_archive(live, ty, mapping, archive);
    }
    for (id, part) in mapping.shape.parts.iter().enumerate() {
        check_points(live, ty, mapping, id, part);
    }
}

/// A table that must be there.
fn find<'m>(live: &mut Live<'m>, name: &str, place: &Place) -> Option<&'m TableFacts> {
    let found = live.inventory.tables.get(name);
    if found.is_none() {
        let help = super::tables::missing_help(name, &live.inventory.names);
        live.error("table-missing", place, format!("there is no table `{name}`"), help);
    }
    found
}

/// Whole rows move there, with the columns that nobody maps.
fn check_archive(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, name: &str) {
    let place = live.setting_place(ty, 0, "delete");
    let Some(archive) = find(live, name, &place) else { return };
    let Some((from, table)) = live.table(mapping.bag()) else { return };
    let lost: Vec<&str> =
        table.columns.iter().map(|c| c.name.as_str()).filter(|c| archive.find(c).is_none()).collect();
    if !lost.is_empty() {
        let message = format!("`{name}` lacks {} of `{from}`: no row could be deleted", listed(lost));
        let help = "give both tables the same columns, by a migration of each";
        live.error("archive-columns", &place, message, help);
    }
    let narrower = |(mine, theirs): &(&ColumnFacts, &ColumnFacts)| {
        let is_shorter = theirs.length.is_some_and(|most| mine.length.is_none_or(|length| length > most));
        let is_smaller = match (mine.range, theirs.range) {
            (Some((least, most)), Some((low, high))) => low > least || high < most,
            _ => false,
        };
        group(mine.holds) != group(theirs.holds) || is_shorter || is_smaller
    };
    let pairs = table.columns.iter().filter_map(|column| Some((column, archive.find(&column.name)?)));
    for (mine, theirs) in pairs.filter(narrower) {
        let message = format!(
            "`{}` is `{}` in `{from}`, but `{}` in `{name}`: a row that does not fit cannot be deleted",
            mine.name, mine.type_name, theirs.type_name
        );
        live.warn("archive-columns", &place, message, "give both columns the same type");
    }
    let is_needed = |column: &&ColumnFacts| {
        let mine = table.find(&column.name);
        !column.nullable
            && column.filled == Filled::Written
            && mine.map_or(column.default.is_none(), |mine| mine.nullable)
    };
    let needed: Vec<&str> = archive.columns.iter().filter(is_needed).map(|c| c.name.as_str()).collect();
    if !needed.is_empty() {
        let message =
            format!("`{name}` needs a value for {}, which a row of `{from}` may lack", listed(needed));
        live.error(
            "archive-columns",
            &place,
            message,
            "let the columns be NULL there, or give them a default",
        );
    }
    let lacking = |column: &&ColumnFacts| table.find(&column.name).is_some() && !column.rights.insert;
    let lacking: Vec<&str> = archive.columns.iter().filter(lacking).map(|c| c.name.as_str()).collect();
    if !lacking.is_empty() {
        let message = format!("the account may not INSERT {} of `{name}`", listed(lacking));
        live.error("right-missing", &place, message, format!("GRANT INSERT ON {name} TO the account"));
    }
}

/// Columns of other tables that get the new key after a rename.
fn check_points(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, id: PartId, part: &Part) {
    let place = live.setting_place(ty, id, "points");
    let key = part.bag.key.first().map(|field| FieldRef { part: id, field: *field, slot: None });
    let key = key.and_then(|field| live.column(mapping, &field));
    for bag in &part.points {
        let Some(name) = table_of(bag) else { continue };
        let Some(table) = find(live, name, &place) else { continue };
        let column = bag.field_name(0);
        let Some(column) = table.find(column) else {
            let known = table.columns.iter().map(|c| c.name.as_str());
            let help = crate::mapping::compile::suggest(column, known, "it has");
            live.error(
                "column-missing",
                &place,
                format!("the table `{name}` has no column `{column}`"),
                help,
            );
            continue;
        };
        if let Some(key) = key.filter(|key| group(key.holds) != group(column.holds)) {
            let message = format!(
                "`{name}.{}` is `{}`, but the key `{}` is `{}`",
                column.name, column.type_name, key.name, key.type_name
            );
            live.error("link-types", &place, message, "name a column that holds the key");
        }
        if !column.rights.update || !column.rights.select {
            let message = format!("the account may not UPDATE `{}` of `{name}`", column.name);
            let help = format!("GRANT SELECT, UPDATE ON {name} TO the account");
            live.error("right-missing", &place, message, help);
        }
    }
}
