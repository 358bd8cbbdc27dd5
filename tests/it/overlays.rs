//! What OpenLDAP's overlays refuse (unique, constraint, ppolicy), told in words of SCIM: the status, the
//! `scimType`, and the attribute in one sentence. Nothing is left of a request that is refused.

use serde_json::{Value as Json, json};

use crate::support::{Answer, Gateway, Options, TestStore};

const CONSTRAINTS: &str = "dn: cn=module{1},cn=config\nobjectClass: olcModuleList\ncn: module{1}\n\
    olcModulePath: @MODULES@\nolcModuleLoad: constraint\n\n\
    dn: olcOverlay=constraint,olcDatabase={1}mdb,cn=config\n\
    objectClass: olcOverlayConfig\nobjectClass: olcConstraintConfig\nolcOverlay: constraint\n\
    olcConstraintAttribute: title regex ^[A-Z]\n\
    olcConstraintAttribute: mail count 2\n\
    olcConstraintAttribute: employeeType size 8\n";

const ENTRIES: &str = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\n\
    sn: Lee\nmail: ann@x.org\n\n\
    dn: uid=eve,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: eve\ncn: Eve\nsn: Fox\n\
    mail: eve@x.org\n";

fn assert_refused(answer: &Answer, status: u16, scim_type: &str, attribute: &str) {
    assert_eq!(
        (answer.status, &answer.json["scimType"]),
        (status, &json!(scim_type)),
        "{attribute}: {answer}"
    );
    let detail = answer.json["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("`{attribute}`")), "{attribute}: {detail}");
    assert_eq!(detail.matches(". ").count(), 0, "one sentence: {detail}");
    assert!(!detail.contains("dc=") && !detail.contains("x.org"), "{detail}");
}

#[test]
fn what_an_overlay_refuses_names_its_attribute() {
    let Some(store) = TestStore::configured(ENTRIES, CONSTRAINTS, "") else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let found = client.get("/Users?filter=userName%20eq%20%22ann%22");
    let path = format!("/Users/{}", found.json["Resources"][0]["id"].as_str().unwrap());
    let before = store.dump();
    let mail = |addresses: &[&str]| -> Json { addresses.iter().map(|a| json!({ "value": a })).collect() };
    for (status, scim_type, attribute, value) in [
        (409, "uniqueness", "emails", mail(&["EVE@x.org"])),
        (400, "invalidValue", "emails", mail(&["ann@x.org", "b@x.org", "c@x.org"])),
        (400, "invalidValue", "title", json!("cook")),
        (400, "invalidValue", "userType", json!("Contractor")),
        (400, "invalidValue", "password", json!("short")),
    ] {
        let change = json!([{ "op": "replace", "path": "displayName", "value": "Other" },
            { "op": "replace", "path": attribute, "value": value }]);
        assert_refused(&client.patch(&path, change), status, scim_type, attribute);
        assert_eq!(store.dump(), before, "{attribute}");
        let mut new = json!({ "userName": "new", "name": { "familyName": "New" } });
        new[attribute] = value;
        assert_refused(&client.post("/Users", &new), status, scim_type, attribute);
        assert_eq!(store.dump(), before, "{attribute}");
    }
}

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
