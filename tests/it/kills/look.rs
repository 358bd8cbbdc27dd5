//! All that lies in a store and in the journal, and what is wrong with it.

use std::{collections::BTreeSet, path::Path};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::Text,
};

use crate::support::{Gateway, TestStore};

/// Attributes that hold DNs of other entries.
const POINTERS: &[&str] = &["member", "uniqueMember", "memberOf", "manager", "secretary", "owner"];

/// What an empty list of a groupOfNames holds, which is no entry.
const PLACEHOLDER: &str = "cn=nobody,";

/// What a store holds.
pub(super) struct Look {
    lines: BTreeSet<String>,
    logins: Vec<String>,
    groups: Vec<String>,
    dangling: BTreeSet<String>,
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = Text)]
    kind: String,
}

impl Look {
    pub(super) fn at(store: &TestStore) -> Self {
        let dangling = if store.is_directory() { dangling(store) } else { BTreeSet::new() };
        Self {
            lines: store.dump().into_iter().collect(),
            logins: store.logins(),
            groups: store.group_names(),
            dangling,
        }
    }

    /// What is there twice, points at nothing, or is not as it was although the request was not about `name`.
    pub(super) fn problems_since(&self, before: &Self, name: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for (what, names) in [("login", &self.logins), ("group", &self.groups)] {
            let mut seen = BTreeSet::new();
            let twice =
                names.iter().map(|name| name.to_lowercase()).filter(|name| !seen.insert(name.clone()));
            problems.extend(twice.map(|name| format!("the {what} {name} is there twice")));
        }
        problems.extend(self.dangling.difference(&before.dangling).map(|line| format!("dangling: {line}")));
        let foreign = before.lines.iter().filter(|line| !line.contains(name));
        problems.extend(
            foreign.filter(|line| !self.lines.contains(*line)).map(|line| format!("changed: {line}")),
        );
        problems
    }
}

/// Pointers at entries that are not there.
fn dangling(store: &TestStore) -> BTreeSet<String> {
    let entries = store.directory().search("(objectClass=*)");
    let there: BTreeSet<String> = entries.iter().map(|entry| entry.dn.to_lowercase()).collect();
    let mut out = BTreeSet::new();
    for entry in &entries {
        for (attribute, value) in &entry.values {
            let points = POINTERS.iter().any(|known| known.eq_ignore_ascii_case(attribute));
            let is_none = value.to_lowercase().starts_with(PLACEHOLDER);
            if points && !is_none && !there.contains(&value.to_lowercase()) {
                out.insert(format!("{}: {attribute}: {value}", entry.dn));
            }
        }
    }
    out
}

/// The kinds of writes that the gateway's journal holds open.
pub(super) fn open_writes(gateway: &Gateway) -> Vec<String> {
    open_writes_in(&gateway.database())
}

/// The same, of a file.
pub(super) fn open_writes_in(file: &Path) -> Vec<String> {
    let mut connection = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let open: Vec<Open> =
        sql_query("SELECT kind FROM journal WHERE state = 'open'").load(&mut connection).unwrap();
    open.into_iter().map(|open| open.kind).collect()
}
