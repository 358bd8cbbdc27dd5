//! PUT (RFC 7644 §3.5.1).

use serde_json::json;

use super::{USER, assert_refused, create, person, total};
use crate::{
    every_store::{assert_holds, everywhere},
    support::unique,
};

#[test]
fn a_resource_is_replaced_as_a_whole() {
    // 7644-3.5-a, 7644-3.5.1-a, 7644-3.5.1-b, 7644-3.5.1-f, D-5
    everywhere(|_, gateway| {
        let client = gateway.client();
        let login = unique("put");
        let (path, _) = create(&client, "/Users", &person(&login));
        let mut body = json!({
            "schemas": [USER], "userName": login, "active": true, "displayName": "Somebody else",
            "name": { "familyName": "Tacke", "givenName": "Ida" },
            "emails": [{ "value": format!("{login}.other@example.com"), "type": "work" }],
        });
        let put = client.put(&path, &body);
        assert_eq!(put.status, 200, "{put}");
        body["title"] = json!(null); // it was not sent: cleared
        assert_holds(&put.json, body);
        assert_eq!(client.get(&path).json, put.json);
        assert_eq!(put.header("location"), put.json["meta"]["location"]);
    });
}

#[test]
fn put_makes_nothing_new() {
    // 7644-3.2-b
    everywhere(|store, gateway| {
        let client = gateway.client();
        let before = store.dump();
        let login = unique("nobody");
        assert_refused(&client.put("/Users/00000000-0000-4000-8000-000000000000", &person(&login)), 404, "");
        assert_eq!(total(&client, "/Users", &format!("userName eq \"{login}\"")), 0);
        assert_eq!(store.dump(), before);
    });
}

#[test]
fn an_echo_of_what_was_read_is_no_error_and_no_change() {
    // 7644-3.5.1-d, 7644-3.5.1-g, 7644-3.5.1-i, O-04
    everywhere(|store, gateway| {
        let client = gateway.client();
        let (path, _) = create(&client, "/Users", &person(&unique("echo")));
        let before = store.dump();
        let mut echo = client.get(&path).json;
        let put = client.put(&path, &echo);
        assert_eq!((put.status, &put.json), (200, &echo));
        echo["id"] = json!("another");
        echo["meta"] = json!({ "version": "W/\"old\"" });
        echo["groups"] = json!([{ "value": "x" }]);
        echo.as_object_mut().unwrap().remove("active");
        let put = client.put(&path, &echo);
        assert_eq!(put.status, 200, "{put}");
        assert_holds(&put.json, json!({ "active": true, "groups": null }));
        assert_eq!(store.dump(), before, "a password, too, stays as it was");
    });
}

#[test]
fn put_must_not_break_what_holds_for_all() {
    // 7644-3.5.1-e, 7644-3.5.1-h, 7644-3.2-c
    everywhere(|store, gateway| {
        let client = gateway.client();
        let taken = unique("taken");
        create(&client, "/Users", &person(&taken));
        let (path, _) = create(&client, "/Users", &person(&unique("other")));
        let before = store.dump();
        let mut same = person(&taken.to_uppercase());
        same["emails"] = json!([]);
        assert_refused(&client.put(&path, &same), 409, "uniqueness");
        let mut nameless = person("x");
        nameless.as_object_mut().unwrap().remove("userName");
        assert_refused(&client.put(&path, &nameless), 400, "invalidValue");
        assert_eq!(store.dump(), before);
    });
}
