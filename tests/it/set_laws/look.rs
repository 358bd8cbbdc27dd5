//! All that a mapping does not name, to be compared later.

use std::collections::{BTreeMap, BTreeSet};

use super::round::Rounds;
use crate::support::{Snapshot, TestStore};

/// What servers keep by themselves, beside what [`Entries`] leaves out.
const OF_OVERLAYS: [&str; 5] = ["memberOf", "directReports", "managedObjects", "distinguishedName", "name"];

/// True for the classes of the containers that are made for who comes to lie in them.
fn is_of_container(class: &str) -> bool {
    ["organizationalUnit", "top"].iter().any(|known| known.eq_ignore_ascii_case(class))
}

/// All that a mapping does not name.
pub(super) enum Look {
    /// Tables that it does not name.
    Tables(Snapshot, BTreeSet<String>),
    /// Entries by identity.
    Entries(BTreeMap<String, Foreign>),
}

/// What a mapping does not name in an entry.
#[derive(PartialEq)]
pub(super) struct Foreign {
    dn: String,
    /// True if it may be new: a resource, or a container that is made for who comes to lie in it.
    is_made: bool,
    values: BTreeSet<String>,
}

impl Look {
    /// What is there now; entries with one of `hidden` in their DN are no resources, whatever their classes are.
    pub(super) fn at(store: &TestStore, rounds: &Rounds, hidden: &[&str]) -> Self {
        if !store.is_directory() {
            let snapshot = store.tables().snapshot();
            let foreign = snapshot.tables().into_iter().filter(|table| !rounds.names(table)).collect();
            return Self::Tables(snapshot, foreign);
        }
        let (written, entries) = (rounds.fields(), store.directory().look());
        // Servers have pointers follow whom they point at: what counts is who that is.
        let whose: BTreeMap<String, &str> =
            entries.iter().map(|(id, dn, _)| (dn.to_lowercase(), id)).collect();
        let foreign = |dn: &str, values: &BTreeSet<(String, String)>| {
            let classes =
                || values.iter().filter(|(name, _)| name == "objectClass").map(|(_, class)| class.as_str());
            let is_ours = !hidden.iter().any(|part| dn.contains(part))
                && classes().any(|class| rounds.classes().any(|ours| ours.eq_ignore_ascii_case(class)));
            // A value with a language or another option is another attribute than the one without.
            let is_foreign = |name: &str| match is_ours {
                true => !written.contains(&name.to_lowercase()),
                false => true,
            };
            let kept =
                values.iter().filter(|(name, _)| !OF_OVERLAYS.contains(&name.as_str()) && is_foreign(name));
            Foreign {
                dn: dn.to_owned(),
                is_made: is_ours || classes().all(is_of_container),
                values: kept
                    .map(|(name, value)| match whose.get(&value.to_lowercase()) {
                        Some(id) => format!("{name}: that of {id}"),
                        None => format!("{name}: {value}"),
                    })
                    .collect(),
            }
        };
        Self::Entries(entries.iter().map(|(id, dn, values)| (id.to_owned(), foreign(dn, values))).collect())
    }

    /// How many rows or values that are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Tables(snapshot, foreign) => snapshot.count(&|table| foreign.contains(table)),
            Self::Entries(entries) => entries.values().map(|entry| entry.values.len()).sum(),
        }
    }

    /// The first thing that is not as it was.
    pub(super) fn touched(&self, before: &Self) -> Option<String> {
        match (before, self) {
            (Self::Tables(before, foreign), Self::Tables(now, _)) => {
                let table = |line: &String| {
                    let name = line.trim_start_matches(['+', '-', ' ']).split('[').next().unwrap_or_default();
                    foreign.contains(name)
                };
                now.changes_since(before).into_iter().find(table)
            }
            (Self::Entries(before), Self::Entries(now)) => {
                let changed = before.iter().find_map(|(id, entry)| match now.get(id) {
                    None => Some(format!("{} is gone", entry.dn)),
                    Some(now) if now.values == entry.values => None,
                    Some(now) => {
                        let differ: Vec<_> = entry.values.symmetric_difference(&now.values).collect();
                        Some(format!("{}: {differ:?}", now.dn))
                    }
                });
                let new = || now.iter().find(|(id, entry)| !before.contains_key(*id) && !entry.is_made);
                changed.or_else(|| new().map(|(_, entry)| format!("{} is new", entry.dn)))
            }
            _ => Some("another kind of store".to_owned()),
        }
    }
}
