//! What the service account may do, as far as the server tells without a write.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        directory::{Against, Set, attributes::find, fields::made, listed},
        place::Named,
        uses::Role,
    },
    store::{
        Source,
        inventory::directory::{ClassKind, Looked, Presence},
    },
};

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    children(against, set);
    unseen(against, set, looked);
    let place = against.place(Named::Source(set.ty, set.id));
    let Some(rights) = &looked.rights else {
        if set.ty == 0 && set.id == 0 && !looked.sample.is_empty() {
            let message =
                format!("{} does not tell which attributes the account may write", against.facts.name);
            let help = "try it: POST, PATCH and DELETE a resource that nobody needs";
            against.note("rights-unknown", &place, message, help);
        }
        return;
    };
    if !set.is_written() {
        return;
    }
    let name = |field: usize| set.part.bag.field_name(field);
    let is_fixed = |name: &str| find(against, name).is_none_or(|of| of.fixed);
    let mut written: BTreeSet<&str> = set
        .used()
        .filter(|used| used.of.writable && !matches!(used.of.role, Role::Password(_)))
        .map(|used| name(used.at.field))
        .collect();
    written.extend(
        made(set.mapping, set.uses).filter(|(_, at)| at.part == set.id).map(|(_, at)| name(at.field)),
    );
    let naming: Vec<&str> = set.rdn().iter().map(|field| name(*field)).collect();
    let schema = &against.facts.schema;
    let lacks = |list: &BTreeSet<String>, name: &&str| {
        let names = schema.find_attribute(name).map(|of| of.names.clone()).unwrap_or_default();
        !names.iter().any(|name| list.contains(&name.to_ascii_lowercase()))
    };
    let write: Vec<&str> = written
        .iter()
        .copied()
        .filter(|n| !super::is_pseudo(n) && !is_fixed(n) && !naming.contains(n) && lacks(&rights.write, n))
        // What the entry's classes do not allow is found elsewhere.
        .filter(|n| allows(against, looked, n))
        .collect();
    if !write.is_empty() {
        let message = format!("the account may not write {} of `{}`", listed(write), rights.of);
        let help = "give it the right, or write `write = \"no\"`";
        against.error("right-missing", &place, message, help);
    }
    if let Some(read) = &rights.read {
        let unread: Vec<&str> = set
            .attributes()
            .filter(|(field, _)| !is_password(set, *field))
            .map(|(_, name)| name)
            .filter(|name| {
                find(against, name).is_some() && lacks(read, name) && allows(against, looked, name)
            })
            .collect();
        if !unread.is_empty() {
            let message = format!("the account may not read {} of `{}`", listed(unread), rights.of);
            against.error("right-missing", &place, message, "give it the right to read and to search");
        }
    }
    if rights.delete == Some(false) && !set.mapping.delete.keep {
        let message = format!("the account may not delete `{}`", rights.of);
        let help = format!("give it the right, or write `[{}.delete]` with `keep = true`", set.part.name);
        against.error("right-missing", &place, message, help);
    }
}

/// True if an entry like the first one may have an attribute.
fn allows(against: &Against<'_>, looked: &Looked, name: &str) -> bool {
    let schema = &against.facts.schema;
    let Some(entry) = looked.sample.first() else { return false };
    let own = super::classes::attributes_of(schema, &entry.classes);
    find(against, name).is_some_and(|of| of.operational) || own.iter().any(|own| schema.is_same(own, name))
}

/// Active Directory tells which classes the account may make below a container.
fn children(against: &mut Against<'_>, set: &Set<'_>) {
    let Source::Entries { bases, classes, .. } = &set.part.bag.source else { return };
    let (Some(base), true) = (bases.first(), set.is_written()) else { return };
    let Some(Presence::There { children: Some(children) }) = against.facts.places.get(base) else { return };
    // The class that builds on the others is what an entry is made as.
    let schema = &against.facts.schema;
    let is_structural =
        |class: &&String| schema.find_class(class).is_some_and(|c| c.kind == ClassKind::Structural);
    let depth = |class: &&String| schema.with_superiors(std::slice::from_ref(*class)).len();
    let Some(class) = classes.iter().filter(is_structural).max_by_key(depth) else { return };
    if !children.contains(&class.to_ascii_lowercase()) {
        let place = against.place(Named::Source(set.ty, set.id));
        let message = format!("the account may not make entries of the class `{class}` below `{base}`");
        against.error("right-missing", &place, message, "let it create child objects of that class there");
    }
}

/// What every entry must have and none shows is kept from us.
fn unseen(against: &mut Against<'_>, set: &Set<'_>, looked: &Looked) {
    if looked.rights.as_ref().is_some_and(|rights| rights.read.is_some()) || looked.sample.is_empty() {
        return;
    }
    let schema = &against.facts.schema;
    let asked = |name: &str| {
        looked.sample.iter().all(|entry| {
            let classes = schema.with_superiors(&entry.classes);
            classes.iter().flat_map(|class| &class.must).any(|must| schema.is_same(must, name))
        })
    };
    let shown = |field: usize| looked.sample.iter().any(|entry| !entry.row.all(field).is_empty());
    let is_usual =
        |name: &str| schema.find_attribute(name).is_some_and(|of| of.name().eq_ignore_ascii_case(name));
    let hidden: Vec<&str> = set
        .attributes()
        .filter(|(field, name)| !is_password(set, *field) && !shown(*field) && is_usual(name) && asked(name))
        .map(|(_, name)| name)
        .collect();
    if !hidden.is_empty() {
        let place = against.place(Named::Source(set.ty, set.id));
        let message = format!("the account may not read {}, which every entry must have", listed(hidden));
        against.error("right-missing", &place, message, "give it the right to read and to search");
    }
}

/// True for what nobody has to read: it is written only.
fn is_password(set: &Set<'_>, field: usize) -> bool {
    let mut uses = set.used().filter(|used| used.at.field == field).peekable();
    uses.peek().is_some() && uses.all(|used| matches!(used.of.role, Role::Password(_)))
}
