//! What rows have in common with entries of a directory, as far as examples need it: a name that tells where
//! they lie, object classes, and values that follow the name.

use super::Stored;
use crate::store::{
    Bag, Field, Fold, Source, Value,
    dn::{AvaValue, Dn},
};

/// True for the field that is no attribute but the place of the entry.
pub(super) fn is_container(bag: &Bag, field: &Field) -> bool {
    matches!(bag.source, Source::Entries { .. }) && field.name.eq_ignore_ascii_case("container")
}

/// The place of an entry.
pub(super) fn container(stored: &Stored) -> Option<Value> {
    let dn = stored.get("dn")?.first()?.to_text();
    Some(Value::Text(Dn::parse(&dn).ok()?.parent()?.to_string()))
}

/// False for an entry whose classes say that it is another thing.
pub(super) fn is_one(bag: &Bag, stored: &Stored) -> bool {
    let Source::Entries { classes, .. } = &bag.source else { return true };
    match (classes.first(), stored.get("objectclass")) {
        (Some(class), Some(held)) if bag.find_field("objectClass").is_none() || !tests_class(bag) => {
            held.iter().any(|v| v.same(&Value::Text(class.clone()), Fold::Case))
        }
        _ => true,
    }
}

fn tests_class(bag: &Bag) -> bool {
    let Some(class) = bag.find_field("objectClass") else { return false };
    bag.scope.fields().contains(&class)
}

/// Gives a new entry its classes and the values that name it.
pub(super) fn complete(bag: &Bag, stored: &mut Stored) {
    let Source::Entries { classes, .. } = &bag.source else { return };
    let classes = classes.iter().map(|c| Value::Text(c.clone())).collect();
    stored.entry("objectclass".to_owned()).or_insert(classes);
    let dn = stored.get("dn").and_then(|dn| dn.first()).map(Value::to_text);
    for (name, value) in dn.iter().flat_map(|dn| names(dn)) {
        stored.entry(name).or_insert_with(|| vec![value]);
    }
}

/// Gives an entry another name, and the values that go with it.
pub(super) fn rename(stored: &mut Stored, dn: &str) {
    let old = stored.get("dn").and_then(|dn| dn.first()).map(Value::to_text).unwrap_or_default();
    for (name, value) in names(&old) {
        if let Some(values) = stored.get_mut(&name) {
            values.retain(|v| !v.same(&value, Fold::Case));
        }
    }
    for (name, value) in names(dn) {
        let values = stored.entry(name).or_default();
        if !values.iter().any(|v| v.same(&value, Fold::Exact)) {
            values.insert(0, value);
        }
    }
    stored.insert("dn".to_owned(), vec![Value::Text(dn.to_owned())]);
}

/// The attributes of a name, in lower case, and their values.
fn names(dn: &str) -> Vec<(String, Value)> {
    let Ok(dn) = Dn::parse(dn) else { return Vec::new() };
    let avas = dn.rdn().map_or(&[][..], |rdn| rdn.avas());
    let texts = avas.iter().filter_map(|ava| match &ava.value {
        AvaValue::Text(text) => Some((ava.attribute.to_lowercase(), Value::Text(text.clone()))),
        _ => None,
    });
    texts.collect()
}
