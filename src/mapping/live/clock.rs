//! Whether the columns that are compared with the time, or set to it, hold times.

use crate::{
    mapping::{
        TypeMapping,
        live::{Live, parts, toml_key},
        shape::{FieldRef, PartId},
        uses::Uses,
    },
    store::{FieldId, Predicate, inventory::Holds},
};

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    let mut found: Vec<FieldRef> = Vec::new();
    for (id, part) in parts(mapping) {
        let mut compared = Vec::new();
        clocks(&part.bag.scope, &mut compared);
        found.extend(compared.into_iter().map(|field| FieldRef { part: id, field, slot: None }));
    }
    let set = uses.made.iter().filter(|made| made.template.moment().is_some());
    found.extend(set.map(|made| made.field.clone()));
    found.dedup();
    for field in found.iter().filter(|field| mapping.shape.form_of(field).is_none()) {
        let Some(column) = live.column(mapping, field) else { continue };
        if !matches!(column.holds, Holds::Int | Holds::Number | Holds::Bool | Holds::Bytes | Holds::Uuid) {
            continue;
        }
        let place = live.field_place(ty, field.part, field.field);
        let (name, type_name, holds) = (&column.name, &column.type_name, column.holds.word());
        let message = format!("`{name}` is `{type_name}`, which holds {holds}, and the mapping means a time");
        let help = format!(
            "say how it holds times: `{} = {{ codec = \"epoch\" }}` in `[{}.fields]`, or `epoch_ms`, `days`, \
             `time:[year][month][day]` …",
            path(mapping, field.part, name),
            mapping.resource_type.name,
        );
        live.error("column-type", &place, message, help);
    }
}

/// The column as `fields` names it.
fn path(mapping: &TypeMapping, part: PartId, column: &str) -> String {
    match part {
        0 => toml_key(column),
        part => format!("'{}.{}'", mapping.shape.part(part).name, toml_key(column).trim_matches('\'')),
    }
}

/// The fields that are compared with the time.
fn clocks(predicate: &Predicate, out: &mut Vec<FieldId>) {
    match predicate {
        Predicate::Clock(field, ..) => out.push(*field),
        Predicate::All(list) | Predicate::Any(list) => list.iter().for_each(|inner| clocks(inner, out)),
        Predicate::Not(inner) => clocks(inner, out),
        Predicate::True
        | Predicate::False
        | Predicate::Field(..)
        | Predicate::Pair(..)
        | Predicate::Exists(_) => {}
    }
}
