//! The gateway starts on a database that was lost.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use super::{correlate, ends, lose};
use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore};

fn ids(list: &Answer) -> Vec<String> {
    let all = list.json["Resources"].as_array().unwrap();
    all.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

fn add(id: &str) -> Json {
    json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }])
}

#[test]
fn an_id_that_was_given_out_is_known_without_a_list() {
    //
    for backend in Backend::ALL {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let gateway = Gateway::start(&store, &Options::default());
        let users = ids(&gateway.client().get("/Users?count=500"));
        let groups = ids(&gateway.client().get("/Groups?count=500"));
        let (group, ann) = (&groups[0], &users[0]);
        // A reference first, where a miss would be a wrong 400 or a member that is left out.
        let gateway = gateway.restart_after(lose);
        let client = gateway.client();
        let added = client.patch(&format!("/Groups/{group}"), add(ann));
        assert!(added.status == 200 || added.status == 204, "{backend:?}: {added}");
        let members = client.get(&format!("/Groups/{group}")).json["members"].to_string();
        assert!(members.contains(ann.as_str()), "{members}");
        // Then a filter, where it would be an empty list.
        let gateway = gateway.restart_after(lose);
        let found = gateway.client().get(&format!("/Users?filter=id+eq+%22{ann}%22"));
        assert_eq!(found.json["totalResults"], 1, "{backend:?}: {found}");
        let gateway = gateway.restart_after(lose);
        for id in &users {
            assert_eq!(gateway.client().get(&format!("/Users/{id}")).status, 200, "{backend:?}");
        }
        let nobody = "00000000-0000-4000-8000-000000000000";
        assert_eq!(gateway.client().get(&format!("/Users/{nobody}")).status, 404);
        ends(&correlate(gateway.directory(), &["verify"]), 0);
    }
}

#[test]
fn without_the_scan_an_id_is_known_when_it_was_listed() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let correlation = "url = \"sqlite:ids.db\"\nscan = false".to_owned();
    let gateway = Gateway::start(&store, &Options { correlation, ..Options::default() });
    let id = ids(&gateway.client().get("/Users")).remove(0);
    let gateway = gateway.restart_after(lose);
    assert_eq!(gateway.client().get(&format!("/Users/{id}")).status, 404);
    assert_eq!(gateway.client().get("/Users").status, 200);
    assert_eq!(gateway.client().get(&format!("/Users/{id}")).status, 200);
}

/// Asks until the answer is another one than 503.
pub(super) fn insist(client: &Client, path: &str) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = client.get(path);
        if answer.status != 503 || Instant::now() > deadline {
            return answer;
        }
        assert!(!answer.header("retry-after").is_empty(), "{answer}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn while_the_store_is_away_an_unknown_id_is_not_missing() {
    let ldif = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: Lee\n\n\
                dn: cn=team,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: team\n\
                member: uid=ann,ou=people,dc=example,dc=com\n";
    let Some(store) = TestStore::loaded(ldif) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let user = ids(&gateway.client().get("/Users")).remove(0);
    let group = ids(&gateway.client().get("/Groups")).remove(0);
    store.directory().signal("KILL");
    let gateway = gateway.restart_after(lose);
    let client = gateway.client();
    let nobody = "00000000-0000-4000-8000-000000000000";
    for answer in [
        client.get(&format!("/Users/{user}")),
        client.get(&format!("/Users?filter=id+eq+%22{user}%22")),
        client.patch(&format!("/Groups/{group}"), add(&user)),
        client.delete(&format!("/Users/{nobody}")),
    ] {
        assert_eq!(answer.status, 503, "{answer}");
        assert!(!answer.header("retry-after").is_empty(), "{answer}");
    }
    store.directory().start_again();
    assert_eq!(insist(&client, &format!("/Users/{user}")).status, 200);
    assert_eq!(insist(&client, &format!("/Groups/{group}")).status, 200);
    assert_eq!(insist(&client, &format!("/Users/{nobody}")).status, 404);
    assert!(
        gateway.log().contains("the correlation database knows all that the store has"),
        "{}",
        gateway.log()
    );
}

#[test]
fn a_scan_that_was_cut_short_begins_again() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let users = ids(&gateway.client().get("/Users?count=500"));
    let gateway = gateway.restart_after(|directory| {
        // As if the process had ended in the middle.
        super::execute(
            directory,
            "delete from scan; delete from resource where resource_type = 'User' and id > '8'",
        );
    });
    for id in &users {
        assert_eq!(gateway.client().get(&format!("/Users/{id}")).status, 200);
    }
    // Once it is through, it is not done again.
    let gateway = gateway.restart_after(|directory| {
        let settings = directory.join("scimgate.toml");
        assert!(fs::read_to_string(settings).unwrap().contains("ids.db"));
    });
    assert!(!gateway.log().contains("knows all that the store has"), "{}", gateway.log());
}
