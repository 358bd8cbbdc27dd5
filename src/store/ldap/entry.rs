//! Entries as they come off the wire, and rows made of them.
//!
//! ldap3's own decoder panics on an odd answer and guesses which attributes are
//! binary; this one does neither.

use std::{collections::HashMap, sync::Arc};

use ldap3::asn1::{PL, StructureTag};

use super::syntax;
use crate::store::{
    Bag, FieldId, FieldKind, Row, StoreError, Value,
    dn::{Dn, normalise},
};

/// Name of the pseudo field that holds the entry's DN.
pub(super) const DN: &str = "dn";
/// Name of the pseudo field that holds the DN of the entry's parent.
pub(super) const CONTAINER: &str = "container";

/// An entry: its DN, and attribute descriptions (as the server spells them) with their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// True for the fields that are no attributes.
pub(super) fn is_pseudo(name: &str) -> bool {
    name.eq_ignore_ascii_case(DN) || name.eq_ignore_ascii_case(CONTAINER)
}

/// The attributes to ask for, never "all of them" (RFC 4511 §4.5.1.8).
pub(super) fn attributes_of(bag: &Bag, fields: &[FieldId]) -> Arc<[String]> {
    let mut names: Vec<String> = Vec::new();
    for name in fields.iter().map(|f| bag.field_name(*f)) {
        if !name.is_empty() && !is_pseudo(name) && !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        names.push("1.1".to_owned());
    }
    names.into()
}

impl Entry {
    /// Decodes a SearchResultEntry (RFC 4511 §4.5.2), or the same structure in a read-entry control.
    pub(super) fn decode(tag: StructureTag) -> Option<Self> {
        let mut parts = constructed(tag)?.into_iter();
        let dn = text(parts.next()?)?;
        let attributes = constructed(parts.next()?)?
            .into_iter()
            .map(|attribute| {
                let mut parts = constructed(attribute)?.into_iter();
                let name = text(parts.next()?)?;
                let values = constructed(parts.next()?)?.into_iter().map(primitive).collect::<Option<_>>()?;
                Some((name, values))
            })
            .collect::<Option<_>>()?;
        Some(Self { dn, attributes })
    }

    /// Makes a row of `fields`. Attributes with options of their own (`;lang-de`) are other attributes.
    pub(super) fn into_row(self, bag: &Bag, fields: &[FieldId]) -> Result<Row, StoreError> {
        let mut row = Row::new(bag);
        let named = || fields.iter().filter_map(|id| Some((*id, bag.fields.get(*id)?)));
        for (name, values) in self.attributes {
            let is_new = |id: FieldId| row.all(id).is_empty();
            let of_it = named().filter(|(id, field)| is_description(&name, &field.name) && is_new(*id));
            let of_it: Vec<(FieldId, FieldKind)> = of_it.map(|(id, field)| (id, field.kind)).collect();
            let Some(((last, kind), others)) = of_it.split_last() else { continue };
            for (id, kind) in others {
                row.set(*id, decoded(values.clone(), *kind));
            }
            row.set(*last, decoded(values, *kind));
        }
        for (id, field) in named().filter(|(_, field)| is_pseudo(&field.name)) {
            let name = match field.name.eq_ignore_ascii_case(DN) {
                true => Some(self.dn.clone()),
                false => Dn::parse(&self.dn).ok().and_then(|dn| dn.parent()).map(|dn| dn.to_string()),
            };
            row.set(id, name.map(Value::Text).into_iter().collect());
        }
        Ok(row)
    }

    /// All attributes by lower-case name, as text; for the root DSE.
    pub(super) fn texts(&self) -> HashMap<String, Vec<String>> {
        let lossy = |v: &Vec<u8>| String::from_utf8_lossy(v).into_owned();
        self.attributes
            .iter()
            .map(|(name, values)| (name.to_ascii_lowercase(), values.iter().map(lossy).collect()))
            .collect()
    }

    /// The DN in the form that is equal for equal DNs; as it stands if it is none.
    pub(super) fn normal_dn(&self) -> String {
        normalise(&self.dn).unwrap_or_else(|| self.dn.clone())
    }
}

fn decoded(values: Vec<Vec<u8>>, kind: FieldKind) -> Vec<Value> {
    values.into_iter().map(|octets| syntax::decode(octets, kind)).collect()
}

/// True if `name` is this exact description without case, or with `;binary` added.
fn is_description(name: &str, description: &str) -> bool {
    let bare = || match name.split_at_checked(description.len()) {
        Some((bare, option)) if option.eq_ignore_ascii_case(";binary") => {
            bare.eq_ignore_ascii_case(description)
        }
        _ => false,
    };
    name.eq_ignore_ascii_case(description) || (name.len() == description.len() + ";binary".len() && bare())
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    primitive(tag).and_then(|octets| String::from_utf8(octets).ok())
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::TagClass;

    use super::*;
    use crate::store::{Field, Predicate, Source};

    fn bag(fields: &[(&str, FieldKind)]) -> Bag {
        Bag {
            name: "User".into(),
            source: Source::Entries { bases: vec![], subtree: true, classes: vec![], rdn: vec![] },
            fields: fields
                .iter()
                .map(|(name, kind)| Field { name: (*name).into(), kind: *kind, many: true })
                .collect(),
            key: vec![],
            scope: Predicate::True,
        }
    }

    fn entry(attributes: &[(&str, &[&[u8]])]) -> Entry {
        Entry {
            dn: "uid=ann,ou=People,dc=x".into(),
            attributes: attributes
                .iter()
                .map(|(name, values)| ((*name).into(), values.iter().map(|v| v.to_vec()).collect()))
                .collect(),
        }
    }

    #[test]
    fn names_match_without_case_and_options_are_other_attributes() {
        let bag = bag(&[
            ("DISPLAYNAME", FieldKind::Any),
            ("userCertificate", FieldKind::Bytes),
            ("dn", FieldKind::Dn),
            ("container", FieldKind::Dn),
            ("displayName;lang-de", FieldKind::Text),
        ]);
        let row = entry(&[
            ("displayName;lang-de", &[b"Deutsch"]),
            ("displayName", &[b"D"]),
            ("userCertificate;binary", &[b"abc"]),
        ])
        .into_row(&bag, &[0, 1, 2, 3, 4])
        .unwrap();
        assert_eq!(
            row.cells,
            vec![
                vec!["D".into()],
                vec![Value::Bytes(b"abc".to_vec())],
                vec!["uid=ann,ou=People,dc=x".into()],
                vec!["ou=People,dc=x".into()],
                vec!["Deutsch".into()],
            ]
        );
    }

    #[test]
    fn only_real_attributes_are_asked_for() {
        let bag = bag(&[("dn", FieldKind::Dn), ("uid", FieldKind::Any), ("UID", FieldKind::Any)]);
        assert_eq!(*attributes_of(&bag, &[0]), ["1.1"]);
        assert_eq!(*attributes_of(&bag, &[0, 1, 2]), ["uid"]);
    }

    #[test]
    fn a_malformed_entry_is_none() {
        let tag = |payload| StructureTag { class: TagClass::Universal, id: 4, payload };
        assert_eq!(Entry::decode(tag(PL::P(vec![1]))), None);
        assert_eq!(Entry::decode(tag(PL::C(vec![tag(PL::P(vec![0xff]))]))), None);
        assert_eq!(Entry::decode(tag(PL::C(vec![tag(PL::P(b"cn=a".to_vec()))]))), None);
    }
}
