//! The columns whose distinct values are resources.

use crate::{
    mapping::{
        Mapping, TypeMapping,
        compile::suggest,
        live::{Live, listed},
        place::Named,
    },
    store::{Source, inventory::ColumnFacts},
};

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping) {
    let Source::Names(names) = &mapping.bag().source else { return };
    let place = live.place(Named::Source(ty, 0));
    let name = &names.table;
    let Some(table) = live.inventory.tables.get(name) else {
        let help = suggest(name, live.inventory.names.iter().map(String::as_str), "there are");
        live.error("table-missing", &place, format!("there is no table `{name}`"), help);
        return;
    };
    // The first field is the name itself; the others are columns that `where` tests.
    let tested = mapping.bag().fields.iter().skip(1).map(|field| field.name.as_str());
    for column in names.columns.iter().map(String::as_str).chain(tested) {
        if table.find(column).is_none() {
            let help = suggest(column, table.columns.iter().map(|c| c.name.as_str()), "it has");
            let message = format!("the table `{name}` has no column `{column}`");
            live.error("column-missing", &place, message, help);
        }
    }
    let found: Vec<&ColumnFacts> = names.columns.iter().filter_map(|column| table.find(column)).collect();
    let go_along = go_along(live.mapping, name);
    let lacks_default = names.nothing.first().cloned().flatten().is_none();
    for column in found.iter().filter(|column| !column.nullable && lacks_default && !go_along) {
        let message = format!("`{}` takes no NULL, so no name can be taken out of it", column.name);
        let help = "write what it holds instead: `nothing = [\"\"]`";
        live.error("not-null", &place, message, help);
    }
    for right in ["SELECT", "UPDATE"] {
        let has = |column: &ColumnFacts| match right {
            "SELECT" => column.rights.select,
            _ => column.rights.update,
        };
        let lacking: Vec<&str> = found.iter().filter(|c| !has(c)).map(|c| c.name.as_str()).collect();
        if !lacking.is_empty() {
            let message = format!("the account may not {right} {} of `{name}`", listed(lacking));
            let help = format!("GRANT {right} ON {name} TO the account");
            live.error("right-missing", &place, message, help);
        }
    }
}

/// True if the rows that hold a name go with it, so that none of them is left to be cleared.
fn go_along(mapping: &Mapping, table: &str) -> bool {
    let is_there = |source: &Source| matches!(source, Source::Table(name) if name == table);
    let mut parts = mapping.types.iter().flat_map(|ty| ty.shape.parts.iter().skip(1));
    parts.any(|part| is_there(&part.bag.source))
}
