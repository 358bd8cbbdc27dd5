//! Entries or rows of one kind, and what they have in common: counts and shares, never anybody's values.

use std::collections::{BTreeMap, HashSet};

use super::page::number;
use crate::store::{dn::Dn, inventory::survey::Seen};

/// Entries of one class, or rows of one table.
#[derive(Debug, Clone)]
pub(super) struct Crowd<'s> {
    pub(super) seen: Vec<&'s Seen>,
    /// What they are called: `entries`, `rows`.
    pub(super) word: &'static str,
}

impl<'s> Crowd<'s> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// How many have a value.
    pub(super) fn have(&self, name: &str) -> usize {
        self.count(|seen| seen.all(name).iter().any(|value| !value.is_empty()))
    }

    pub(super) fn count(&self, test: impl Fn(&Seen) -> bool) -> usize {
        self.seen.iter().filter(|seen| test(seen)).count()
    }

    /// True if at least so many of a hundred are so many.
    pub(super) fn is_most(&self, count: usize, percent: usize) -> bool {
        count > 0 && count * 100 >= self.len() * percent
    }

    /// True if most of them have one value, which nobody else has.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.is_unique(name) && self.is_most(self.have(name), 95)
    }

    /// True if nobody has two values or somebody else's.
    pub(super) fn is_unique(&self, name: &str) -> bool {
        let mut known = HashSet::new();
        self.seen.iter().all(|seen| match seen.all(name) {
            [] => true,
            [one] => one.is_empty() || known.insert(one.to_lowercase()),
            _ => false,
        })
    }

    /// `in 98 % of 500 entries, in 12 several values`.
    pub(super) fn share(&self, name: &str) -> String {
        let several = match self.count(|seen| seen.all(name).len() > 1) {
            0 => String::new(),
            some => format!(", in {} several values", number(some)),
        };
        format!("{}{several}", self.part(self.have(name)))
    }

    /// `in 98 % of 500 entries`.
    pub(super) fn part(&self, count: usize) -> String {
        let (all, word) = (self.len(), self.word);
        match count {
            0 => format!("in none of {} {word}", number(all)),
            count if count == all => format!("in all {} {word}", number(all)),
            count if all < 100 || count * 100 < all => {
                format!("in {} of {} {word}", number(count), number(all))
            }
            count => format!("in {} % of {} {word}", count * 100 / all, number(all)),
        }
    }

    /// The first of some names that anybody has a value of.
    pub(super) fn first_in_use<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.have(name) > 0)
    }

    /// Every name in use.
    pub(super) fn in_use(&self) -> Vec<&'s str> {
        let names: HashSet<&'s str> =
            self.seen.iter().flat_map(|seen| seen.values.keys().map(String::as_str)).collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by_key(|name| (std::cmp::Reverse(self.have(name)), *name));
        names
    }

    /// Every value, of everybody.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'s str> {
        let all: Vec<&'s str> =
            self.seen.iter().flat_map(|seen| seen.all(name)).map(String::as_str).collect();
        all.into_iter()
    }

    /// True if the values are DNs, as far as anybody has one.
    pub(super) fn holds_names(&self, name: &str) -> bool {
        self.values(name).all(|value| Dn::parse(value).is_ok_and(|dn| !dn.rdns().is_empty()))
    }
}

/// The commonest of some texts without regard to case, and how often it is there.
pub(super) fn commonest(texts: impl Iterator<Item = String>) -> Option<(String, usize)> {
    let mut counts: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for text in texts {
        counts.entry(text.to_lowercase()).or_insert((text, 0)).1 += 1;
    }
    // Of several that are as common, the first.
    counts.into_values().rev().max_by_key(|(_, count)| *count)
}
