//! `scimgate correlate`: the database of ids is lost, compared, taken elsewhere, and every id stays.

mod archive;
mod filling;
mod large;
mod verify;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::{Value as Json, json};

use crate::support::{Backend, Gateway, Options, TestStore};

/// Runs `scimgate correlate …` with the settings of a directory.
fn correlate(directory: &Path, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["correlate", command, "--config"])
        .arg(directory.join("scimgate.toml"))
        .args(rest)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// What a command printed, if it ended with this code.
fn ends(output: &Output, code: i32) -> String {
    let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Removes the database of ids.
fn lose(directory: &Path) {
    for file in ["ids.db", "ids.db-wal", "ids.db-shm"] {
        let file = directory.join(file);
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
}

/// Changes the database of ids by hand.
fn execute(directory: &Path, statements: &str) {
    let file = directory.join("ids.db").display().to_string();
    SqliteConnection::establish(&file).unwrap().batch_execute(statements).unwrap();
}

/// The rows of an export that is made now.
fn exported(directory: &Path, name: &str) -> BTreeSet<String> {
    ends(&correlate(directory, &["export", "--out", name]), 0);
    let text = fs::read_to_string(directory.join(name)).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// Type and id of each row.
fn ids(rows: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    rows.iter()
        .map(|row| serde_json::from_str::<Json>(row).unwrap())
        .map(|row| (row["type"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned()))
        .collect()
}

fn user(login: &str, external: &str) -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": login, "externalId": external, "name": { "familyName": "New", "givenName": "Very" },
        "displayName": "Very New", "emails": [{ "value": format!("{login}@example.com"), "type": "work" }],
        "active": true,
    })
}

#[test]
fn a_lost_database_is_filled_again_and_an_export_restores_the_rest() {
    //
    for backend in Backend::ALL {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let stays = client.post("/Users", &user("stays", "ext-stays"));
        assert_eq!(stays.status, 201, "{stays}");
        let goes = client.post("/Users", &user("goes", "ext-goes"));
        assert_eq!(client.delete(&format!("/Users/{}", goes.id())).status, 204);
        for kind in ["Users", "Groups"] {
            assert_eq!(client.get(&format!("/{kind}?attributes=id&count=500")).status, 200);
        }
        let before = exported(gateway.directory(), "before.jsonl");
        let deleted = |row: &&String| row.contains("\"deleted\"");
        assert_eq!(before.iter().filter(deleted).count(), 1);

        let gateway = gateway.restart_after(|directory| {
            lose(directory);
            let said = ends(&correlate(directory, &["rebuild"]), 0);
            assert!(said.contains("User [####"), "a bar: {said}");
            assert!(said.contains("externalIds"), "what is not restored: {said}");
            let now = exported(directory, "now.jsonl");
            let living: BTreeSet<String> = before.iter().filter(|row| !deleted(row)).cloned().collect();
            assert_eq!(ids(&now), ids(&living), "{backend:?}");
            // Again, nothing is left to do.
            assert!(ends(&correlate(directory, &["rebuild"]), 0).contains(" 0 added"));
            assert_eq!(exported(directory, "again.jsonl"), now);
            assert!(ends(&correlate(directory, &["verify"]), 0).contains("living rows"));
        });
        // It was not listed since.
        let read = gateway.client().get(&format!("/Users/{}", stays.id()));
        assert_eq!((read.status, read.json["userName"].as_str()), (200, Some("stays")), "{read}");

        let gateway = gateway.restart_after(|directory| {
            let said = ends(&correlate(directory, &["rebuild", "--from", "before.jsonl"]), 0);
            assert!(said.contains("1 rows added"), "the tombstone: {said}");
            assert_eq!(exported(directory, "restored.jsonl"), before, "{backend:?}");
        });
        let mut read = gateway.client().get(&format!("/Users/{}", stays.id()));
        // The port is another one.
        read.json["meta"]["location"] = stays.json["meta"]["location"].clone();
        assert_eq!(read.json, stays.json, "as it was, with its externalId, its times and its version");
        assert_eq!(gateway.client().get(&format!("/Users/{}", goes.id())).status, 404);

        // A lost database, and an export at hand.
        gateway.restart_after(|directory| {
            lose(directory);
            ends(&correlate(directory, &["rebuild", "--from", "before.jsonl"]), 0);
            assert_eq!(exported(directory, "restored.jsonl"), before);
        });
    }
}

#[test]
fn ids_that_follow_from_nothing_are_not_given_anew_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let mapping = directory.path().join("minted.toml");
    let text = "[sql]\n[User]\ntable = \"people\"\nkey = \"login\"\nid = \"minted\"\n[User.attributes]\n\
                userName = { field = \"login\", unique = true }\n";
    fs::write(&mapping, text).unwrap();
    let statements = "create table people (login text primary key not null);
                      insert into people values ('ann'), ('bob');";
    let Some(store) = TestStore::of_statements(Backend::Sqlite, statements, mapping) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let list = gateway.client().get("/Users");
    assert_eq!(list.json["totalResults"], 2, "{list}");
    let before = exported(gateway.directory(), "before.jsonl");
    gateway.restart_after(|directory| {
        lose(directory);
        let said = ends(&correlate(directory, &["rebuild"]), 0);
        assert!(said.contains("minted") && exported(directory, "none.jsonl").is_empty(), "{said}");
        ends(&correlate(directory, &["rebuild", "--from", "before.jsonl"]), 0);
        assert_eq!(exported(directory, "now.jsonl"), before);
    });
}

#[test]
fn a_store_that_is_away_is_no_empty_store() {
    for backend in [Backend::OpenLdap, Backend::Postgres] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let gateway = Gateway::start(&store, &Options::default());
        assert_eq!(gateway.client().get("/Users").status, 200);
        let before = exported(gateway.directory(), "before.jsonl");
        let settings = gateway.directory().join("scimgate.toml");
        let nobody =
            fs::read_to_string(&settings).unwrap().replace(&store.address().to_string(), "127.0.0.1:1");
        fs::write(&settings, nobody).unwrap();
        for command in [&["rebuild"][..], &["verify"], &["verify", "--fix", "--yes"]] {
            let said = ends(&correlate(gateway.directory(), command), 3);
            assert!(said.contains("the store"), "{said}");
        }
        assert_eq!(exported(gateway.directory(), "after.jsonl"), before, "{backend:?}");
    }
}

#[test]
fn rows_are_listed_and_found() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let ann = client.post("/Users", &user("ann", "ext-ann"));
    let bob = client.post("/Users", &user("bob", "ext-bob"));
    assert_eq!(client.delete(&format!("/Users/{}", bob.id())).status, 204);
    let directory = gateway.directory();
    let list = ends(&correlate(directory, &["list", "--type", "user"]), 0);
    let line = list.lines().find(|line| line.contains(&ann.id())).unwrap();
    assert!(line.starts_with("User\t") && line.ends_with("\text-ann"), "{line}");
    assert!(!list.contains(&bob.id()));
    assert!(ends(&correlate(directory, &["list", "--deleted"]), 0).contains(&bob.id()));
    let row = ends(&correlate(directory, &["find", &ann.id(), "--json"]), 0);
    let row: Json = serde_json::from_str(&row).unwrap();
    for what in ["id", "anchor", "locator", "externalId"].map(|name| row[name].as_str().unwrap()) {
        let said = ends(&correlate(directory, &["find", what]), 0);
        assert!(said.contains(&ann.id()) && said.contains("ext-ann"), "{what}: {said}");
    }
    let upper = row["locator"].as_str().unwrap().to_uppercase();
    assert!(ends(&correlate(directory, &["find", &upper]), 0).contains(&ann.id()), "a DN as people write it");
    assert!(ends(&correlate(directory, &["find", &bob.id()]), 0).contains("deleted"));
    ends(&correlate(directory, &["find", "nobody"]), 5);
}
