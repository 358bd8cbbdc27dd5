//! Exports, what is wrong with them, and the way from SQLite to PostgreSQL.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{correlate, ends, execute, exported, user};
use crate::support::{Backend, Gateway, Options, TestStore};

#[test]
fn a_file_that_does_not_fit_is_refused_with_its_line() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    assert_eq!(gateway.client().post("/Users", &user("ann", "ext-ann")).status, 201);
    assert_eq!(gateway.client().get("/Users").status, 200);
    let directory = gateway.directory();
    let rows = exported(directory, "whole.jsonl");
    let file = directory.join("whole.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read_to_string(&file).unwrap();
    let left: Vec<_> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_str().unwrap().contains("unfinished")), "{left:?}");

    let (header, first) = (whole.lines().next().unwrap(), whole.lines().nth(1).unwrap());
    let cut: String = whole.lines().take(rows.len()).map(|line| format!("{line}\n")).collect();
    for (text, said) in [
        (cut, "bad.jsonl: expected".to_owned()),
        (format!("{header}\n{}\n", &first[..20]), "bad.jsonl:2: expected a row".to_owned()),
        (whole.replacen("\"id\":\"", "\"id\":\"X", 1), "bad.jsonl:2: expected a UUID".to_owned()),
        (whole.replacen("\"anchor\"", "\"anker\"", 1), "bad.jsonl:2: expected a row".to_owned()),
        (whole.replace("\"default\"", "\"other\""), "bad.jsonl:1: expected the tenant".to_owned()),
        (whole.replace("\"version\":1", "\"version\":2"), "bad.jsonl:1: expected version 1".to_owned()),
        ("hello\n".to_owned(), "bad.jsonl:1: expected the header".to_owned()),
        (whole.replace("ext-ann", "ext-bob"), "another externalId".to_owned()),
    ] {
        fs::write(directory.join("bad.jsonl"), text).unwrap();
        let out = ends(&correlate(directory, &["import", "bad.jsonl"]), 1);
        assert!(out.contains(&said), "{said}: {out}");
        assert_eq!(exported(directory, "now.jsonl"), rows);
    }
    // Its own export fits.
    let out = ends(&correlate(directory, &["import", "whole.jsonl"]), 0);
    assert!(out.contains("0 rows added, 0 completed"), "{out}");
    // An id of somebody else, and an anchor that has another id.
    let swapped = r#"update resource set anchor = anchor || '0' where external_id = 'ext-ann'"#;
    execute(directory, swapped);
    let out = ends(&correlate(directory, &["import", "whole.jsonl"]), 1);
    assert!(out.contains("in the database it is of the User with"), "{out}");
    execute(
        directory,
        "update resource set id = '00000000-0000-4000-8000-000000000000',
         anchor = substr(anchor, 1, length(anchor) - 1) where external_id = 'ext-ann'",
    );
    let out = ends(&correlate(directory, &["import", "whole.jsonl"]), 1);
    assert!(out.contains("in the database it has 00000000-0000-4000-8000-000000000000"), "{out}");
    // Where there can be no file, none is begun.
    ends(&correlate(directory, &["export", "--out", "no/such/directory"]), 4);
}

#[test]
fn one_command_moves_the_ids_from_sqlite_to_postgresql() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let Some(database) = TestStore::of_statements(Backend::Postgres, "select 1", store.mapping().to_owned())
    else {
        return;
    };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let ann = client.post("/Users", &user("ann", "ext-ann"));
    let bob = client.post("/Users", &user("bob", "ext-bob"));
    assert_eq!(client.delete(&format!("/Users/{}", bob.id())).status, 204);
    let page = client.get("/Users?count=3&cursor=&attributes=id");
    let cursor = page.json["nextCursor"].as_str().unwrap().to_owned();
    let before = exported(gateway.directory(), "before.jsonl");

    let (url, password) = database.postgres_url();
    let directory = gateway.directory();
    fs::write(directory.join("password"), format!("{password}\n")).unwrap();
    let copy = ["copy", "--to", &url, "--password-file", "password"];
    // A write that is open is not left behind.
    execute(
        directory,
        "insert into journal (tenant, id, replica, state, resource_type, kind, intent, started, attempts) \
         values ('default', 'j1', 'gone', 'open', 'User', 'delete', '{}', 0, 0)",
    );
    let said = ends(&correlate(directory, &copy), 3);
    assert!(said.contains("1 writes are not at their end") && said.contains("journal resolve"), "{said}");
    execute(directory, "delete from journal");
    let said = ends(&correlate(directory, &copy), 0);
    assert!(said.contains("copy [####") && said.contains("rows added"), "{said}");
    assert!(!said.contains(&password), "{said}");
    // Again, nothing is left to do.
    let said = ends(&correlate(directory, &copy), 0);
    assert!(said.contains("0 rows added, 0 completed"), "{said}");

    let correlation = format!("url = \"{url}\"\npassword = \"{password}\"");
    let moved = Gateway::start(&store, &Options { correlation, ..Options::default() });
    assert_eq!(exported(moved.directory(), "after.jsonl"), before);
    let read = moved.client().get(&format!("/Users/{}", ann.id()));
    let mut expect = ann.json.clone();
    expect["meta"]["location"] = read.json["meta"]["location"].clone();
    assert_eq!(read.json, expect);
    assert_eq!(moved.client().get(&format!("/Users/{}", bob.id())).status, 404);
    let next = moved.client().get(&format!("/Users?count=3&cursor={cursor}&attributes=id"));
    assert_eq!(next.status, 200, "a cursor of the other is good here: {next}");
    ends(&correlate(moved.directory(), &["rebuild"]), 0);
    ends(&correlate(moved.directory(), &["verify"]), 0);
    // The other database has gone on: an old copy does not overwrite it.
    let patch = serde_json::json!([{ "op": "replace", "path": "externalId", "value": "ext-new" }]);
    assert_eq!(moved.client().patch(&format!("/Users/{}", ann.id()), patch).status, 200);
    let said = ends(&correlate(directory, &copy), 5);
    assert!(said.contains("another externalId"), "{said}");
    ends(&correlate(directory, &["copy", "--to", "mysql://x@y/z"]), 2);
}
