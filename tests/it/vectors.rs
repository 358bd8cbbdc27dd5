//! The collected vectors (`tests/fixtures/vectors`) through HTTP, in front of every store, for a
//! tolerant client and for one by the letter. The words alone are tested where they live.
//!
//! No vector is skipped: the mappings are the shipped ones, changed so that every standard attribute
//! has a place with all its sub-attributes.

mod filters;
mod patch;

use std::{collections::BTreeMap, fs};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Backend, Gateway, Options, TestStore};

/// Where the shipped mappings keep less of an element than RFC 7643 has: the rest gets columns, or a
/// place in our own database.
fn places(backend: Backend) -> (&'static str, &'static str) {
    match backend {
        Backend::Sqlite => (
            "alter table employee_emails add column tag text;
             alter table employee_emails add column label text;
             alter table employee_phones add column tag text;
             alter table employee_phones add column label text;
             alter table employee_phones add column main integer",
            r#"
[User.attributes]
userType = "@side"
addresses = "@side"
[User.attributes.emails.each]
type = "tag"
display = "label"
[User.attributes.phoneNumbers.each]
type = "tag"
display = "label"
primary = { field = "main", map = [[1, true], [0, false]] }
"#,
        ),
        Backend::Postgres => (
            "alter table hr.employee_email add column tag text;
             alter table hr.employee_email add column label text;
             create table hr.employee_phone (
                 phone_id bigint generated always as identity primary key,
                 employee_id bigint not null references hr.employee on delete cascade,
                 number text, tag text, label text, main boolean)",
            r#"
[User.part.phone]
table = "hr.employee_phone"
on = { employee_id = "employee_id" }
key = "phone_id"
many = true
[User.attributes]
userType = "@side"
addresses = "@side"
[User.attributes.emails.each]
type = "tag"
display = "label"
[User.attributes.phoneNumbers]
slots = false
rest = false
rows = "phone"
[User.attributes.phoneNumbers.each]
value = "number"
type = "tag"
display = "label"
primary = "main"
"#,
        ),
        Backend::ActiveDirectory => (
            "",
            r#"
[User]
initial = { displayName = false }
[User.derived]
mail = false
[User.part]
proxy = false
main = false
[User.attributes]
emails = "@side"
phoneNumbers = "@side"
addresses = "@side"
"#,
        ),
        Backend::OpenLdap | Backend::Ds389 => (
            "",
            r#"
[User.attributes]
emails = "@side"
phoneNumbers = "@side"
addresses = "@side"
"#,
        ),
        Backend::MariaDb => (
            "alter table contact add column tag varchar(60) null, add column label varchar(200) null",
            r#"
[User.attributes]
addresses = "@side"
[User.attributes.emails.each]
type = "tag"
display = "label"
[User.attributes.phoneNumbers.each]
type = "tag"
display = "label"
primary = { field = "main", map = [[1, true], [0, false]] }
"#,
        ),
    }
}

/// A gateway whose mapping has a place for everything, and a client of a mode.
pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    _store: TestStore,
    _directory: TempDir,
}

impl Site {
    /// Starts one; `None` if the store's server is not there, which has been said.
    pub(crate) fn start(backend: Backend, mode: &str) -> Option<Self> {
        let store = TestStore::fresh(backend)?;
        let (statements, lines) = places(backend);
        if !statements.is_empty() {
            store.tables().execute(statements);
        }
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("everything.toml");
        fs::write(&file, format!("extends = \"{}\"\n{lines}", store.mapping().display())).unwrap();
        let store = store.with_mapping(file);
        let options = Options { client: format!("mode = \"{mode}\""), ..Options::default() };
        let gateway = Gateway::start(&store, &options);
        Some(Self { gateway, _store: store, _directory: directory })
    }
}

/// A fixture.
fn fixture(name: &str) -> Json {
    let file = format!("{}/tests/fixtures/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Tells how many vectors of each class ran, and fails with everything that was wrong.
fn conclude(place: &str, ran: &BTreeMap<&str, usize>, wrong: &[String]) {
    println!("{place}: ran {ran:?}, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{place}:\n{}", wrong.join("\n"));
}
