//! Keys, links and uniqueness: what identifies a row must do so in the
//! database, and what the database holds together must be held together here.

use crate::{
    mapping::{
        TypeMapping,
        live::{Live, listed, parts, table_of, toml_key},
        place::Named,
        shape::{FieldRef, Part, PartId, Use},
        uses::{FieldUse, Role, Uses},
    },
    store::{
        Fold,
        inventory::{ColumnFacts, ForeignKey, Holds, TableFacts},
    },
};

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    for (id, part) in parts(mapping) {
        let Some((name, table)) = live.table(&part.bag) else { continue };
        key(live, ty, id, part, (name, table));
        link(live, ty, mapping, id, part);
        foreign_keys(live, ty, id, part, (name, table), uses);
        if id == 0 && !mapping.delete.keep {
            blocked(live, ty, mapping, (name, table));
        }
    }
    for field in &uses.fields {
        let Some((name, table)) = live.table(&mapping.shape.part(field.field.part).bag) else { continue };
        let Some(column) = live.column(mapping, field.field) else { continue };
        unique(live, ty, mapping, field, (name, table, column));
        folded(live, ty, field, column);
    }
}

fn names<'p>(part: &'p Part, fields: &[usize]) -> Vec<&'p str> {
    fields.iter().map(|field| part.bag.field_name(*field)).collect()
}

/// The key, or for a part of one row the columns by which it hangs there.
fn key(live: &mut Live<'_>, ty: usize, id: PartId, part: &Part, (name, table): (&str, &TableFacts)) {
    let key = names(part, &part.bag.key);
    if key.is_empty() || key.iter().any(|column| table.find(column).is_none()) || table.view.is_some() {
        return;
    }
    let place = live.setting_place(ty, id, if id == 0 || !part.slot.is_empty() { "key" } else { "on" });
    let is_lookup = matches!(part.usage, Use::Watch);
    // What `where` fixes is the same in all of our rows.
    let mut known = key.clone();
    known.extend(part.constants.iter().map(|(field, _)| part.bag.field_name(*field)));
    if !table.is_unique(&known) && !is_lookup {
        let message = format!(
            "nothing keeps two rows of `{name}` from having the same {}",
            listed(key.iter().copied())
        );
        if id == 0 || part.usage != Use::Own {
            let best = table.indexes.iter().filter(|i| i.unique && !i.partial).max_by_key(|i| i.primary);
            let help = match best {
                Some(index) => format!(
                    "the table's own key is {}",
                    listed(index.columns.iter().map(|c| c.column.as_str()))
                ),
                None => "add a primary key or a unique index".to_owned(),
            };
            live.error("key-not-unique", &place, message, help);
        } else if !part.many {
            let help = "write `many = true` if there may be several, or `order` so that it is clear which one counts";
            if part.order.is_empty() {
                live.warn("key-not-unique", &place, message, help);
            }
        }
    }
    let nullable: Vec<&str> =
        key.iter().copied().filter(|c| table.find(c).is_some_and(|c| c.nullable)).collect();
    if !nullable.is_empty() && id == 0 {
        let message = format!(
            "{} of the key may be NULL: such rows could not be told apart",
            listed(nullable.iter().copied())
        );
        let help = format!(
            "make it NOT NULL, or leave such rows out: `where = {{ {} = {{ ne = \"@none\" }} }}`",
            toml_key(nullable.first().unwrap_or(&""))
        );
        live.error("key-nullable", &place, message, help);
    }
}

/// What a part's columns and its parent's must have in common.
fn link(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, id: PartId, part: &Part) {
    let above = part.on.iter().map(|(own, above)| {
        (*own, FieldRef { part: part.parent, field: *above, slot: None }, "its parent".to_owned())
    });
    let beside = part
        .beside
        .iter()
        .map(|(own, other)| (*own, other.clone(), format!("`{}`", mapping.shape.part(other.part).name)));
    for (own, other, whose) in above.chain(beside) {
        let mine = live.column(mapping, &FieldRef { part: id, field: own, slot: None });
        let theirs = live.column(mapping, &other);
        let (Some(mine), Some(theirs)) = (mine, theirs) else { continue };
        let place = live.setting_place(ty, id, "on");
        let both = |what: &str| {
            format!(
                "`{}` is `{}`, but `{}` of {whose} is `{}`{what}",
                mine.name, mine.type_name, theirs.name, theirs.type_name
            )
        };
        if group(mine.holds) != group(theirs.holds) {
            live.error("link-types", &place, both(""), "link columns of the same type");
        } else if mine.caseless != theirs.caseless {
            let what = ": one of them does not tell upper case from lower case";
            live.warn("link-types", &place, both(what), "give both columns the same collation");
        }
    }
}

/// Types that compare with each other.
pub(super) fn group(holds: Holds) -> u8 {
    match holds {
        Holds::Text | Holds::Other | Holds::Texts => 0,
        Holds::Int | Holds::Number | Holds::Bool => 1,
        Holds::Date | Holds::Time | Holds::Instant => 2,
        Holds::Bytes => 3,
        Holds::Uuid => 4,
        Holds::Anything => 5,
    }
}

/// Foreign keys of a table at tables that the mapping may know nothing of.
fn foreign_keys(
    live: &mut Live<'_>,
    ty: usize,
    id: PartId,
    part: &Part,
    (name, table): (&str, &TableFacts),
    uses: &Uses<'_>,
) {
    if matches!(part.usage, Use::Watch | Use::Find) {
        return;
    }
    for key in &table.foreign_keys {
        let place = live.place(Named::Source(ty, id));
        let columns = || listed(key.columns.iter().map(String::as_str));
        let written: Vec<usize> = key.columns.iter().filter_map(|c| part.bag.find_field(c)).collect();
        if key.deferred && !written.is_empty() {
            let message = format!(
                "{} of `{name}` is held against `{}` only when a request's transaction ends",
                columns(),
                key.table
            );
            let help = format!(
                "a mistake shows then; name the constraint in `[errors]`: {} = \"…\"",
                if key.name.is_empty() { "…" } else { &key.name }
            );
            live.note("deferred", &place, message, help);
        }
        let is_free = |field: &usize| {
            uses.fields.iter().any(|u| {
                u.field.part == id
                    && u.field.field == *field
                    && u.writable
                    && !matches!(u.role, Role::Pointer)
                    && !matches!(u.role, Role::Value { map: Some(_), .. })
            })
        };
        if !is_linked(live, key) && written.iter().any(is_free) {
            let message = format!(
                "{} of `{name}` must name a row of `{}`, which the mapping does not make",
                columns(),
                key.table
            );
            let help = format!(
                "look it up: a part with `table = \"{}\"` and `use = \"find\"` (or `\"find_or_add\"`), or `ref`",
                key.table
            );
            live.warn("foreign-key", &place, message, help);
        }
    }
}

/// True if the mapping knows the table that a key points at, so that its rows are made, found or referred to.
fn is_linked(live: &Live<'_>, key: &ForeignKey) -> bool {
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_lowercase();
    live.inventory.tables.keys().any(|known| bare(known) == bare(&key.table))
}

/// Tables that keep a row from being deleted, and that nothing here empties.
fn blocked(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, (name, table): (&str, &TableFacts)) {
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_lowercase();
    let own: Vec<String> = live
        .mapping
        .types
        .iter()
        .flat_map(|t| &t.shape.parts)
        .filter(|p| matches!(p.usage, Use::Own))
        .filter_map(|p| table_of(&p.bag))
        .map(bare)
        .collect();
    let mut others: Vec<&str> = table
        .referred_by
        .iter()
        .filter(|key| key.blocks && !own.contains(&bare(&key.table)))
        .map(|key| key.table.as_str())
        .collect();
    others.dedup();
    if !others.is_empty() {
        let place = live.setting_place(ty, 0, "delete");
        let message = format!(
            "a row of `{name}` cannot be deleted while {} points at it, which the mapping does not know",
            listed(others.iter().copied())
        );
        let help = format!(
            "map it as a part, or write `[{}.delete]` with `keep = true`; otherwise DELETE is answered 409",
            mapping.resource_type.name
        );
        live.warn("delete-blocked", &place, message, help);
    }
}

/// Attributes that are said to be unique.
fn unique(
    live: &mut Live<'_>,
    ty: usize,
    mapping: &TypeMapping,
    field: &FieldUse<'_>,
    (name, table, column): (&str, &TableFacts, &ColumnFacts),
) {
    let Some(fold) = field.unique else { return };
    let place = live.bound_place(ty, field.field, field.rule);
    let part = mapping.shape.part(field.field.part);
    let is_fixed = |column: &str| {
        column.eq_ignore_ascii_case(part.bag.field_name(field.field.field))
            || part.bag.find_field(column).is_some_and(|f| {
                part.slot.contains(&f) || part.constants.iter().any(|(constant, _)| *constant == f)
            })
    };
    let over = |index: &&crate::store::inventory::Index| {
        index.unique
            && index.columns.iter().any(|c| c.column.eq_ignore_ascii_case(&column.name))
            && index.columns.iter().all(|c| is_fixed(&c.column))
    };
    let found: Vec<_> = table.indexes.iter().filter(over).collect();
    let wants = fold == Fold::Case;
    let is_caseless = |index: &&&crate::store::inventory::Index| {
        index.columns.iter().any(|c| c.caseless && c.column.eq_ignore_ascii_case(&column.name))
    };
    if found.is_empty() {
        let message = format!(
            "`{}` is unique, but no unique index of `{name}` over `{}` says so",
            field.path, column.name
        );
        let help = "add one: between two processes only the database can keep a value from being given twice";
        live.warn("unique-missing", &place, message, help);
    } else if wants && !found.iter().any(|i| is_caseless(&i)) {
        let message = format!(
            "`{}` is unique without regard to case, but the index over `{}` tells cases apart",
            field.path, column.name
        );
        let help =
            "add a unique index over `lower(…)` or with a collation without case, or write `unique = true`";
        live.warn("unique-fold", &place, message, help);
    } else if !wants && found.iter().all(|i| is_caseless(&i)) && column.holds == Holds::Text {
        let message = format!(
            "`{}` is unique with regard to case, but the index over `{}` does not tell cases apart",
            field.path, column.name
        );
        live.warn("unique-fold", &place, message, "write `unique = \"fold\"`");
    }
}

/// Values that SCIM tells apart and the column does not.
fn folded(live: &mut Live<'_>, ty: usize, field: &FieldUse<'_>, column: &ColumnFacts) {
    let Role::Value { map, case_exact, .. } = &field.role else { return };
    if !column.caseless {
        return;
    }
    let place = live.bound_place(ty, field.field, field.rule);
    let stored: Vec<String> =
        map.iter().flat_map(|m| &m.pairs).filter_map(|(s, _)| Some(s.as_ref()?.to_text())).collect();
    let twice =
        stored.iter().enumerate().find(|(i, a)| stored.iter().take(*i).any(|b| b.eq_ignore_ascii_case(a)));
    if let Some((_, text)) = twice {
        let message = format!(
            "the map tells `{text}` from another spelling, but `{}` ({}) does not",
            column.name, column.collation
        );
        live.error(
            "collation",
            &place,
            message,
            "map each spelling once, or give the column a collation with case",
        );
    } else if *case_exact && map.is_none() {
        let spelled = if column.collation.is_empty() { "its collation" } else { &column.collation };
        let message =
            format!("`{}` is compared with case, but `{}` without ({spelled})", field.path, column.name);
        live.note(
            "collation",
            &place,
            message,
            "filters are decided again in memory; give the column a collation with case",
        );
    }
}
