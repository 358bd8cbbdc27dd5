//! `check --live`: a mapping held against databases that it does not fit, and against those that it does.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use scimgate::{
    mapping::{compile::compile, live},
    store::inventory::{Finding, Inventory, Product, TableFacts},
};
use tempfile::TempDir;

use crate::support::{Backend, Gateway, Options, TestStore};

fn broken(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/broken");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// What the lines of the mapping say must be found, as `line: code`.
pub(crate) fn expected(source: &str, backend: Backend) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (number, line) in source.lines().enumerate() {
        let Some((_, codes)) = line.split_once("#!").filter(|(before, _)| !before.starts_with("#")) else {
            continue;
        };
        for code in codes.split_whitespace() {
            let (only, code) = code.split_once(':').unwrap_or((backend.name(), code));
            if only == backend.name() {
                all.insert(format!("{}: {code}", number + 1));
            }
        }
    }
    all
}

/// Runs the program, and gives its exit code and what it printed to standard error.
pub(crate) fn check(store: &TestStore, mapping: &Path) -> (i32, String) {
    check_as(&store.settings(), mapping)
}

/// As [`check`], with this part of the settings.
pub(crate) fn check_as(store: &str, mapping: &Path) -> (i32, String) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("scimgate.toml");
    let text = format!(
        "mapping = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
        mapping.display(),
        store
    );
    fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["check", "--live", "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The findings in what was printed, as `line: code`.
pub(crate) fn printed(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let line = line.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let (severity, rest) = line.split_once('[')?;
        let (code, rest) = rest.split_once("] ")?;
        let number = rest.split(':').nth(1)?;
        ["error", "warning", "note"].contains(&severity).then(|| format!("{number}: {code}"))
    };
    text.lines().filter_map(line).collect()
}

fn every_mistake_is_found(backend: Backend) {
    let Some(store) = TestStore::broken(backend) else { return };
    let source = broken("mapping.toml");
    let directory = TempDir::new().unwrap();
    let mapping = directory.path().join("mapping.toml");
    fs::write(&mapping, &source).unwrap();
    let (code, text) = check(&store, &mapping);
    assert_eq!(code, 1, "{text}");
    let (found, expected) = (printed(&text), expected(&source, backend));
    let missing: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).filter(|f| !f.starts_with("1: ")).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}\n{text}");
    let kinds: BTreeSet<&str> = found.iter().filter_map(|f| Some(f.split_once(": ")?.1)).collect();
    assert!(kinds.len() >= 20, "{} kinds: {kinds:?}", kinds.len());
}

#[test]
fn every_mistake_is_found_in_sqlite() {
    every_mistake_is_found(Backend::Sqlite);
}

#[test]
fn every_mistake_is_found_in_postgresql() {
    every_mistake_is_found(Backend::Postgres);
}

#[test]
fn every_mistake_is_found_in_mariadb() {
    every_mistake_is_found(Backend::MariaDb);
}

#[test]
fn shipped_mappings_fit_their_databases() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let (code, text) = check(&store, store.mapping());
        assert_eq!(code, 0, "{}\n{text}", backend.name());
        assert!(!text.contains("error["), "{text}");
    }
}

/// Nothing is wrong, and no column of these tables lacks a value in a new row.
fn assert_filled(tables: &str, mapping: &str) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("mapping.toml");
    fs::write(&file, mapping).unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, file.clone()) else { continue };
        let (code, text) = check(&store, store.mapping());
        assert!(code == 0 && !text.contains("not-null"), "{}\n{text}", backend.name());
    }
}

#[test]
fn what_a_document_fills_is_filled_and_what_nobody_writes_needs_nothing() {
    let tables = "create table people (id integer primary key, login varchar(40) not null, names varchar(200) not null);
create unique index people_login on people (login);
create table implied (person_id integer not null, other integer not null, primary key (person_id, other));";
    let mapping = "[next.id]\nhighest = \"id\"\ntable = \"people\"\n\
        [User]\ntable = \"people\"\nkey = \"id\"\ninitial = { id = \"@next.id\" }\n[User.part.doc]\nin = \"names\"\ncodec = \"json\"\n\
        [User.part.implied]\ntable = \"implied\"\non = { person_id = \"id\" }\nmany = true\n\
        [User.attributes]\nuserName = { field = \"login\", unique = true }\ndisplayName = { field = \"doc.shown\", required = true }\n";
    assert_filled(tables, mapping);
}

/// Documents, the archive, and columns that follow a key. Behind `#!` stands what must be found, as above.
const BESIDE: &str = r#"[next.id]
highest = "id"
table = "people"
[User]
table = "people"
key = "id"
initial = { id = "@next.id" }
points = ["visits.person", "visits.nobody", "vists.person"] #! table-missing column-missing link-types postgres:right-missing
delete = { archive = "former" } #! archive-columns postgres:right-missing
[User.part.doc]
in = "data" #! document-unreadable postgres:too-short mariadb:too-short
codec = "json"
[User.part.flag]
in = "flags" #! column-type
codec = "bits"
many = true
[User.part.tag]
in = "tags" #! column-type
codec = "csv:,"
many = true
[User.part.php]
in = "extra" #! document-unreadable
codec = "php"
invalid = "new"
[User.attributes]
userName = { field = "login", unique = true }
title = "doc.title"
nickName = "php.nick"
entitlements = { rows = "flag", each = { value = "it" } }
roles = { rows = "tag", each = { value = "it" } }
"#;

#[test]
fn documents_archives_and_pointers_are_looked_into() {
    let tables = "create table people (id integer primary key, login varchar(40) not null, data varchar(100), \
        flags date, tags integer, extra text);
create unique index people_login on people (login);
create table former (id integer primary key, login varchar(20) not null, data varchar(100), tags integer, extra text, \
        why varchar(10) not null);
create table visits (person date);
insert into people values (1, 'ann', '{\"title\": \"Cook\"}', null, null, 'a:0:{}'), (2, 'bob', 'Cook', null, null, 'a:1:{'), \
        (3, 'eva', null, null, null, null);";
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("mapping.toml");
    fs::write(&file, BESIDE).unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, tables, file.clone()) else { continue };
        if backend == Backend::Postgres {
            let revoke =
                "revoke insert on former from current_user; revoke update on visits from current_user";
            store.tables().execute(revoke);
        }
        let (code, text) = check(&store, store.mapping());
        let (found, expected) = (printed(&text), expected(BESIDE, backend));
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(code == 1 && missing.is_empty(), "{}: missing {missing:?}\n{text}", backend.name());
        for said in [
            "1 of 2 values of `data`",
            "lacks `flags` of `people`",
            "needs a value for `why`",
            "did you mean `visits`?",
            "count as none",
        ] {
            let text = text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
            assert!(text.contains(said), "{}: {said}\n{text}", backend.name());
        }
    }
}

#[test]
fn checks_that_the_server_does_not_tell_are_told_of() {
    let source = "[User]\ntable = \"people\"\nkey = \"id\"\n[User.attributes]\nuserName = \"login\"\n";
    let (mapping, _) = compile(source, &|_| unreachable!()).unwrap_or_else(|d| panic!("{d}"));
    let unread = Some("denied: SELECT command denied".to_owned());
    let table = TableFacts { unread, ..TableFacts::default() };
    let tables = [("people".to_owned(), table)].into();
    let inventory = Inventory { product: Product::Mysql, tables, ..Inventory::default() };
    let questions = live::questions(&mapping, &inventory);
    let findings =
        live::compare(&mapping, &inventory, &questions, &vec![Finding::Unknown; questions.probes.len()]);
    let found = findings.0.iter().find(|finding| finding.code == "checks-unread").unwrap();
    assert!(found.message.contains("`people`") && found.message.contains("denied"), "{}", found.message);
}

/// What fills a column is not always where one would look: a look-up, the other side of a reference, a trigger;
/// and what `where` fixes belongs to the key.
#[test]
fn what_others_fill_is_filled() {
    let tables = "create table people (id integer primary key, login varchar(40) not null);
create unique index people_login on people (login);
create table mails (id varchar(40) primary key, person_id integer not null, address_id varchar(40) not null);
create table addresses (id varchar(40) primary key, address varchar(80) not null);
create table person_roles (person_id integer not null, role varchar(40) not null, primary key (person_id, role));
create table settings (area varchar(20) not null, name varchar(40) not null, label varchar(40) not null, primary key (area, name));";
    let mapping = r#"
[next.id]
highest = "`id`"
table = "people"
[User]
table = "people"
key = "id"
initial = { id = "@next.id" }
[User.part.mail]
table = "mails"
on = { person_id = "id" }
key = "id"
many = true
initial = { id = "@uuid" }
[User.part.address]
table = "addresses"
on = { id = "mail.address_id" }
use = "find_or_add"
initial = { id = "@uuid" }
[User.part.role]
table = "person_roles"
on = { person_id = "id" }
many = true
[User.attributes]
userName = { field = "login", unique = true }
emails = { rows = "mail", each = { value = "address.address" } }
groups = { rows = "role", each = { value = { field = "role", ref = "Group" } } }
[Group]
table = "settings"
key = "name"
where = { area = "roles" }
initial = { name = "{label}" }
[Group.attributes]
displayName = "label"
members = { inverse = "User.groups" }
"#;
    assert_filled(tables, mapping);
}

/// A number is no time unless the mapping says how it is one.
#[test]
fn a_time_in_a_column_of_numbers_needs_a_form() {
    let tables = "create table people (id integer primary key, login varchar(40) not null, gone integer, made integer);
create unique index people_login on people (login);
insert into people values (1, 'ann', 4000000000, 5), (2, 'bob', 1000000000, 5);";
    let mapping = "[User]\ntable = \"people\"\nkey = \"id\"\nwhere = { gone = [\"@none\", { gt = \"@now\" }] }\n\
        initial = { id = \"@next.id\", made = \"@now\" }\n[next.id]\nhighest = \"id\"\ntable = \"people\"\n\
        [User.attributes]\nuserName = { field = \"login\", unique = true }\n";
    let forms = "[User.fields]\ngone = { codec = \"epoch\" }\nmade = { codec = \"days\" }\n";
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("mapping.toml");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        fs::write(&file, mapping).unwrap();
        let tables = match backend {
            Backend::Sqlite => tables.to_owned(),
            _ => tables.replace("integer,", "bigint,"),
        };
        let Some(store) = TestStore::of_statements(backend, &tables, file.clone()) else { continue };
        let (code, text) = check(&store, store.mapping());
        assert!(code == 1 && printed(&text).contains("4: column-type"), "{}\n{text}", backend.name());
        assert!(text.contains("`gone = { codec = \"epoch\" }`"), "{text}");
        fs::write(&file, format!("{mapping}{forms}")).unwrap();
        let (code, text) = check(&store, store.mapping());
        assert!(code == 0, "{}\n{text}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        assert_eq!(client.get("/Users").json["Resources"][0]["userName"], "ann");
        let body = serde_json::json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "eve" });
        let made = client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        let days = store.tables().query("select cast(made as char(9)) as v from people where login = 'eve'");
        let days: i64 = days[0].as_deref().unwrap().trim().parse().unwrap();
        assert!((20_000..60_000).contains(&days), "{days}");
    }
}
