//! What rows have in common with entries of a directory, as far as examples need it: a name that tells where
//! they lie, object classes, and values that follow the name.

use super::{Stored, Table, Tables, source_name, target_predicate};
use crate::store::{
    Bag, Field, Fold, Predicate, Source, StoreError, Target, Value,
    dn::{AvaValue, Dn},
};

impl Tables {
    /// The table of entries in which a place lies that is no table of its own.
    pub(super) fn around(&self, bag: &Bag) -> Option<&Table> {
        let Source::Entries { bases, .. } = &bag.source else { return None };
        let place = Dn::parse(bases.first()?).ok()?;
        let above = |name: &str| Dn::parse(name).is_ok_and(|name| place.is_below(&name));
        self.0.iter().find(|(name, _)| above(name)).map(|(_, table)| table)
    }

    /// The bag of an entry that a rename has put below another base.
    pub(super) fn moved(&self, bag: &Bag, target: &Target) -> Option<Bag> {
        let (Source::Entries { subtree, classes, rdn, .. }, Target::Entry { dn, .. }) = (&bag.source, target)
        else {
            return None;
        };
        let dn = Dn::parse(dn).ok()?;
        let place = dn.parent()?.to_string();
        let table = self.0.get(&place.to_lowercase())?;
        let is_moved = place.to_lowercase() != source_name(bag)
            && self.find(bag, &target_predicate(bag, target)).is_empty()
            && table.rows.iter().any(|stored| name(stored).as_ref() == Some(&dn));
        let (subtree, classes, rdn) = (*subtree, classes.clone(), rdn.clone());
        let source = Source::Entries { bases: vec![place], subtree, classes, rdn };
        is_moved.then(|| Bag { source, scope: Predicate::True, ..Bag::clone(bag) })
    }

    /// Refuses a name that an entry has; `but` is the row of the bag that may have it.
    fn refuse_taken(&self, bag: &Bag, dn: &Dn, but: Option<usize>) -> Result<(), StoreError> {
        let own = source_name(bag);
        let is_taken = self.0.iter().any(|(table, held)| {
            let mut others = held.rows.iter().enumerate().filter(|(at, _)| Some(*at) != but || *table != own);
            others.any(|(_, stored)| name(stored).as_ref() == Some(dn))
        });
        if is_taken { Err(StoreError::AlreadyExists { constraint: "dn".to_owned() }) } else { Ok(()) }
    }

    /// Refuses a new entry whose name another one has.
    pub(super) fn refuse_twin(&self, bag: &Bag, new: &Stored) -> Result<(), StoreError> {
        match (&bag.source, name(new)) {
            (Source::Entries { .. }, Some(dn)) => self.refuse_taken(bag, &dn, None),
            _ => Ok(()),
        }
    }

    /// Gives an entry another name. Below another base it is one of another table, named after that.
    pub(super) fn rename(&mut self, bag: &Bag, row: usize, dn: &str) -> Result<(), StoreError> {
        let new = Dn::parse(dn).map_err(|_| StoreError::Corrupt(format!("`{dn}` is no DN")))?;
        let own = source_name(bag);
        self.refuse_taken(bag, &new, Some(row))?;
        let parent = new.parent().unwrap_or_default();
        let stays = match &bag.source {
            Source::Entries { bases, .. } => bases
                .iter()
                .filter_map(|base| Dn::parse(base).ok())
                .any(|base| parent == base || parent.is_below(&base)),
            Source::Table(_) | Source::Items(_) | Source::Names(_) => true,
        };
        let Some(table) = self.0.get_mut(&own) else { return Ok(()) };
        let Some(stored) = table.rows.get_mut(row) else { return Ok(()) };
        rename(stored, dn);
        if !stays {
            let moved = table.rows.remove(row);
            self.0.entry(parent.to_string().to_lowercase()).or_default().rows.push(moved);
        }
        Ok(())
    }
}

fn name(stored: &Stored) -> Option<Dn> {
    Dn::parse(&stored.get("dn")?.first()?.to_text()).ok()
}

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
    let Source::Entries { bases, subtree, classes, .. } = &bag.source else { return true };
    let (place, bases) = (container(stored), bases.iter().filter_map(|base| Dn::parse(base).ok()));
    let place = place.and_then(|place| Dn::parse(&place.to_text()).ok());
    let is_inside =
        |place: &Dn| bases.clone().any(|base| *place == base || *subtree && place.is_below(&base));
    if place.is_some_and(|place| !is_inside(&place)) {
        return false;
    }
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
    let held = stored.entry("objectclass".to_owned()).or_default();
    let classes = classes.iter().map(|c| Value::Text(c.clone()));
    let new: Vec<Value> = classes.filter(|c| !held.iter().any(|h| h.same(c, Fold::Case))).collect();
    held.splice(0..0, new);
    let dn = stored.get("dn").and_then(|dn| dn.first()).map(Value::to_text);
    for (name, value) in dn.iter().flat_map(|dn| names(dn)) {
        stored.entry(name).or_insert_with(|| vec![value]);
    }
}

/// Gives an entry another name, and the values that go with it.
fn rename(stored: &mut Stored, dn: &str) {
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
