//! Object classes: whether a new entry may be what the mapping makes, and have what it puts into it.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        directory::{
            Against, Set,
            attributes::find,
            fields::{made, stored},
            listed,
        },
        place::Named,
    },
    store::inventory::directory::{AttributeType, ClassKind, ObjectClass, Schema, Vendor},
};

/// What Active Directory fills in by itself.
const FILLED: [&str; 6] =
    ["objectCategory", "nTSecurityDescriptor", "instanceType", "objectSid", "sAMAccountName", "groupType"];

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>) {
    let schema = &against.facts.schema;
    if schema.classes.is_empty() {
        return;
    }
    let place = against.setting_place(set.ty, set.id, "classes");
    let mut is_complete = true;
    for name in set.classes() {
        if schema.find_class(name).is_none() {
            is_complete = false;
            let known = schema.classes.iter().flat_map(|class| &class.names).map(String::as_str);
            let help = match crate::mapping::compile::nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "load the schema that defines it, or take a class that the server has".to_owned(),
            };
            against.error("class-missing", &place, format!("the server has no object class `{name}`"), help);
        }
    }
    if !is_complete || set.classes().is_empty() {
        return;
    }
    kinds(against, set);
    let all = schema.with_superiors(set.classes());
    allowed(against, set, &all);
    compulsory(against, set, &all);
}

/// An entry is of one structural class and what it builds on (RFC 4512 §2.4.2). 389 Directory Server also has
/// entries of auxiliary classes alone, such as private groups.
fn kinds(against: &mut Against<'_>, set: &Set<'_>) {
    let schema = &against.facts.schema;
    let place = against.setting_place(set.ty, set.id, "classes");
    let structural: Vec<&ObjectClass> = set
        .classes()
        .iter()
        .filter_map(|name| schema.find_class(name))
        .filter(|class| class.kind == ClassKind::Structural)
        .collect();
    let builds_on_all = |class: &&ObjectClass| {
        let chain = schema.with_superiors(&class.names);
        structural.iter().all(|other| chain.iter().any(|of| std::ptr::eq(*of, *other)))
    };
    if structural.is_empty() {
        if against.facts.vendor == Vendor::Ds389 {
            return;
        }
        let message =
            format!("none of {} is a structural class", listed(set.classes().iter().map(String::as_str)));
        let help = "name one first, such as `inetOrgPerson`: it decides what an entry is";
        against.error("class-kind", &place, message, help);
    } else if !structural.iter().any(builds_on_all) {
        let names = listed(structural.iter().filter_map(|class| class.names.first()).map(String::as_str));
        let message = format!("an entry cannot be of {names} at once: neither builds on the other");
        against.error(
            "class-kind",
            &place,
            message,
            "keep one structural class; the others must be auxiliary",
        );
    }
}

/// What is written must be allowed by some class.
fn allowed(against: &mut Against<'_>, set: &Set<'_>, all: &[&ObjectClass]) {
    let anything =
        all.iter().any(|class| class.names.iter().any(|n| n.eq_ignore_ascii_case("extensibleObject")));
    if anything || !set.is_written() {
        return;
    }
    let schema = &against.facts.schema;
    let takes = |of: &AttributeType| {
        of.operational
            || all
                .iter()
                .flat_map(|class| class.must.iter().chain(&class.may))
                .any(|n| schema.is_same(n, of.name()))
    };
    for field in written(set) {
        let name = set.part.bag.field_name(field);
        let Some(of) = find(against, name) else { continue };
        let brings = set.part.aux.iter().any(|(class, fields)| {
            let mut classes = schema.with_superiors(std::slice::from_ref(class)).into_iter();
            let has =
                |class: &ObjectClass| class.must.iter().chain(&class.may).any(|n| schema.is_same(n, name));
            fields.contains(&field) && classes.any(has)
        });
        if takes(of) || of.fixed || brings {
            continue;
        }
        let holders =
            |class: &&ObjectClass| class.must.iter().chain(&class.may).any(|n| schema.is_same(n, name));
        let (mut aux, mut other): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for class in schema.classes.iter().filter(holders) {
            let list = if class.kind == ClassKind::Auxiliary { &mut aux } else { &mut other };
            list.extend(class.names.first().map(String::as_str));
        }
        let help = match (aux.as_slice(), other.as_slice()) {
            ([], []) => "no class of the server has it".to_owned(),
            ([], other) => format!("it belongs to {}", listed(other.iter().take(4).copied())),
            (aux, _) => format!("add one of {} to `classes`", listed(aux.iter().take(4).copied())),
        };
        let place = against.field_place(set.ty, set.id, field);
        let classes = listed(set.classes().iter().map(String::as_str));
        against.error(
            "attribute-not-allowed",
            &place,
            format!("entries of {classes} may not have `{name}`"),
            help,
        );
    }
}

/// Fields that clients or the mapping write.
fn written(set: &Set<'_>) -> BTreeSet<usize> {
    let by_clients = set.used().filter(|used| used.of.writable).map(|used| used.at.field);
    let own = made(set.mapping, set.uses).filter(|(_, at)| at.part == set.id).map(|(_, at)| at.field);
    let name = set.rdn().iter().copied();
    let all = by_clients.chain(own).chain(name);
    all.filter(|field| set.attributes().any(|(known, _)| known == *field)).collect()
}

/// What a class asks for must have a source.
fn compulsory(against: &mut Against<'_>, set: &Set<'_>, all: &[&ObjectClass]) {
    if !set.is_written() {
        return;
    }
    let schema = &against.facts.schema;
    let mut always = set.uses.always(set.mapping, set.id);
    always.extend(set.rdn());
    let fixed = |name: &str| schema.find_attribute(name).is_some_and(|of| of.fixed);
    let filled = |name: &str| {
        against.facts.vendor == Vendor::ActiveDirectory && FILLED.iter().any(|f| f.eq_ignore_ascii_case(name))
    };
    let field =
        |name: &str| set.attributes().find(|(_, known)| schema.is_same(known, name)).map(|(field, _)| field);
    let mut missing: Vec<(&str, &str)> = Vec::new();
    for class in all {
        for name in &class.must {
            let is_given = field(name).is_some_and(|field| always.contains(&field));
            let is_known = missing.iter().any(|(_, known)| schema.is_same(known, name));
            if !is_given
                && !is_known
                && !name.eq_ignore_ascii_case("objectClass")
                && !fixed(name)
                && !filled(name)
            {
                missing.push((class.names.first().map_or("", String::as_str), name));
            }
        }
    }
    for (class, name) in missing {
        let Some(field) = field(name) else {
            let place = against.setting_place(set.ty, set.id, "classes");
            let message = format!("`{class}` asks for `{name}`, which nothing gives a value");
            let help = format!("map it, or write `initial = {{ {name} = \"…\" }}`");
            against.error("must-missing", &place, message, help);
            continue;
        };
        let list = set.mapping.shape.parts.iter().position(|part| {
            part.opened
                .as_ref()
                .is_some_and(|opened| part.parent == set.id && opened.field == field && part.many)
        });
        match list.map(|part| (part, &set.mapping.shape.part(part).floor)) {
            Some((_, Some(_))) => {}
            Some((part, None)) if against.facts.schema.find_class(class).is_some() => {
                let place = against.setting_place(set.ty, part, "in");
                let message = format!(
                    "`{class}` asks for `{name}`: an empty list cannot be made, nor can one be emptied"
                );
                let help = "write `floor = \"cn=nobody,…\"`: a value that stays and is never shown";
                against.error("floor-missing", &place, message, help);
            }
            _ => {
                let sometimes = set.uses.sometimes(set.id).contains(&field)
                    || set.used().any(|used| used.at.field == field && used.of.writable);
                let place = against.field_place(set.ty, set.id, field);
                if sometimes {
                    let message = format!("`{class}` asks for `{name}`, which a new entry may lack");
                    let help = format!(
                        "write `required = true`, `initial = {{ {name} = \"…\" }}`, or what stands for nothing: `fields.{name}.nothing`"
                    );
                    against.warn("must-missing", &place, message, help);
                } else {
                    let message = format!("`{class}` asks for `{name}`, which nothing writes");
                    let help = format!("write `initial = {{ {name} = \"…\" }}`, or `derived`");
                    against.error("must-missing", &place, message, help);
                }
            }
        }
    }
}

/// The attribute types of some classes.
pub(super) fn attributes_of(schema: &Schema, classes: &[String]) -> Vec<String> {
    let all = schema.with_superiors(classes);
    all.iter().flat_map(|class| class.must.iter().chain(&class.may)).cloned().collect()
}

/// Where an attribute of a list or of an entry is named.
pub(super) fn attribute_of(set: &Set<'_>, field: usize) -> Named {
    let part = set.mapping.shape.parts.iter().enumerate().find(|(id, part)| {
        let at = crate::mapping::shape::FieldRef { part: *id, field: 0, slot: None };
        part.opened.is_some() && stored(set.mapping, &at).field == field && part.parent == set.id
    });
    match part {
        Some((id, _)) => Named::Setting(set.ty, id, "in"),
        None => Named::Field(set.ty, set.id, field),
    }
}
