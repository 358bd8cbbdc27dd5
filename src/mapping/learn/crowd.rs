//! Entries of one kind, and what they have in common.

use std::collections::{BTreeMap, HashSet};

use crate::store::{
    dn::Dn,
    inventory::{
        directory::Vendor,
        survey::{Seen, Survey},
    },
};

/// Classes of people, the richest first.
const PEOPLE: [&str; 5] = ["inetOrgPerson", "organizationalPerson", "person", "posixAccount", "account"];
/// Classes of groups, and where each keeps its members.
const GROUPS: [(&str, &str); 5] = [
    ("groupOfNames", "member"),
    ("groupOfUniqueNames", "uniqueMember"),
    ("groupOfMembers", "member"),
    ("posixGroup", "memberUid"),
    ("groupOfURLs", "hasMember"),
];

/// Entries of one class.
pub(super) struct Crowd<'s> {
    pub(super) class: &'static str,
    /// Where groups keep their members; empty for people.
    pub(super) members: &'static str,
    pub(super) seen: Vec<&'s Seen>,
    /// The place below which all of them lie.
    pub(super) base: Dn,
    /// Where most of them lie, and how many.
    pub(super) home: (String, usize),
    /// The attribute that names most of them, and how many.
    pub(super) rdn: (String, usize),
}

impl<'s> Crowd<'s> {
    /// The people: those of the class that most of them have.
    pub(super) fn of_people(survey: &'s Survey) -> Option<Self> {
        if survey.directory.vendor == Vendor::ActiveDirectory {
            return Self::new("user", "", &survey.people);
        }
        let most = |class: &&'static str| survey.people.iter().filter(|seen| seen.is_a(class)).count();
        // Of several that as many have, the first.
        let class = PEOPLE.iter().copied().rev().max_by_key(most)?;
        Self::new(class, "", &survey.people)
    }

    /// The groups, likewise.
    pub(super) fn of_groups(survey: &'s Survey) -> Option<Self> {
        if survey.directory.vendor == Vendor::ActiveDirectory {
            return Self::new("group", "member", &survey.groups);
        }
        let most = |(class, _): &(&'static str, &'static str)| survey.groups.iter().filter(|seen| seen.is_a(class)).count();
        let (class, members) = GROUPS.iter().copied().rev().max_by_key(most)?;
        Self::new(class, members, &survey.groups)
    }

    fn new(class: &'static str, members: &'static str, all: &'s [Seen]) -> Option<Self> {
        let seen: Vec<&Seen> = all.iter().filter(|seen| seen.is_a(class)).collect();
        let names: Vec<Dn> = seen.iter().filter_map(|seen| Dn::parse(&seen.dn).ok()).collect();
        let mut base = names.first()?.parent()?;
        for name in &names {
            while !name.is_below(&base) {
                base = base.parent()?;
            }
        }
        let parents = names.iter().filter_map(Dn::parent).map(|dn| dn.to_string());
        let rdns = names.iter().filter_map(|dn| Some(dn.rdn()?.avas().first()?.attribute.clone()));
        Some(Self { class, members, base, home: commonest(parents)?, rdn: commonest(rdns)?, seen })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// How many have an attribute.
    pub(super) fn have(&self, attribute: &str) -> usize {
        self.seen.iter().filter(|seen| !seen.all(attribute).is_empty()).count()
    }

    /// How many have several values of it.
    pub(super) fn have_several(&self, attribute: &str) -> usize {
        self.seen.iter().filter(|seen| seen.all(attribute).len() > 1).count()
    }

    /// True if everybody has one value of it, which nobody else has.
    pub(super) fn is_name(&self, attribute: &str) -> bool {
        let mut known = HashSet::new();
        self.seen.iter().all(|seen| match seen.all(attribute) {
            [one] => known.insert(one.to_lowercase()),
            _ => false,
        })
    }

    /// How many have an attribute, in words.
    pub(super) fn share(&self, attribute: &str) -> String {
        let several = match self.have_several(attribute) {
            0 => String::new(),
            some => format!(", {} several values", number(some)),
        };
        format!("{} of {} have it{several}", number(self.have(attribute)), number(self.len()))
    }

    /// The first of some attributes that anybody has.
    pub(super) fn first_in_use<'a>(&self, attributes: &[&'a str]) -> Option<&'a str> {
        attributes.iter().copied().find(|attribute| self.have(attribute) > 0)
    }

    /// Every attribute in use, with how many have it.
    pub(super) fn in_use(&self) -> BTreeMap<&'s str, usize> {
        let mut all = BTreeMap::new();
        for name in self.seen.iter().flat_map(|seen| seen.values.keys()) {
            *all.entry(name.as_str()).or_insert(0) += 1;
        }
        all
    }

    /// True if the values of an attribute are DNs, as far as anybody has one.
    pub(super) fn holds_names(&self, attribute: &str) -> bool {
        let mut values = self.seen.iter().flat_map(|seen| seen.all(attribute));
        values.all(|value| Dn::parse(value).is_ok_and(|dn| !dn.rdns().is_empty()))
    }

    /// A value that all of them have in an attribute.
    pub(super) fn shared_value(&self, attribute: &str) -> Option<&'s String> {
        let (first, others) = self.seen.split_first()?;
        let is_shared = |value: &&String| others.iter().all(|seen| seen.all(attribute).contains(value));
        // One alone shares nothing.
        first.all(attribute).iter().find(is_shared).filter(|_| !others.is_empty())
    }
}

fn commonest(texts: impl Iterator<Item = String>) -> Option<(String, usize)> {
    let mut counts: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for text in texts {
        counts.entry(text.to_lowercase()).or_insert((text, 0)).1 += 1;
    }
    counts.into_values().max_by_key(|(_, count)| *count)
}

/// A number with its thousands apart.
pub(super) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 999, 4981, 1_234_567].map(number), ["7", "999", "4,981", "1,234,567"]);
    }
}
