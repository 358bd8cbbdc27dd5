//! Creations that are sent again, of resources that have no unique attribute: the client's id tells that it is the same
//! one.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Backend, Client, Gateway, Options, TestStore};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Teams that may have the same name.
pub(crate) const TABLES: &str =
    "create table team (id bigint primary key, label varchar(40) not null, client_id varchar(40));";

/// Where the client's id is kept: with us, or in a column.
const PLACES: [&str; 2] = ["", "externalId = \"client_id\"\n"];

/// The mapping of the table, with a line for the client's id or none.
pub(crate) fn mapping(place: &str) -> String {
    format!(
        "[next.id]\nhighest = \"id\"\ntable = \"team\"\n[Group]\ntable = \"team\"\nkey = \"id\"\n\
         initial = {{ id = \"@next.id\" }}\n[Group.attributes]\ndisplayName = {{ field = \"label\", \
         required = true, unique = false }}\n{place}"
    )
}

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        for place in PLACES {
            let directory = TempDir::new().unwrap();
            let file = directory.path().join("mapping.toml");
            std::fs::write(&file, mapping(place)).unwrap();
            let Some(store) = TestStore::of_statements(backend, TABLES, file) else { continue };
            eprintln!("in front of {}, {place}", backend.name());
            let gateway = Gateway::start(&store, &Options::default());
            test(&store, &gateway.client());
        }
    }
}

/// A team, with a client's id or none.
pub(crate) fn team(label: &str, id: Option<&str>) -> Json {
    let mut team = json!({ "schemas": [GROUP], "displayName": label });
    if let Some(id) = id {
        team["externalId"] = json!(id);
    }
    team
}

fn count(store: &TestStore) -> usize {
    store.tables().query("select label as v from team").len()
}

#[test]
fn the_same_client_id_makes_no_second_resource() {
    everywhere(|store, client| {
        let made = client.post("/Groups", &team("Blue", Some("g-1")));
        assert_eq!(made.status, 201, "{made}");
        for label in ["Blue", "Renamed meanwhile"] {
            let again = client.post("/Groups", &team(label, Some("g-1")));
            assert_eq!((again.status, &again.json["scimType"]), (409, &json!("uniqueness")), "{again}");
            assert!(again.json["detail"].as_str().unwrap().contains("externalId"), "{again}");
        }
        assert_eq!(count(store), 1);
        // Another one of the same name is another one; what has no id of the client's is new each time.
        for other in [team("Blue", Some("g-2")), team("Blue", None), team("Blue", None)] {
            let made = client.post("/Groups", &other);
            assert_eq!(made.status, 201, "{made}");
        }
        assert_eq!(count(store), 4);
    });
}

#[test]
fn many_at_once_make_one() {
    everywhere(|store, client| {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let send = || client.post("/Groups", &team("Blue", Some("g-1"))).status;
            let running: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 15, "{statuses:?}");
        assert_eq!(count(store), 1);
    });
}

#[test]
fn what_is_gone_keeps_its_client_id_from_nobody() {
    everywhere(|store, client| {
        let blue = team("Blue", Some("g-1"));
        let first = client.post("/Groups", &blue).id();
        assert_eq!(client.delete(&format!("/Groups/{first}")).status, 204);
        let second = client.post("/Groups", &blue);
        assert_eq!(second.status, 201, "{second}");
        // Removed by somebody else, which nobody has seen yet.
        store.tables().execute("delete from team");
        let third = client.post("/Groups", &blue);
        assert_eq!(third.status, 201, "{third}");
        assert_ne!(third.id(), second.id());
        assert_eq!(count(store), 1);
    });
}
