//! The database of 20,000 users is deleted.

use std::fmt::Write as _;

use super::{correlate, ends, exported, filling::insist, ids, lose};
use crate::support::{Gateway, Options, TestStore};

/// Users beside those of the fixture.
const USERS: usize = 20_000;

#[test]
fn the_ids_of_a_large_directory_come_back() {
    //
    let mut ldif = String::new();
    for user in 0..USERS {
        writeln!(
            ldif,
            "dn: uid=many{user},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: many{user}\n\
             cn: Ada {user}\nsn: Byron {user}\n"
        )
        .unwrap();
    }
    let Some(store) = TestStore::loaded(&ldif) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    // Ids that a provider was given.
    let page = client.get("/Users?count=200&attributes=userName");
    let given: Vec<String> = page.json["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(given.len(), 200);
    let mut before = None;
    let gateway = gateway.restart_after(|directory| {
        let said = ends(&correlate(directory, &["rebuild"]), 0);
        let rows = exported(directory, "before.jsonl");
        assert!(rows.len() >= USERS, "{} rows: {said}", rows.len());
        lose(directory);
        let said = ends(&correlate(directory, &["rebuild"]), 0);
        // Shown only when asked for: `cargo test correlate::large -- --nocapture`.
        println!("{said}");
        assert_eq!(ids(&exported(directory, "after.jsonl")), ids(&rows));
        ends(&correlate(directory, &["verify"]), 0);
        before = Some(ids(&rows));
    });
    for id in &given {
        assert!(before.as_ref().unwrap().contains(&("User".to_owned(), id.clone())));
    }
    for id in given.iter().step_by(20) {
        assert_eq!(gateway.client().get(&format!("/Users/{id}")).status, 200);
    }
    // Without a command, while it serves: never a wrong 404.
    let gateway = gateway.restart_after(lose);
    let client = gateway.client();
    for id in given.iter().step_by(20) {
        assert_eq!(insist(&client, &format!("/Users/{id}")).status, 200);
    }
    let directory = gateway.directory();
    let nobody = "/Users/00000000-0000-4000-8000-000000000000";
    assert_eq!(insist(&client, nobody).status, 404);
    assert_eq!(Some(ids(&exported(directory, "filled.jsonl"))), before);
}
