//! What a column does not take is refused in the name of its attribute, without a line in `[errors]`:
//! lengths, enumerations, domains, checks, numbers (`tests/fixtures/refusals`).

use std::path::Path;

use serde_json::json;

use crate::support::{Backend, Gateway, Options, TestStore};

const ENTRIES: &str = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\n\
    sn: Lee\nmail: ann@x.org\n\n\
    dn: uid=eve,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: eve\ncn: Eve\nsn: Fox\n\
    mail: eve@x.org\n";

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const SQLITE: &str = "CREATE TABLE person (person_id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE,
    job TEXT CHECK (length(job) <= 5), kind TEXT CHECK (kind IN ('A', 'B')), nick TEXT CONSTRAINT nick CHECK (nick <> 'bad'),
    lang TEXT, centre INTEGER) STRICT";
const POSTGRES: &str = "CREATE TYPE kind AS ENUM ('A', 'B');
    CREATE DOMAIN nickname AS text CHECK (value <> 'bad');
    CREATE TABLE person (person_id bigserial PRIMARY KEY, login varchar(40) NOT NULL UNIQUE, job varchar(5), kind kind,
    nick nickname, lang varchar(5), centre smallint)";
const MARIADB: &str = "CREATE TABLE person (person_id integer AUTO_INCREMENT PRIMARY KEY, login varchar(40) NOT NULL UNIQUE,
    job varchar(5), kind enum('A', 'B'), nick varchar(40) CHECK (nick <> 'bad'), lang varchar(5), centre smallint)";

#[test]
fn the_attribute_of_a_refused_value_is_named() {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/refusals/mapping.toml");
    for (backend, tables) in
        [(Backend::Sqlite, SQLITE), (Backend::Postgres, POSTGRES), (Backend::MariaDb, MARIADB)]
    {
        let Some(store) = TestStore::of_statements(backend, tables, mapping.clone()) else { continue };
        let store = match backend {
            Backend::MariaDb => store.with_session("sql_mode = \"STRICT_ALL_TABLES\""),
            _ => store,
        };
        eprintln!("in front of {}", backend.name());
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let body =
            json!({ "schemas": [USER], "userName": "ann", "title": "Cook", "preferredLanguage": "en" });
        let made = client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        let before = store.dump();
        let (ann, all) =
            (format!("/Users/{}", made.id()), json!({ "userType": "A", "preferredLanguage": "de" }));
        for (path, attribute, value) in [
            ("title", "title", json!("Astronaut")),
            ("userType", "userType", json!("C")),
            ("nickName", "nickName", json!("bad")),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
                "costCenter",
                json!("many"),
            ),
        ] {
            let expect = |what: &str, answer: &crate::support::Answer| {
                assert_eq!(
                    (answer.status, &answer.json["scimType"]),
                    (400, &json!("invalidValue")),
                    "{what} {path}: {answer}"
                );
                let detail = answer.json["detail"].as_str().unwrap();
                assert!(detail.contains(attribute), "{what} {path}: {detail}");
                assert_eq!(store.dump(), before, "{what} {path}");
            };
            let mut body = json!({ "schemas": [USER, ENTERPRISE], "userName": "eve" });
            body.as_object_mut().unwrap().extend(all.as_object().unwrap().clone());
            match attribute {
                "costCenter" => body[ENTERPRISE] = json!({ "costCenter": value }),
                name => body[name] = value.clone(),
            }
            expect("POST", &client.post("/Users", &body));
            // With another change of the same row.
            let change = json!([{ "op": "replace", "path": "preferredLanguage", "value": "fr" },
                                { "op": "replace", "path": path, "value": value }]);
            expect("PATCH", &client.patch(&ann, change));
        }
        let taken = client.post("/Users", &json!({ "schemas": [USER], "userName": "ann" }));
        assert_eq!((taken.status, &taken.json["scimType"]), (409, &json!("uniqueness")), "{taken}");
        assert!(taken.json["detail"].as_str().unwrap().contains("`userName`"), "{taken}");
    }
}

/// OpenLDAP's unique overlay names the attribute of the entry, also that of a list.
#[test]
fn an_address_that_somebody_else_has_is_refused_in_the_name_of_its_attribute() {
    let Some(store) = TestStore::loaded(ENTRIES) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let found = client.get("/Users?filter=userName%20eq%20%22ann%22");
    let path = format!("/Users/{}", found.json["Resources"][0]["id"].as_str().unwrap());
    let before = store.directory().look();
    let others = json!([{ "value": "own@x.org" }, { "value": "eve@x.org" }]);
    for (what, answer) in [
        ("POST", client.post("/Users", &json!({ "schemas": [USER], "userName": "bob", "displayName": "Bob", "name": { "familyName": "B" }, "emails": others }))),
        ("PUT", client.put(&path, &json!({ "schemas": [USER], "userName": "ann", "displayName": "Ann", "name": { "familyName": "Lee" }, "emails": others }))),
        ("PATCH", client.patch(&path, json!([{ "op": "add", "path": "emails", "value": others }]))),
    ] {
        assert_eq!((answer.status, &answer.json["scimType"]), (409, &json!("uniqueness")), "{what}: {answer}");
        assert_eq!(answer.json["detail"], "`emails` is in use already.", "{what}");
    }
    assert_eq!(store.directory().look().changes_since(&before), [""; 0]);
}
