//! The entries that are there: whether the mapping finds and can read them, and whether they are what it would
//! make.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    mapping::{
        directory::{Against, Set, attributes::find, fields::Used, listed},
        form::Template,
        lens::{Otherwise, scalar::decode},
        place::Named,
        uses::Role,
    },
    scim::schema::DataType,
    store::{Fold, Value, dn::Dn, inventory::directory::Looked},
};

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    let place = against.place(Named::Source(set.ty, set.id));
    if let Some(reason) = &looked.cut {
        let message = format!("the entries cannot be listed to the end: {reason}");
        let help = "lift the size, time and look-through limits of the service account";
        against.error("size-limit", &place, message, help);
    }
    if looked.has_account && set.is_written() {
        let message =
            format!("`{}`, by which scimgate binds, is one of these entries", against.facts.account);
        let help = "keep it from clients: `protect = { … }`, or move it out of the base";
        against.warn("account-exposed", &place, message, help);
    }
    if looked.has_administrators && set.is_written() {
        let message = "administrators of the domain (`adminCount` = 1) are among these entries";
        let help = "keep them from clients: `protect = { adminCount = 1 }`";
        against.warn("administrators-exposed", &place, message, help);
    }
    if looked.sample.is_empty() {
        if looked.cut.is_none() && set.is_written() {
            let message = "there is no such entry yet, so no value could be looked at";
            let help = "if there should be some: correct the base, the first of `classes`, or `where`";
            against.warn("entries-none", &place, message, help);
        }
        return;
    }
    names(against, set, looked);
    classes(against, set, looked);
    identity(against, set, looked);
    for used in set.used().filter(|used| used.at.whole) {
        values(against, set, looked, &used);
    }
    unique(against, set, looked);
}

/// How many of how many, for a sentence.
fn of(some: usize, looked: &Looked) -> String {
    format!("{some} of {} entries that were looked at", looked.sample.len())
}

/// Entries that are named by other attributes.
fn names(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    let schema = &against.facts.schema;
    let wanted: Vec<&str> = set.rdn().iter().map(|field| set.part.bag.field_name(*field)).collect();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &looked.sample {
        let Ok(dn) = Dn::parse(&entry.dn) else { continue };
        let Some(rdn) = dn.rdn() else { continue };
        let named: Vec<&str> = rdn.avas().iter().map(|ava| ava.attribute.as_str()).collect();
        let is_it = named.len() == wanted.len()
            && named.iter().all(|name| wanted.iter().any(|w| schema.is_same(name, w)));
        if !is_it {
            *others.entry(named.join("+")).or_default() += 1;
        }
    }
    let count: usize = others.values().sum();
    if count > 0 && set.is_written() {
        let place = against.setting_place(set.ty, set.id, "rdn");
        let others = listed(others.keys().map(String::as_str));
        let message = format!("{} are named by {others}, new ones by {}", of(count, looked), listed(wanted));
        let help = "name new ones as the others are; a change of the naming attribute renames those named by it only";
        against.warn("rdn-differs", &place, message, help);
    }
}

/// Entries that lack a class that new ones get.
fn classes(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    let schema = &against.facts.schema;
    for name in set.classes() {
        let Some(class) = schema.find_class(name) else { continue };
        let has = |classes: &[String]| schema.with_superiors(classes).iter().any(|c| std::ptr::eq(*c, class));
        let lacking = looked.sample.iter().filter(|entry| !has(&entry.classes)).count();
        if lacking > 0 && set.is_written() {
            let place = against.setting_place(set.ty, set.id, "classes");
            let message = format!(
                "{} are no `{name}`: what only that class has cannot be written there",
                of(lacking, looked)
            );
            let help =
                format!("add the class to them, or leave them out: `where = {{ objectClass = \"{name}\" }}`");
            against.warn("class-absent", &place, message, help);
        }
    }
}

/// Entries without what identifies them, or tells their versions.
fn identity(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    if set.id != 0 {
        return;
    }
    for field in &set.part.bag.key {
        let lacking = looked.sample.iter().filter(|entry| entry.row.all(*field).is_empty()).count();
        let name = set.part.bag.field_name(*field);
        if lacking > 0 && find(against, name).is_some() {
            let place = against.setting_place(set.ty, set.id, "anchor");
            let message = format!(
                "{} have no `{name}`, which identifies them: they are not shown",
                of(lacking, looked)
            );
            let help = "take an attribute that every entry has and that never changes; mostly `anchor` can be left out";
            against.error("anchor-missing", &place, message, help);
        }
    }
    let Some(version) = set.mapping.version else { return };
    let name = set.part.bag.field_name(version);
    if looked.sample.iter().all(|entry| entry.row.all(version).is_empty()) && find(against, name).is_some() {
        let place = against.setting_place(set.ty, set.id, "version");
        let message = format!("the entries have no `{name}`: their versions are made of what they hold");
        let help = "let the server keep it (389: the USN plug-in), or leave it so";
        against.note("version-missing", &place, message, help);
    }
}

/// Values that a lens cannot read, or does not show.
fn values(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked, used: &Used<'_>) {
    let Role::Value { codecs, map, nothing, data_type, .. } = &used.of.role else { return };
    let place = against.bound_place(set.ty, used.of.field, used.of.rule);
    let name = set.part.bag.field_name(used.at.field);
    let is_nothing = |value: &Value| {
        nothing.iter().any(|n| matches!(n, Template::Literal(literal) if literal.same(value, Fold::Exact)))
    };
    let reads = |value: &Value| {
        let Some(decoded) = decode(value.clone(), codecs) else { return false };
        match map {
            Some(map) => {
                let has =
                    map.pairs.iter().any(|(s, _)| s.as_ref().is_some_and(|s| s.same(&decoded, Fold::Exact)));
                has || !matches!(map.otherwise, Otherwise::Reject)
            }
            None => match data_type {
                DataType::Integer => decoded.to_text().parse::<i64>().is_ok(),
                DataType::Boolean => matches!(decoded, Value::Bool(_)),
                DataType::DateTime => matches!(decoded, Value::Time(_) | Value::Date(_)),
                _ => true,
            },
        }
    };
    let (mut unread, mut several): (usize, usize) = (0, 0);
    let mut examples: BTreeSet<String> = BTreeSet::new();
    for entry in &looked.sample {
        let all = entry.row.all(used.at.field);
        several += usize::from(all.len() > 1 && !used.at.plural);
        let odd: Vec<&Value> = all.iter().filter(|value| !is_nothing(value) && !reads(value)).collect();
        unread += usize::from(!odd.is_empty());
        if map.is_some() {
            examples.extend(odd.iter().map(|value| value.to_text()));
        }
    }
    if unread > 0 {
        let found = match examples.is_empty() {
            true => String::new(),
            false => format!(" ({})", listed(examples.iter().take(5).map(String::as_str))),
        };
        let message =
            format!("{} hold what `{}` cannot show in `{name}`{found}", of(unread, looked), used.of.path);
        let help = match map {
            Some(_) => "add pairs for them to `map`, or write `else`",
            None => "mend the values, or write the codec of the form that they have",
        };
        against.warn("value-unreadable", &place, message, help);
    }
    if several > 0 && used.of.writable {
        let message = format!(
            "{} have several values of `{name}`: `{}` shows the first, a change replaces all",
            of(several, looked),
            used.of.path
        );
        let help = "bind a list to it (`rows`), or take an attribute of one value";
        against.warn("several-values", &place, message, help);
    }
}

/// Values that more than one entry has.
fn unique(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    let mut fields: Vec<usize> = Vec::new();
    for used in set.used().filter(|used| used.of.unique.is_some()) {
        fields.push(used.at.field);
    }
    fields.sort_unstable();
    fields.dedup();
    if looked.partly && !fields.is_empty() {
        let place = against.place(Named::Source(set.ty, set.id));
        let read = looked.values.iter().map(Vec::len).max().unwrap_or_default();
        let message = format!(
            "there are {} entries, and {read} values were read: two with the same value among the others are not seen",
            looked.count
        );
        let help = "let the server keep the values unique by itself, too";
        against.note("values-partly-read", &place, message, help);
    }
    for (field, values) in fields.iter().zip(&looked.values) {
        let Some(used) = set.used().find(|used| used.at.field == *field && used.of.unique.is_some()) else {
            continue;
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for value in values {
            *seen.entry(crate::store::value::fold(value.trim())).or_default() += 1;
        }
        let twice = seen.values().filter(|count| **count > 1).count();
        if twice > 0 {
            let place = against.bound_place(set.ty, used.of.field, used.of.rule);
            let name = set.part.bag.field_name(*field);
            let message = format!(
                "`{}` is unique, but several entries have the same value of `{name}` ({twice} such values)",
                used.of.path
            );
            let help = "give each entry a value of its own, or leave `unique` out";
            against.error("unique-broken", &place, message, help);
        }
    }
}
