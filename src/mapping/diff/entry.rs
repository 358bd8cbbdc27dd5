//! Names of LDAP entries: the DN of a new one, and when a change gives an
//! existing one another DN (RFC 4514; modDN of RFC 4511 §4.9).

use std::sync::Arc;

use crate::{
    mapping::{TypeMapping, shape::PartId},
    scim::error::ScimError,
    store::{
        Bag, Cell, Change, Field, FieldKind, Fold, Predicate, Row, Source, Step, Value,
        dn::{AvaValue, Dn},
    },
};

/// True for the fields that are not attributes of the entry but its name and place.
#[must_use]
pub fn is_pseudo(bag: &Bag, name: &str) -> bool {
    matches!(bag.source, Source::Entries { .. })
        && (name.eq_ignore_ascii_case("dn") || name.eq_ignore_ascii_case("container"))
}

/// How the entries of a part are named.
pub struct Naming<'a> {
    bag: &'a Bag,
    may_rename: bool,
}

impl<'a> Naming<'a> {
    /// The naming rules of a part of entries.
    #[must_use]
    pub fn new(ty: &'a TypeMapping, part: PartId) -> Self {
        Self { bag: &ty.shape.part(part).bag, may_rename: ty.rename != crate::mapping::Rename::Refuse }
    }

    fn value(&self, row: &Row, name: &str) -> Option<String> {
        Some(row.first(self.bag.find_field(name)?)?.to_text())
    }

    /// The DN of a new entry: its naming attributes below its container.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if a naming attribute has no value.
    pub fn new_dn(&self, now: &Row, parent: Option<&str>) -> Result<String, ScimError> {
        let Source::Entries { bases, rdn, .. } = &self.bag.source else { return Ok(String::new()) };
        let container = self.value(now, "container");
        let place = container.as_deref().or(bases.first().map(String::as_str)).or(parent).unwrap_or_default();
        let mut names = Vec::new();
        for field in rdn {
            let name = self.bag.field_name(*field);
            let value = now.first(*field).map(Value::to_text).filter(|v| !v.is_empty());
            let value = value.ok_or_else(|| {
                ScimError::invalid_value(format!("`{name}`, which names the entry, has no value."))
            })?;
            names.push((name.to_owned(), value));
        }
        self.join(place, &names)
    }

    fn join(&self, place: &str, names: &[(String, String)]) -> Result<String, ScimError> {
        let parent =
            Dn::parse(place).map_err(|_| ScimError::internal("A container of the mapping is not a DN."))?;
        let names: Vec<(&str, &str)> = names.iter().map(|(a, v)| (a.as_str(), v.as_str())).collect();
        Ok(parent.child(&names).to_string())
    }

    /// The new DN of an existing entry, if its naming attributes or its container changed. An entry
    /// that is named otherwise than new ones keeps its naming attributes.
    ///
    /// # Errors
    ///
    /// 400 `mutability` if the mapping refuses renames; 400 `invalidValue` if a name is emptied.
    pub fn changed_dn(&self, was: &Row, now: &Row) -> Result<Option<String>, ScimError> {
        let Some(old) = self.value(was, "dn").and_then(|dn| Dn::parse(&dn).ok()) else { return Ok(None) };
        let Some(rdn) = old.rdn() else { return Ok(None) };
        let mut names: Vec<(String, String)> = Vec::new();
        let mut changed = false;
        for ava in rdn.avas() {
            // A name that is not text is not one that the mapping gave; it stays.
            let AvaValue::Text(text) = &ava.value else { return Ok(None) };
            let (attribute, mut value) = (ava.attribute.as_str(), text.clone());
            if let Some(field) = self.bag.find_field(attribute) {
                let before = was.all(field);
                let after = now.all(field);
                let listed =
                    |list: &[Value], fold| list.iter().any(|v| v.same(&Value::Text(value.clone()), fold));
                if listed(before, Fold::Case) && !listed(after, Fold::Exact) && before != after {
                    value = after.first().map(Value::to_text).filter(|v| !v.is_empty()).ok_or_else(|| {
                        ScimError::invalid_value(format!(
                            "`{attribute}`, which names the entry, must not be empty."
                        ))
                    })?;
                    changed = true;
                }
            }
            names.push((attribute.to_owned(), value));
        }
        let before = old.parent().map(|p| p.to_string()).unwrap_or_default();
        let place = match self.value(now, "container") {
            Some(after) if !same_dn(&before, &after) => {
                changed = true;
                after
            }
            _ => before,
        };
        if !changed {
            return Ok(None);
        }
        if !self.may_rename {
            return Err(ScimError::mutability("This resource cannot be renamed or moved."));
        }
        self.join(&place, &names).map(Some)
    }

    /// True if the new DN is not in the container that the entry was in.
    #[must_use]
    pub fn is_moved(&self, was: &Row, dn: &str) -> bool {
        let parent = |dn: &str| Dn::parse(dn).ok().and_then(|dn| dn.parent());
        self.value(was, "dn").and_then(|old| parent(&old)) != parent(dn)
    }

    /// The rename itself changes the naming attributes: their changes need not be said again.
    pub fn drop_named(&self, changes: &mut Vec<Change>, was: &Row, now: &Row, dn: &str) {
        let Ok(new) = Dn::parse(dn) else { return };
        let Some(rdn) = new.rdn() else { return };
        for ava in rdn.avas() {
            let Some(field) = self.bag.find_field(&ava.attribute) else { continue };
            if was.all(field).len() <= 1 && now.all(field).len() <= 1 {
                changes.retain(|c| !matches!(c, Change::Set(f, _) if *f == field));
            }
        }
    }
}

/// The steps that make the entries between a base of the bag and an entry, where they are missing.
#[must_use]
pub fn above(bag: &Bag, classes: &[String], dn: &str) -> Vec<Step> {
    let (Source::Entries { bases, .. }, Ok(dn), false) = (&bag.source, Dn::parse(dn), classes.is_empty())
    else {
        return Vec::new();
    };
    let parsed: Vec<Dn> = bases.iter().filter_map(|base| Dn::parse(base).ok()).collect();
    let mut places = Vec::new();
    let mut place = dn.parent();
    while let Some(at) = place.filter(|at| parsed.iter().any(|base| at.is_below(base))) {
        place = at.parent();
        places.push(at);
    }
    let made = Arc::new(Bag {
        name: format!("{}.make", bag.name),
        source: Source::Entries {
            bases: bases.clone(),
            subtree: true,
            classes: classes.to_vec(),
            rdn: Vec::new(),
        },
        fields: vec![Field { name: "dn".to_owned(), kind: FieldKind::Dn, many: false }],
        key: Vec::new(),
        scope: Predicate::True,
    });
    let step = |place: Dn| Step::Insert {
        bag: made.clone(),
        cells: vec![(0, Cell::Values(vec![Value::Text(place.to_string())]))],
        report: Vec::new(),
        unless_exists: true,
    };
    places.into_iter().rev().map(step).collect()
}

fn same_dn(a: &str, b: &str) -> bool {
    crate::store::dn::normalise(a) == crate::store::dn::normalise(b)
}
