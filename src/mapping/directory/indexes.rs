//! Which searches of ours the server answers from an index.

use crate::{
    mapping::{
        directory::{Against, Set, attributes::find, listed, syntaxes},
        form::Template,
        uses::Role,
    },
    store::{
        Predicate, Test,
        inventory::directory::{IndexKind, Indexes, Vendor},
    },
};

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>) {
    let known = match &against.facts.indexes {
        Indexes::Known(known) => known,
        Indexes::Unread(what) => {
            if set.ty == 0 && set.id == 0 {
                let place = against.setting_place(set.ty, set.id, "base");
                let message =
                    format!("whether searches have an index is not known: the account may not read {what}");
                let help =
                    "let it read that, or ask whoever runs the server for an index of what clients search by";
                against.note("indexes-unread", &place, message, help);
            }
            return;
        }
    };
    let has = |name: &str, kind: IndexKind| {
        let names = find(against, name).map(|of| of.names.clone()).unwrap_or_else(|| vec![name.to_owned()]);
        names
            .iter()
            .any(|name| known.get(&name.to_ascii_lowercase()).is_some_and(|kinds| kinds.contains(&kind)))
    };
    // Active Directory finds linked attributes by their links.
    let is_linked = |name: &str| {
        against.facts.vendor == Vendor::ActiveDirectory
            && (find(against, name).is_some_and(|of| syntaxes::holds(of) == syntaxes::Holds::Name)
                || name.eq_ignore_ascii_case("objectClass"))
    };
    let lacks =
        |name: &str| find(against, name).is_some() && !has(name, IndexKind::Equality) && !is_linked(name);
    let mut found: Vec<(crate::mapping::place::Place, String)> = Vec::new();
    for field in set.part.bag.key.iter().filter(|_| set.id == 0) {
        let name = set.part.bag.field_name(*field);
        if lacks(name) {
            let place = against.setting_place(set.ty, set.id, "anchor");
            found.push((
                place,
                format!(
                    "no index of the server finds an entry by `{name}`: each look-up by id reads all of them"
                ),
            ));
        }
    }
    let mut tested = Vec::new();
    scope(&set.part.bag.scope, &mut tested);
    tested.sort_unstable();
    tested.dedup();
    let names: Vec<&str> = tested.iter().map(|field| set.part.bag.field_name(*field)).collect();
    if !names.is_empty() && names.iter().all(|name| lacks(name)) {
        let place = against.setting_place(set.ty, set.id, "where");
        let names = listed(names);
        found.push((place, format!("no index of the server is over {names}, which tells our entries: a listing reads all others, too")));
    }
    for used in set.used().filter(|used| used.at.whole) {
        let searched = match &used.of.role {
            // A map leaves few values, which no index helps to find.
            Role::Value { map, nothing, .. } => {
                map.is_none() && !nothing.iter().any(|n| matches!(n, Template::Now(_)))
            }
            Role::Pointer => true,
            Role::Piece | Role::Tested | Role::Search | Role::Password(_) => false,
        };
        let name = set.part.bag.field_name(used.at.field);
        if searched && lacks(name) && used.of.path != "meta.created" && used.of.path != "meta.lastModified" {
            let place = against.bound_place(set.ty, used.of.field, used.of.rule);
            found.push((
                place,
                format!(
                    "no index of the server is over `{name}`: a filter `{} eq …` reads all entries",
                    used.of.path
                ),
            ));
        }
    }
    let help = match against.facts.vendor {
        Vendor::OpenLdap => "add it to `olcDbIndex` with `eq`, and index what is there",
        Vendor::Ds389 => "add it below `cn=index` of the back end with `eq`, and index what is there",
        Vendor::ActiveDirectory => "set bit 1 of the attribute's `searchFlags` in the schema",
        Vendor::Other => "add one for equality",
    };
    for (place, message) in found {
        against.warn("index-missing", &place, message, help);
    }
}

/// The fields by whose values our entries are found.
fn scope(predicate: &Predicate, out: &mut Vec<usize>) {
    match predicate {
        Predicate::Field(field, Test::OneOf(..) | Test::Starts(..)) => out.push(*field),
        Predicate::All(parts) => parts.iter().for_each(|part| scope(part, out)),
        _ => {}
    }
}
