//! `scimgate explain --request` and `scimgate map try`: what a request would do, and where values come from.
//! What is printed is compared with `tests/fixtures/explain`; with `SCIMGATE_WRITE_FIXTURES=1` it is written.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Backend, TestStore};

mod directories;

/// Settings files for a store.
struct Place {
    store: TestStore,
    directory: TempDir,
}

impl Place {
    fn new(backend: Backend) -> Option<Self> {
        Some(Self::of(TestStore::fresh(backend)?))
    }

    fn of(store: TestStore) -> Self {
        let directory = TempDir::new().unwrap();
        let text = format!(
            "mapping = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
            store.mapping().display(),
            store.settings()
        );
        fs::write(directory.path().join("scimgate.toml"), text).unwrap();
        Self { store, directory }
    }

    fn run(&self, arguments: &[&str], body: Option<&Json>) -> (i32, String, String) {
        let config = self.directory.path().join("scimgate.toml");
        let file = self.directory.path().join("body.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimgate"));
        command.args(arguments).args(["--config", config.to_str().unwrap()]);
        if let Some(body) = body {
            fs::write(&file, body.to_string()).unwrap();
            command.args(["--body", file.to_str().unwrap()]);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// What a request would do; nothing of it may be done.
    fn explain(&self, request: &str, body: Option<&Json>) -> String {
        let before = self.store.dump();
        let (code, text, error) = self.run(&["explain", "--request", request], body);
        assert_eq!(code, 0, "{request}: {error}");
        assert_eq!(self.store.dump(), before, "{request} changed something");
        text
    }
}

/// The key of somebody's row, and the login.
fn somebody(store: &TestStore) -> (String, String) {
    let (table, key, login) = match store.backend() {
        Backend::Sqlite => ("employees", "emp_no", "login"),
        Backend::Postgres => ("hr.employee", "employee_id", "user_name"),
        _ => ("person", "person_id", "login"),
    };
    let of_first = |column: &str| {
        let select = format!("select cast({column} as char(40)) as v from {table} order by {key} limit 1");
        store.tables().query(&select)[0].clone().unwrap().trim().to_owned()
    };
    (of_first(key), of_first(login))
}

fn fixture(name: &str, found: &str) {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/explain").join(name);
    if std::env::var_os("SCIMGATE_WRITE_FIXTURES").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, found).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, expected, "{name}");
}

fn requests_are_explained(backend: Backend) {
    let Some(place) = Place::new(backend) else { return };
    let (key, login) = somebody(&place.store);
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "zoe",
        "name": { "givenName": "Zoe", "familyName": "Zett" }, "active": true,
        "emails": [{ "value": "zoe@example.com", "type": "work" }]
    });
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            { "op": "replace", "path": "active", "value": false },
            { "op": "add", "path": "emails", "value": [{ "value": "new@example.com", "type": "home" }] }
        ]
    });
    let same = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "userName", "value": login }]
    });
    let by_key = |method: &str| format!("{method} /Users/{key}");
    let mut all = String::new();
    for (request, title, body) in [
        ("POST /Users".to_owned(), "POST /Users", Some(&user)),
        (by_key("GET"), "GET /Users/KEY", None),
        (by_key("PATCH"), "PATCH /Users/KEY", Some(&patch)),
        (by_key("DELETE"), "DELETE /Users/KEY", None),
    ] {
        all.push_str(&format!("# {title}\n{}\n", place.explain(&request, body)));
    }
    fixture(&format!("{}.txt", backend.name()), &all);
    let nothing = place.explain(&by_key("PATCH"), Some(&same));
    assert!(nothing.ends_with("writes nothing\n"), "{nothing}");
}

#[test]
fn requests_are_explained_in_sqlite() {
    requests_are_explained(Backend::Sqlite);
}

#[test]
fn requests_are_explained_in_postgresql() {
    requests_are_explained(Backend::Postgres);
}

#[test]
fn requests_are_explained_in_mariadb() {
    requests_are_explained(Backend::MariaDb);
}

#[test]
fn what_is_no_request_is_refused() {
    let place = Place::new(Backend::Sqlite).unwrap();
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"] });
    for (request, body, said) in [
        ("JUMP /Users/1", None, "none of GET"),
        ("POST /Users/1", Some(&user), "no request for resources"),
        ("PATCH /Users", Some(&user), "no request for resources"),
        ("GET /Users?filter=shoeSize%20eq%2039", None, "`shoeSize` is not known"),
        ("PUT /Users/1", None, "needs a body"),
        ("GET /Robots/1", None, "there is no endpoint"),
        ("GET /Users/99999", None, "no resource"),
        ("POST /Users", Some(&user), "userName"),
    ] {
        let (code, _, error) = place.run(&["explain", "--request", request], body);
        assert_eq!(code, 2, "{request}: {error}");
        assert!(error.contains(said), "{request}: {error}");
    }
}

/// Without a type, only those are explained that can have what is asked for.
#[test]
fn a_filter_is_explained_for_the_types_that_know_it() {
    let place = Place::new(Backend::Sqlite).unwrap();
    let (code, text, error) = place.run(&["explain", "--filter", "userName eq \"x\""], None);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert!(text.starts_with("User\n") && !text.contains("Group\n"), "{text}");
    let (code, text, error) = place.run(&["explain", "--filter", "shoeSize eq 39"], None);
    assert_eq!((code, text.as_str()), (2, ""), "{error}");
    assert!(error.contains("`shoeSize` is not known"), "{error}");
}

#[test]
fn map_try_shows_where_each_value_lies() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(place) = Place::new(backend) else { continue };
        let (key, login) = somebody(&place.store);
        let (code, by_key, error) = place.run(&["map", "try", &key], None);
        assert_eq!(code, 0, "{error}");
        let filter = format!("userName eq \"{login}\"");
        let (code, by_filter, error) = place.run(&["map", "try", "--filter", &filter], None);
        assert_eq!(code, 0, "{error}");
        assert_eq!(by_key, by_filter);
        let user_name = format!("userName = \"{login}\"\n");
        for line in [user_name.as_str(), "name.familyName = "] {
            assert!(by_key.contains(line), "{}: {line}\n{by_key}", backend.name());
        }
        let lies_in = by_key.split_once(&user_name).unwrap().1.lines().next().unwrap();
        assert!(lies_in.contains("[") && lies_in.contains(&format!("\"{login}\"")), "{lies_in}");
        assert!(!by_key.contains("$2"), "a hash is not shown:\n{by_key}");
    }
}

#[test]
fn map_try_says_what_is_not_there() {
    let place = Place::new(Backend::Sqlite).unwrap();
    for (arguments, said) in [
        (["map", "try", "--filter", "userName eq \"nobody\""], "no resource meets"),
        (["map", "try", "--type", "Robot"], "required"),
    ] {
        let (code, _, error) = place.run(&arguments, None);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(said), "{error}");
    }
    let (code, _, error) = place.run(&["map", "try", "99999"], None);
    assert_eq!((code, error.contains("no resource")), (2, true), "{error}");
}
