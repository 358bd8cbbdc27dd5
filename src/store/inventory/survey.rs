//! Whom a store holds, before anybody has said where: bounded samples of people and of groups.

use std::collections::BTreeMap;

use super::directory::Directory;

/// A directory, and some of its entries.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// What it says about itself.
    pub directory: Directory,
    /// Where was looked.
    pub bases: Vec<String>,
    /// People and accounts.
    pub people: Vec<Seen>,
    /// Groups.
    pub groups: Vec<Seen>,
    /// The most entries of each that are looked at.
    pub most: usize,
    /// A DN that every group has among its members, and that is no person's or group's: what keeps groups from being
    /// empty.
    pub placeholder: Option<String>,
}

/// An entry or a row.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its DN; empty for a row.
    pub dn: String,
    /// Its values by lower-case name; octets that are no text are spoilt, and of passwords there is nothing.
    pub values: BTreeMap<String, Vec<String>>,
}

impl Seen {
    /// The values of an attribute or column.
    #[must_use]
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// True if it has this object class.
    #[must_use]
    pub fn is_a(&self, class: &str) -> bool {
        self.all("objectClass").iter().any(|own| own.eq_ignore_ascii_case(class))
    }
}
