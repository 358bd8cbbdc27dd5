//! A resource that other rows of the store depend on, of which the mapping knows nothing.

use std::path::Path;

use serde_json::json;

use crate::support::{Backend, Gateway, Options, TestStore};

const TABLES: &str = "create table people (id integer primary key, login varchar(40) not null);
create table loans (id integer primary key, person_id integer not null, foreign key (person_id) references people (id));
insert into people values (1, 'ann'), (2, 'bob');
insert into loans values (7, 1);";

#[test]
fn a_row_that_others_refer_to_is_not_removed() {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/plain/mapping.toml");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, TABLES, mapping.clone()) else { continue };
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let users = client.get("/Users?attributes=userName").json;
        let users = users["Resources"].as_array().unwrap();
        let id = |name: &str| users.iter().find(|u| u["userName"] == name).unwrap()["id"].as_str().unwrap();
        let before = store.dump();
        let answer = client.delete(&format!("/Users/{}", id("ann")));
        assert_eq!(answer.status, 409, "{}: {answer}", backend.name());
        assert_eq!(answer.json["status"], json!("409"), "{answer}");
        assert_eq!(store.dump(), before, "{}", backend.name());
        assert_eq!(client.get(&format!("/Users/{}", id("ann"))).status, 200);
        assert_eq!(client.delete(&format!("/Users/{}", id("bob"))).status, 204);
    }
}

const CONTACTS: &str = "create table contacts (id integer primary key, name varchar(40));
create table accounts (id integer primary key, login varchar(40) not null, contact_id integer not null, foreign key (contact_id) references contacts (id));
insert into contacts values (31, 'Ann Lee'), (32, 'A firm');
insert into accounts values (7, 'ann', 31);";

#[test]
fn what_a_row_points_at_comes_before_it_and_goes_after_it() {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/plain/contacts.toml");
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, CONTACTS, mapping.clone()) else { continue };
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let before = store.dump();
        let answer = client.post(
            "/Users",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bob", "displayName": "Bob Ray" }),
        );
        assert_eq!(answer.status, 201, "{}: {answer}", backend.name());
        assert_eq!(answer.json["displayName"], "Bob Ray");
        assert_eq!(store.dump().len(), before.len() + 2, "{}", backend.name());
        let path = format!("/Users/{}", answer.json["id"].as_str().unwrap());
        assert_eq!(client.delete(&path).status, 204, "{}", backend.name());
        assert_eq!(store.dump(), before, "{}", backend.name());
    }
}
