//! OpenLDAP's ppolicy: what locks an account, and what SCIM shows of it.

use serde_json::{Value as Json, json};

use crate::support::{Gateway, Options, TestStore};

const ENTRIES: &str = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\n\
    sn: Lee\nmail: ann@x.org\n\n\
    dn: uid=eve,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: eve\ncn: Eve\nsn: Fox\n\
    mail: eve@x.org\n";

#[test]
fn a_lock_out_is_no_deactivation_and_a_deactivation_is_one() {
    let Some(store) = TestStore::loaded(ENTRIES) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let found = client.get("/Users?filter=userName%20eq%20%22ann%22");
    let path = format!("/Users/{}", found.json["Resources"][0]["id"].as_str().unwrap());
    let set = |attribute: &str, value: Json| {
        let answer = client.patch(&path, json!([{ "op": "replace", "path": attribute, "value": value }]));
        assert!(matches!(answer.status, 200 | 204), "{answer}");
    };
    let dn = "uid=ann,ou=people,dc=example,dc=com";
    let directory = store.directory();
    let locked = || directory.values(dn, "pwdAccountLockedTime").unwrap();
    set("password", json!("Long.Enough1"));
    assert!(directory.accepts(dn, "Long.Enough1"));
    // By the extended operation, so the server made a hash of it.
    assert!(directory.values(dn, "userPassword").unwrap().iter().all(|value| value.starts_with("{SSHA}")));

    // Five wrong passwords lock, for a time.
    (0..6).for_each(|_| assert!(!directory.accepts(dn, "wrong")));
    assert_eq!(locked().len(), 1);
    assert!(!directory.accepts(dn, "Long.Enough1"));
    assert_eq!(client.get(&path).json["active"], true);
    let time = locked();
    set("title", json!("Cook"));
    assert_eq!(locked(), time, "a change of something else does not unlock");

    set("active", json!(false));
    assert_eq!(
        (locked(), &client.get(&path).json["active"]),
        (vec!["000001010000Z".to_owned()], &json!(false))
    );
    let off = client.get("/Users?filter=active%20eq%20false");
    assert_eq!(off.json["totalResults"], 1);
    assert!(!directory.accepts(dn, "Long.Enough1"));
    set("active", json!(true));
    assert!(locked().is_empty());
    assert!(directory.accepts(dn, "Long.Enough1"));
}

/// A new password ends a lock-out, but does not bring back whoever was deactivated.
#[test]
fn a_new_password_does_not_activate() {
    let Some(store) = TestStore::loaded(ENTRIES) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let body = |password: &str| {
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "una", "displayName": "Una",
            "active": false, "password": password })
    };
    let made = client.post("/Users", &body("Long.Enough1"));
    assert_eq!((made.status, &made.json["active"]), (201, &json!(false)), "{made}");
    let path = format!("/Users/{}", made.id());
    let dn = "uid=una,ou=people,dc=example,dc=com";
    assert!(!store.directory().accepts(dn, "Long.Enough1"));
    let changed =
        client.patch(&path, json!([{ "op": "replace", "path": "password", "value": "Long.Enough2" }]));
    assert!(matches!(changed.status, 200 | 204), "{changed}");
    assert_eq!(client.get(&path).json["active"], false);
    let put = client.put(&path, &body("Long.Enough3"));
    assert_eq!((put.status, &put.json["active"]), (200, &json!(false)), "{put}");
    assert!(!store.directory().accepts(dn, "Long.Enough3"));
    let changed = client.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
    assert!(matches!(changed.status, 200 | 204), "{changed}");
    assert!(store.directory().accepts(dn, "Long.Enough3"));
}
