//! What a directory says about itself: its root DSE, its schema (RFC 4512 §4), and the entries that a mapping
//! looks at. Plain data, as the inventory of a database is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::store::{Bag, FieldId, Row};

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// DNs of entries: search bases, containers.
    pub places: Vec<String>,
    /// Sets of entries.
    pub looks: Vec<Look>,
    /// Attributes whose indexes and bounds matter.
    pub attributes: Vec<String>,
}

/// A set of entries to look at.
#[derive(Debug, Clone)]
pub struct Look {
    /// Which entries.
    pub bag: Arc<Bag>,
    /// Fields whose values are read of every entry, not of a sample only.
    pub whole: Vec<FieldId>,
}

/// A directory, as far as a mapping looks at it.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Which product.
    pub vendor: Vendor,
    /// What it calls itself.
    pub name: String,
    /// DN of the account that asks; empty if the connection alone says who it is.
    pub account: String,
    /// True if nobody can listen: TLS, or a connection within the machine.
    pub private: bool,
    /// True if the connection is encrypted, which some servers ask of whoever sets passwords.
    pub encrypted: bool,
    /// Naming contexts.
    pub contexts: Vec<String>,
    /// OIDs of controls.
    pub controls: BTreeSet<String>,
    /// OIDs of extended operations.
    pub extensions: BTreeSet<String>,
    /// Its schema.
    pub schema: Schema,
    /// The entries that were asked for, by the DN they were asked by.
    pub places: BTreeMap<String, Presence>,
    /// The sets of entries that were asked for, in their order; `None` for those whose base is not there.
    pub looked: Vec<Option<Looked>>,
    /// Its indexes.
    pub indexes: Indexes,
}

/// The directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Vendor {
    OpenLdap,
    ActiveDirectory,
    Ds389,
    #[default]
    Other,
}

/// Whether an entry is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    There {
        /// Object classes that entries below it may be given, where the server tells.
        children: Option<BTreeSet<String>>,
    },
    /// It is not, or the account may not see it.
    Missing,
}

/// What was found of a set of entries.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// Some entries.
    pub sample: Vec<Sampled>,
    /// How many there are.
    pub count: u64,
    /// Why they cannot be listed to the end, if they cannot.
    pub cut: Option<String>,
    /// Values of the fields that were asked for as a whole, in that order.
    pub values: Vec<Vec<String>>,
    /// True if there are more entries than values are read of.
    pub partly: bool,
    /// What the account may do with one of the entries, where the server tells.
    pub rights: Option<Rights>,
    /// True if the account that asks is one of the entries.
    pub has_account: bool,
    /// True if some of them are under Active Directory's protection of administrators.
    pub has_administrators: bool,
}

/// An entry.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// Its DN.
    pub dn: String,
    /// Its object classes.
    pub classes: Vec<String>,
    /// The bag's fields.
    pub row: Row,
}

/// What the account may do with an entry, in lower-case attribute names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// DN of the entry.
    pub of: String,
    /// Attributes that it may read; `None` where the server does not tell.
    pub read: Option<BTreeSet<String>>,
    /// Attributes that it may write.
    pub write: BTreeSet<String>,
    /// Whether it may delete the entry.
    pub delete: Option<bool>,
}

/// Indexes by lower-case attribute name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexes {
    /// Which kinds each attribute has.
    Known(BTreeMap<String, BTreeSet<IndexKind>>),
    /// They cannot be read; what the account lacks.
    Unread(String),
}

impl Default for Indexes {
    fn default() -> Self {
        Self::Unread(String::new())
    }
}

/// What an index answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IndexKind {
    Equality,
    Substring,
    Presence,
}

/// The schema of a directory.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Object classes.
    pub classes: Vec<ObjectClass>,
    /// Attribute types.
    pub attributes: Vec<AttributeType>,
    by_class: BTreeMap<String, usize>,
    by_attribute: BTreeMap<String, usize>,
}

/// An object class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectClass {
    /// Its names, the usual one first.
    pub names: Vec<String>,
    /// Classes that it builds on; of Active Directory also those that come with it.
    pub sup: Vec<String>,
    /// What it is for.
    pub kind: ClassKind,
    /// Attributes that an entry must have.
    pub must: Vec<String>,
    /// Attributes that an entry may have.
    pub may: Vec<String>,
}

/// What a class is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of RFC 4512")]
pub enum ClassKind {
    Abstract,
    #[default]
    Structural,
    Auxiliary,
}

/// An attribute type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeType {
    /// Its names, the usual one first.
    pub names: Vec<String>,
    /// The type that it builds on.
    pub sup: Option<String>,
    /// OID of its syntax; its supertype's, if it has none of its own.
    pub syntax: String,
    /// The most characters or octets of a value, where the server holds to it.
    pub most: Option<u64>,
    /// Equality matching rule.
    pub equality: Option<String>,
    /// Ordering matching rule.
    pub ordering: Option<String>,
    /// Substrings matching rule.
    pub substring: Option<String>,
    /// It has one value at most.
    pub single: bool,
    /// The server alone writes it.
    pub fixed: bool,
    /// It belongs to any entry, whatever its classes.
    pub operational: bool,
}

impl Schema {
    /// Puts a schema together; what types take from their supertypes is filled in.
    #[must_use]
    pub fn new(classes: Vec<ObjectClass>, mut attributes: Vec<AttributeType>) -> Self {
        let index = |names: &mut dyn Iterator<Item = (usize, &Vec<String>)>| {
            let mut by = BTreeMap::new();
            for (at, names) in names {
                for name in names {
                    by.entry(name.to_ascii_lowercase()).or_insert(at);
                }
            }
            by
        };
        let by_class = index(&mut classes.iter().map(|c| &c.names).enumerate());
        let by_attribute = index(&mut attributes.iter().map(|a| &a.names).enumerate());
        for at in 0..attributes.len() {
            let mut above = attributes.get(at).and_then(|a| a.sup.clone());
            // Bounded: a schema that goes in circles is the server's mistake.
            for _ in 0..8 {
                let Some(name) = above.take() else { break };
                let Some(parent) = by_attribute.get(&name.to_ascii_lowercase()) else { break };
                let Some(parent) = attributes.get(*parent).cloned() else { break };
                let Some(own) = attributes.get_mut(at) else { break };
                if own.syntax.is_empty() {
                    own.syntax.clone_from(&parent.syntax);
                }
                own.equality = own.equality.take().or(parent.equality);
                own.ordering = own.ordering.take().or(parent.ordering);
                own.substring = own.substring.take().or(parent.substring);
                above = parent.sup;
            }
        }
        Self { classes, attributes, by_class, by_attribute }
    }

    /// Finds a class by any of its names.
    #[must_use]
    pub fn find_class(&self, name: &str) -> Option<&ObjectClass> {
        self.classes.get(*self.by_class.get(&name.to_ascii_lowercase())?)
    }

    /// Finds an attribute type by any of its names; options (`;lang-de`) do not count.
    #[must_use]
    pub fn find_attribute(&self, name: &str) -> Option<&AttributeType> {
        let bare = name.split(';').next().unwrap_or(name);
        self.attributes.get(*self.by_attribute.get(&bare.to_ascii_lowercase())?)
    }

    /// These classes and all that they build on.
    #[must_use]
    pub fn with_superiors<'s>(&'s self, names: &[String]) -> Vec<&'s ObjectClass> {
        let mut found: Vec<&ObjectClass> = Vec::new();
        let mut next: Vec<&str> = names.iter().map(String::as_str).collect();
        while let Some(name) = next.pop() {
            let Some(class) = self.find_class(name) else { continue };
            if !found.iter().any(|known| std::ptr::eq(*known, class)) {
                found.push(class);
                next.extend(class.sup.iter().map(String::as_str));
            }
        }
        found
    }

    /// True if both names are of one attribute type.
    #[must_use]
    pub fn is_same(&self, a: &str, b: &str) -> bool {
        a.eq_ignore_ascii_case(b)
            || matches!((self.find_attribute(a), self.find_attribute(b)), (Some(a), Some(b)) if std::ptr::eq(a, b))
    }
}

impl AttributeType {
    /// Its usual name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_take_from_their_supertypes() {
        let name = |names: &[&str], sup: Option<&str>| AttributeType {
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            sup: sup.map(str::to_owned),
            ..AttributeType::default()
        };
        let top = AttributeType {
            syntax: "1.15".to_owned(),
            equality: Some("caseIgnoreMatch".to_owned()),
            ..name(&["name"], None)
        };
        let schema = Schema::new(Vec::new(), vec![name(&["sn", "surname"], Some("NAME")), top]);
        let sn = schema.find_attribute("Surname;lang-de").unwrap();
        assert_eq!((sn.syntax.as_str(), sn.equality.as_deref()), ("1.15", Some("caseIgnoreMatch")));
        assert!(schema.is_same("SN", "surname") && !schema.is_same("sn", "name"));
    }
}
