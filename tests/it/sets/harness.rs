//! Runs a test in front of the tables of an application, filled twice: with the project's own people
//! (`tests/fixtures/sql/NAME`), and with those of a folder beside the project, if it is there.
//!
//! ```ignore
//! const KOHA: Set = Set { name: "koha", backend: Backend::MariaDb, variant: "" };
//!
//! KOHA.reads_as_expected();
//! KOHA.each(|site| {
//!     let path = site.user("51");
//!     let before = site.look();
//!     site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
//!     site.assert_changes(&before, &["borrowers[51].sort1: Principal Engineer → Cook"]);
//! });
//! ```

mod expected;

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};

pub(super) use crate::support::Set;
use crate::support::{
    Answer, Backend, Client, Directory, Entries, Gateway, Options, People, Snapshot, TestStore, mismatches,
};

/// A filled database, and a gateway in front of it.
pub(super) struct Site {
    /// The client that may do everything.
    pub(super) client: Client,
    /// True for the project's own people.
    pub(super) own: bool,
    store: TestStore,
    gateway: Gateway,
    expected: Json,
    /// Id of what `{{user:K}}` stands for.
    ids: BTreeMap<String, String>,
}

impl Set {
    /// Runs a test in front of the own people, and of the given ones if they are there.
    pub(super) fn each(&self, test: impl Fn(&Site)) {
        self.each_by(&self.mapping(), test);
    }

    /// As [`Self::each`], with another mapping file.
    pub(super) fn each_by(&self, mapping: &Path, test: impl Fn(&Site)) {
        for people in self.people() {
            // Shown when the test fails, to tell which people it were.
            eprintln!("with the people of {}", people.folder.display());
            let Some(site) = self.open(&people, mapping) else { return };
            test(&site);
        }
    }

    /// Every user and group reads exactly as the folder's list says, on one page and on small ones.
    pub(super) fn reads_as_expected(&self) {
        self.each(|site| {
            let wrong = site.differences();
            assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
        });
    }

    fn open(&self, people: &People, mapping: &Path) -> Option<Site> {
        let store = self.fill(people, mapping)?;
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let list = if people.own { "expected.json" } else { "expected.all.json" };
        let expected = serde_json::from_str(&people.read(list)).unwrap();
        let mut site = Site { client, own: people.own, store, gateway, expected, ids: BTreeMap::new() };
        site.ids = site.find_ids();
        Some(site)
    }
}

impl Site {
    /// The path of the user whose native key this is (`/Users/…`).
    pub(super) fn user(&self, key: &str) -> String {
        format!("/Users/{}", self.id("user", key))
    }

    /// The path of the group whose native key this is.
    pub(super) fn group(&self, key: &str) -> String {
        format!("/Groups/{}", self.id("group", key))
    }

    /// The id of the `user` or `group` with this native key.
    pub(super) fn id(&self, kind: &str, key: &str) -> String {
        let id = self.ids.get(&format!("{{{{{kind}:{key}}}}}"));
        id.unwrap_or_else(|| panic!("nobody is expected to be {kind} {key}")).clone()
    }

    /// What is there, one resource after the other.
    pub(super) fn get(&self, path: &str) -> Json {
        expect(self.client.get(path), &[200])
    }

    /// Makes a resource; returns its path.
    pub(super) fn post(&self, endpoint: &str, body: Json) -> String {
        let made = self.client.post(endpoint, &with_schema(endpoint, body));
        assert_eq!(made.status, 201, "{made}");
        format!("{endpoint}/{}", made.id())
    }

    /// Replaces a resource, which must work.
    pub(super) fn put(&self, path: &str, body: Json) -> Json {
        expect(self.client.put(path, &with_schema(path, body)), &[200])
    }

    /// Changes a resource, which must work.
    pub(super) fn patch(&self, path: &str, operations: Json) -> Json {
        expect(self.client.patch(path, operations), &[200, 204])
    }

    /// Deletes a resource, which must work.
    pub(super) fn delete(&self, path: &str) {
        expect(self.client.delete(path), &[204]);
    }

    /// The ids of all resources that a filter finds.
    pub(super) fn find(&self, endpoint: &str, filter: &str) -> Vec<String> {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
        let found = self.get(&format!("{endpoint}?{query}&count=200"));
        let ids = found["Resources"].as_array().into_iter().flatten().map(|r| r["id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }

    /// The values of an SQL expression over the rows of `table where …`, as text; NULL is left out.
    pub(super) fn sql(&self, expression: &str, table_where: &str) -> Vec<String> {
        let text = if let Backend::MariaDb = self.store.backend() { "char" } else { "text" };
        let select = format!("select cast({expression} as {text}) as v from {table_where}");
        self.store.tables().query(&select).into_iter().flatten().collect()
    }

    /// Runs statements as another program would.
    pub(super) fn execute(&self, statements: &str) {
        self.store.tables().execute(statements);
    }

    /// All that lies in the tables.
    pub(super) fn look(&self) -> Snapshot {
        self.store.tables().snapshot()
    }

    /// Byte for byte, nothing else has changed than these lines say
    /// ([`Snapshot::changes_since`]); `…` stands for any text.
    pub(super) fn assert_changes(&self, before: &Snapshot, expected: &[&str]) {
        assert_lines(self.look().changes_since(before), expected);
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Directory {
        self.store.directory()
    }

    /// As [`Self::assert_changes`], of entries ([`Entries::changes_since`]).
    pub(super) fn assert_entries(&self, before: &Entries, expected: &[&str]) {
        assert_lines(self.directory().look().changes_since(before), expected);
    }

    /// What the gateway has logged.
    pub(super) fn log(&self) -> String {
        self.gateway.log()
    }
}

fn assert_lines(mut changes: Vec<String>, expected: &[&str]) {
    let mut missing: Vec<&str> = Vec::new();
    for line in expected {
        match changes.iter().position(|change| fits(line, change)) {
            Some(found) => drop(changes.remove(found)),
            None => missing.push(line),
        }
    }
    assert!(
        changes.is_empty() && missing.is_empty(),
        "not expected:\n  {}\nnot there:\n  {}",
        changes.join("\n  "),
        missing.join("\n  ")
    );
}

/// What is expected is there; more may be.
#[track_caller]
pub(super) fn holds(json: &Json, expected: &Json) {
    let wrong = mismatches(expected, json);
    assert!(wrong.is_empty(), "{}\nin {json:#}", wrong.join("\n"));
}

fn expect(answer: Answer, statuses: &[u16]) -> Json {
    assert!(statuses.contains(&answer.status), "{answer}");
    answer.json
}

fn with_schema(path: &str, mut body: Json) -> Json {
    let name = if path.starts_with("/Users") { "User" } else { "Group" };
    let schemas = json!([format!("urn:ietf:params:scim:schemas:core:2.0:{name}")]);
    body.as_object_mut().unwrap().entry("schemas").or_insert(schemas);
    body
}

/// True if a text is as a pattern says, in which `…` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last.is_some_and(|last| text.ends_with(last))
}

#[test]
fn patterns_fit_what_they_should() {
    for (pattern, text, does) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "ab", true),
        ("…b", "ab", true),
        ("…a", "ab", false),
        ("t[…].c: ∅ → …", "t[7].c: ∅ → x", true),
        ("t[…].c: ∅ → …", "t[7].d: ∅ → x", false),
        ("…1", "11", true),
    ] {
        assert_eq!(fits(pattern, text), does, "{pattern} / {text}");
    }
}
