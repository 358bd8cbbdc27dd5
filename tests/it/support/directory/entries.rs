//! All that lies in a directory, value for value, and what has changed between two such looks.

use std::collections::{BTreeMap, BTreeSet};

use super::Entry;

/// What the server itself writes with every change, or makes up when it is asked.
const OF_THE_SERVER: &[&str] = &[
    "entryCSN",
    "contextCSN",
    "modifyTimestamp",
    "modifiersName",
    "createTimestamp",
    "creatorsName",
    "entryDN",
    "hasSubordinates",
    "subschemaSubentry",
    "structuralObjectClass",
    "pwdChangedTime",
    // 389-ds and Active Directory.
    "entryusn",
    "entrydn",
    "dsEntryDN",
    "parentid",
    "numSubordinates",
    "tombstoneNumSubordinates",
    "nscpEntryDN",
    "uSNChanged",
    "whenChanged",
    "lastLogonTimestamp",
    "rIDNextRID",
];

/// What tells entries apart, whatever they are called.
const IDENTITY: &[&str] = &["entryUUID", "nsUniqueId", "objectGUID"];

/// Each entry by its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entries(BTreeMap<String, (String, BTreeSet<(String, String)>)>);

impl Entries {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        let keyed = entries.into_iter().map(|entry| {
            let is_id = |name: &str| IDENTITY.iter().any(|known| known.eq_ignore_ascii_case(name));
            let id = entry.values.iter().find(|(name, _)| is_id(name)).map(|(_, id)| id.clone());
            let id = id.unwrap_or_else(|| panic!("{} has no identity that is known here", entry.dn));
            let values = entry.values.into_iter();
            let values = values.filter(|(name, _)| !OF_THE_SERVER.contains(&name.as_str()));
            (id, (entry.dn, values.collect()))
        });
        Self(keyed.collect())
    }

    /// Each entry: its identity, its DN, and its values without what the server itself writes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<(String, String)>)> {
        self.0.iter().map(|(id, (dn, values))| (id.as_str(), dn.as_str(), values))
    }

    /// One line for each entry or value that is not as it was: `+ DN`, `- DN`, `DN → new DN`,
    /// `new DN: + attribute: value`, `new DN: - attribute: value`.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, (old_dn, old)) in &before.0 {
            let Some((dn, now)) = self.0.get(id) else {
                lines.push(format!("- {old_dn}"));
                continue;
            };
            if dn != old_dn {
                lines.push(format!("{old_dn} → {dn}"));
            }
            lines.extend(old.difference(now).map(|(name, value)| format!("{dn}: - {name}: {value}")));
            lines.extend(now.difference(old).map(|(name, value)| format!("{dn}: + {name}: {value}")));
        }
        let added = self.0.iter().filter(|(id, _)| !before.0.contains_key(*id));
        lines.extend(added.map(|(_, (dn, _))| format!("+ {dn}")));
        lines
    }
}
