//! The same requests in front of every store: what is there is shown, what is written lies in the
//! store as other programs expect it, and what others change is seen.

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore, mismatches, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Runs a test in front of every store whose server is there.
pub(crate) fn everywhere(test: impl Fn(&TestStore, Gateway)) {
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, &Options::default());
        test(&store, gateway);
    }
}

pub(crate) fn find(client: &Client, user_name: &str) -> Json {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", &format!("userName eq \"{user_name}\""))
        .finish();
    let answer = client.get(&format!("/Users?{query}"));
    assert_eq!(answer.status, 200, "{answer}");
    answer.json
}

pub(crate) fn login(store: &TestStore, number: usize) -> String {
    match store.backend() {
        Backend::Sqlite | Backend::OpenLdap | Backend::Ds389 => format!("person{number}"),
        Backend::Postgres | Backend::MariaDb | Backend::ActiveDirectory => {
            format!("person{number}@example.com")
        }
    }
}

pub(crate) fn assert_holds(actual: &Json, expected: Json) {
    let wrong = mismatches(&expected, actual);
    assert!(wrong.is_empty(), "{}\nin {actual:#}", wrong.join("\n"));
}

#[test]
fn people_of_the_store_are_shown() {
    everywhere(|store, gateway| {
        let client = gateway.client();
        let found = find(&client, &login(store, 2));
        let groups = if store.backend() == Backend::Sqlite { 2 } else { 3 };
        assert_holds(
            &found,
            json!({ "totalResults": 1, "Resources": [{
                "schemas": "$any", "id": "$any", "userName": login(store, 2), "active": true,
                "displayName": "Jörg Müller", "name": { "givenName": "Jörg", "familyName": "Müller" },
                "emails": [{ "value": "$any", "type": "work" }],
                "groups": vec![json!({ "value": "$any" }); groups],
                "meta": { "resourceType": "User", "location": "$any", "created": "$any", "lastModified": "$any" },
            }]}),
        );
        // A manager is the id of another user, and that user can be read.
        let manager = found
            .pointer("/Resources/0/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value");
        let manager = client.get(&format!("/Users/{}", manager.and_then(Json::as_str).unwrap()));
        assert_eq!(manager.json["userName"], json!(login(store, 1)), "{manager}");
    });
}

#[test]
fn a_user_lives_and_goes() {
    everywhere(|store, gateway| {
        let client = gateway.client();
        let name = format!("{}@example.com", unique("life"));
        let body = json!({
            "schemas": [USER], "userName": name, "displayName": "Zoë O'Neil", "active": true,
            "name": { "givenName": "Zoë", "familyName": "O'Neil" },
            "emails": [{ "value": name, "type": "work", "primary": true }],
        });
        let created = client.post("/Users", &body);
        assert_eq!(created.status, 201, "{created}");
        let path = format!("/Users/{}", created.id());
        assert_eq!(created.header("location"), format!("{}/scim/v2{path}", gateway.address()));
        let (given, active, title) = match store.backend() {
            Backend::Sqlite => ("first_name", "status_code", "job_title"),
            Backend::Postgres => ("given_name", "status", "job_title"),
            Backend::MariaDb => ("first", "enabled", "job"),
            Backend::OpenLdap => ("givenName", "pwdAccountLockedTime", "title"),
            Backend::Ds389 => ("givenName", "nsAccountLock", "title"),
            Backend::ActiveDirectory => ("givenName", "userAccountControl", "title"),
        };
        assert_eq!(store.user(&name, given).unwrap(), ["Zoë"]);
        let (on, off): (&[&str], &[&str]) = match store.backend() {
            Backend::Sqlite => (&["A"], &["T"]),
            Backend::Postgres => (&["A"], &["X"]),
            Backend::MariaDb => (&["1"], &["0"]),
            Backend::OpenLdap => (&[], &["000001010000Z"]),
            Backend::Ds389 => (&[], &["true"]),
            Backend::ActiveDirectory => (&["512"], &["514"]),
        };
        assert_eq!(store.user(&name, active).unwrap(), on);
        assert_eq!(client.post("/Users", &body).status, 409);

        let patched =
            client.patch(&path, json!([{ "op": "replace", "value": { "active": false, "title": "Diver" } }]));
        assert!([200, 204].contains(&patched.status), "{patched}");
        assert_eq!(store.user(&name, active).unwrap(), off);
        assert_eq!(store.user(&name, title).unwrap(), ["Diver"]);
        assert_holds(
            &client.get(&path).json,
            json!({ "active": false, "title": "Diver", "displayName": "Zoë O'Neil" }),
        );

        let replaced = client.put(&path, &json!({ "schemas": [USER], "userName": name, "active": true }));
        assert_eq!(replaced.status, 200, "{replaced}");
        assert_holds(
            &replaced.json,
            json!({ "active": true, "title": null, "displayName": null, "emails": null }),
        );
        assert_eq!(store.user(&name, active).unwrap(), on);

        assert_eq!(client.delete(&path).status, 204);
        assert_eq!(client.get(&path).status, 404);
        assert_eq!(store.user(&name, given), None);
        assert_holds(&find(&client, &name), json!({ "totalResults": 0 }));
    });
}

#[test]
fn ids_survive_a_crash_and_the_loss_of_our_database() {
    everywhere(|store, gateway| {
        let before = find(&gateway.client(), &login(store, 3));
        let gateway = gateway.restart();
        let after = find(&gateway.client(), &login(store, 3));
        assert_eq!(before["Resources"][0]["id"], after["Resources"][0]["id"]);
        // Another gateway knows nothing of the first one's database.
        let other = Gateway::start(store, &Options::default());
        assert_eq!(
            find(&other.client(), &login(store, 3))["Resources"][0]["id"],
            after["Resources"][0]["id"]
        );
        assert!(!other.log().contains("panicked"), "{}", other.log());
    });
}

#[test]
fn what_others_change_is_seen() {
    everywhere(|store, gateway| {
        let client = gateway.client();
        let id = find(&client, &login(store, 4))["Resources"][0]["id"].as_str().unwrap().to_owned();
        let dn = store.dn_of_person(4);
        match store.backend() {
            Backend::Sqlite => {
                store.tables().execute("update employees set job_title = 'Cook' where emp_no = 4")
            }
            Backend::Postgres => {
                store.tables().execute("update hr.employee set job_title = 'Cook' where employee_id = 4")
            }
            Backend::MariaDb => store.tables().execute("update person set job = 'Cook' where person_id = 4"),
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => {
                store
                    .directory()
                    .modify(&format!("dn: {dn}\nchangetype: modify\nreplace: title\ntitle: Cook\n"));
            }
        }
        assert_eq!(client.get(&format!("/Users/{id}")).json["title"], "Cook");
        match store.backend() {
            Backend::Sqlite => {
                store.tables().execute("pragma foreign_keys = on; delete from employees where emp_no = 4")
            }
            Backend::Postgres => {
                store.tables().execute("update hr.employee set deleted_at = now() where employee_id = 4")
            }
            Backend::MariaDb => store.tables().execute("delete from person where person_id = 4"),
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => store.directory().delete(&[&dn]),
        }
        assert_eq!(client.get(&format!("/Users/{id}")).status, 404);
        assert_holds(&find(&client, &login(store, 4)), json!({ "totalResults": 0 }));
    });
}

#[test]
fn somebody_added_by_others_appears_and_logs_in_with_a_password_set_by_scim() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let dn = format!("uid=newcomer,ou=people,{}", store.suffix());
    store
        .directory()
        .add(&format!("dn: {dn}\nobjectClass: inetOrgPerson\nuid: newcomer\ncn: New\nsn: Comer\n"));
    let id = find(&client, "newcomer")["Resources"][0]["id"].as_str().unwrap().to_owned();
    let patched = client
        .patch(&format!("/Users/{id}"), json!([{ "op": "add", "path": "password", "value": "Tr0ub4dor-7" }]));
    assert!([200, 204].contains(&patched.status), "{patched}");
    assert!(store.directory().accepts(&dn, "Tr0ub4dor-7"));
    let entries = store.directory().search("(uid=newcomer)");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].dn, dn);
    assert!(!client.get(&format!("/Users/{id}")).json.to_string().contains("Tr0ub4dor-7"));
    assert!(!gateway.log().contains("Tr0ub4dor-7"));
}

#[test]
fn two_membership_changes_at_once_both_count() {
    // O-10
    everywhere(|store, gateway| {
        let client = gateway.client();
        let group = client.post("/Groups", &json!({ "schemas": [GROUP], "displayName": unique("crowd") }));
        assert_eq!(group.status, 201, "{group}");
        let path = format!("/Groups/{}", group.id());
        let ids: Vec<String> = (1..=4)
            .map(|n| find(&client, &login(store, n))["Resources"][0]["id"].as_str().unwrap().to_owned())
            .collect();
        std::thread::scope(|scope| {
            for id in &ids {
                let (client, path) = (client.clone(), &path);
                scope.spawn(move || {
                    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
                    let answer = client.patch(path, add);
                    assert!([200, 204].contains(&answer.status), "{answer}");
                });
            }
        });
        let expected: Vec<Json> = ids.iter().map(|id| json!({ "value": id })).collect();
        assert_holds(&client.get(&path).json, json!({ "members": expected }));
    });
}

#[test]
fn another_mapping_can_be_laid_over_a_shipped_one() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("read-only-titles.toml");
    let base = store.mapping().display().to_string();
    std::fs::write(
        &file,
        format!(
            "extends = \"{base}\"\n[User.attributes]\ntitle = {{ field = \"job_title\", write = \"no\" }}\n"
        ),
    )
    .unwrap();
    let store = store.with_mapping(file);
    let gateway = Gateway::start(&store, &Options::default());
    let schema = gateway.client().get(&format!("/Schemas/{USER}"));
    let attributes = schema.json["attributes"].as_array().unwrap();
    let title = attributes.iter().find(|a| a["name"] == "title").unwrap();
    assert_eq!(title["mutability"], "readOnly");
    assert_eq!(find(&gateway.client(), "person2")["Resources"][0]["title"], "Head of Department");
}

#[test]
fn a_schema_that_goes_takes_its_attributes_along() {
    // 7644-3.5.2-h, P-any-3
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let options = Options { client: "mode = \"rfc\"\n".to_owned(), ..Options::default() };
        let gateway = Gateway::start(&store, &options);
        let client = gateway.client();
        let name = format!("{}@example.com", unique("schemas"));
        let body = json!({
            "schemas": [USER, ENTERPRISE], "userName": name, "displayName": "Ann", "active": true,
            "name": { "givenName": "Ann", "familyName": "Lee" },
            "emails": [{ "value": name, "type": "work" }],
            ENTERPRISE: { "employeeNumber": "17" },
        });
        let created = client.post("/Users", &body);
        assert_eq!(created.status, 201, "{created}");
        let path = format!("/Users/{}", created.id());
        let patch = |operation: Json| client.patch(&path, json!([operation]));
        let kept = patch(json!({ "op": "add", "path": "schemas", "value": [ENTERPRISE] }));
        assert_holds(
            &kept.json,
            json!({ "schemas": [USER, ENTERPRISE], ENTERPRISE: { "employeeNumber": "17" } }),
        );
        let refused = patch(json!({ "op": "replace", "path": "schemas", "value": [ENTERPRISE] }));
        assert_eq!((refused.status, &refused.json["scimType"]), (400, &json!("mutability")), "{refused}");
        let gone = patch(json!({ "op": "replace", "path": "schemas", "value": [USER] }));
        assert_eq!((gone.status, &gone.json["schemas"]), (200, &json!([USER])), "{gone}");
        assert_eq!(client.get(&path).json.get(ENTERPRISE), None);
    }
}
