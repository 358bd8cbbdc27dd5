//! Attribute types: whether they exist under the name that the mapping uses, how many values they hold, and who
//! writes them.

use crate::{
    mapping::{
        compile::nearest,
        directory::{
            Against, Set,
            classes::{attribute_of, attributes_of},
            fields::{made, stored},
        },
        form::SetOp,
        place::Named,
        shape::FieldRef,
    },
    store::inventory::directory::{AttributeType, Vendor},
};

/// Generalized Time (RFC 4517 §3.3.13).
const GENERALIZED_TIME: &str = "1.3.6.1.4.1.1466.115.121.1.24";

/// The type of an attribute, if the server has it.
pub(super) fn find<'m>(against: &Against<'m>, name: &str) -> Option<&'m AttributeType> {
    against.facts.schema.find_attribute(name)
}

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>) {
    if against.facts.schema.attributes.is_empty() {
        return;
    }
    for (field, name) in set.attributes() {
        let place = {
            let named = attribute_of(set, field);
            let is_named = against.mapping.places.has(&named);
            if is_named { against.place(named) } else { against.field_place(set.ty, set.id, field) }
        };
        let Some(of) = find(against, name) else {
            if is_of_another_profile(against, set, field) {
                continue;
            }
            let schema = &against.facts.schema;
            let own = attributes_of(schema, set.classes());
            let all = schema.attributes.iter().flat_map(|of| &of.names).map(String::as_str);
            let near = nearest(name, own.iter().map(String::as_str)).or_else(|| nearest(name, all));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name one that it has, or load the schema that defines this one".to_owned(),
            };
            against.error("attribute-missing", &place, format!("the server has no attribute `{name}`"), help);
            continue;
        };
        let bare = name.split(';').next().unwrap_or(name);
        if !of.name().eq_ignore_ascii_case(bare) && against.facts.vendor == Vendor::OpenLdap {
            let message = format!("the server answers with `{}` where it is asked for `{bare}`", of.name());
            let help = format!("write `{}`; under the other name nothing is found", of.name());
            against.error("attribute-alias", &place, message, help);
        }
        if of.single && holds_several(set, field) {
            let message = format!("`{name}` has one value at most, the mapping keeps a list in it");
            let help = "bind a single value to it, or take an attribute that may have several";
            against.error("single-valued", &place, message, help);
        }
        if of.fixed && set.is_written() && is_written(set, field) {
            let message = format!("`{name}` is written by the server alone");
            let help = "write `write = \"no\"`, or name another attribute";
            against.error("attribute-fixed", &place, message, help);
        }
    }
    anchor(against, set);
    version(against, set);
}

/// True if a field comes with a profile that is not the server's, which is found elsewhere.
fn is_of_another_profile(against: &Against<'_>, set: &Set<'_>, field: usize) -> bool {
    let crate::mapping::StoreKind::Ldap { profile } = &against.mapping.store else { return false };
    let differs = super::profile_word(against.facts.vendor).is_some_and(|word| word != profile.word());
    let named = Named::Field(set.ty, set.id, field);
    differs
        && !against.mapping.places.has(&named)
        && (set.part.bag.key.contains(&field) || set.mapping.version == Some(field))
}

/// True if the mapping keeps several values in an attribute.
fn holds_several(set: &Set<'_>, field: usize) -> bool {
    let lists =
        set.mapping.shape.parts.iter().enumerate().filter(|(_, part)| part.opened.is_some() && part.many);
    let mut lists = lists.map(|(id, _)| stored(set.mapping, &FieldRef { part: id, field: 0, slot: None }));
    lists.any(|at| at.part == set.id && at.field == field && at.whole)
        || set.mapping.settle.iter().any(|settle| {
            let crate::mapping::form::set::AssignTarget::Field(target) = &settle.assign.target else {
                return false;
            };
            let several = matches!(&settle.assign.op, SetOp::To(list) if list.len() > 1);
            several && target.part == set.id && target.field == field
        })
}

/// True if clients or the mapping write an attribute.
fn is_written(set: &Set<'_>, field: usize) -> bool {
    set.used().any(|used| used.at.field == field && used.of.writable)
        || made(set.mapping, set.uses).any(|(_, at)| at.part == set.id && at.field == field)
}

/// What identifies an entry must not change.
fn anchor(against: &mut Against<'_>, set: &Set<'_>) {
    if set.id != 0 {
        return;
    }
    for field in &set.part.bag.key {
        let name = set.part.bag.field_name(*field);
        let Some(of) = find(against, name) else { continue };
        if !of.fixed {
            let place = against.setting_place(set.ty, set.id, "anchor");
            let message = format!(
                "`{name}` identifies the entries, but may be written: who gets another one is another resource"
            );
            let help = "take what the server gives and never changes: leave `anchor` out";
            against.warn("anchor-writable", &place, message, help);
        }
    }
}

/// What tells one version of an entry from the next.
fn version(against: &mut Against<'_>, set: &Set<'_>) {
    let Some(field) = set.mapping.version.filter(|_| set.id == 0) else { return };
    let name = set.part.bag.field_name(field);
    if find(against, name).is_some_and(|of| of.syntax == GENERALIZED_TIME) {
        let place = against.setting_place(set.ty, set.id, "version");
        let message =
            format!("`{name}` counts seconds: two changes of one second are one version to `If-Match`");
        let help = "leave `version` out, which takes what the profile knows";
        against.warn("version-coarse", &place, message, help);
    }
}
