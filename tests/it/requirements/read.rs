//! GET of one resource, and attribute selection (RFC 7644 §3.4.1, §3.9).

use serde_json::json;

use super::{USER, assert_refused, create, filter, person};
use crate::{
    every_store::{assert_holds, everywhere},
    support::unique,
};

#[test]
fn a_resource_is_read_by_its_id_and_no_other_way() {
    // 7644-3.4.1-a, 7644-3.4.1-b, HTTP-c
    everywhere(|_, gateway| {
        let client = gateway.client();
        let (path, made) = create(&client, "/Users", &person(&unique("one")));
        let read = client.get(&path);
        assert_eq!((read.status, &read.json), (200, &made.json));
        assert_eq!(read.header("location"), made.json["meta"]["location"]);
        assert_eq!(read.header("etag"), made.json["meta"]["version"]);
        // Percent-encoded it is the same id, and decoded once only.
        let coded: String = made.id().bytes().map(|b| format!("%{b:02X}")).collect();
        assert_eq!(client.get(&format!("/Users/{coded}")).json, made.json);
        assert_refused(&client.get(&format!("/Users/{}", coded.replace('%', "%25"))), 404, "");
        for unknown in
            ["/Users/00000000-0000-4000-8000-000000000000", "/Users/x", "/Users/uid=person1,ou=people"]
        {
            assert_refused(&client.get(unknown), 404, "");
        }
        // The id of a user is none of a group.
        assert_refused(&client.get(&path.replace("/Users", "/Groups")), 404, "");
    });
}

#[test]
fn no_match_is_an_empty_list() {
    // 7644-3.4.2-d, 7644-3.4.2-b, 7644-3.4.2-c
    everywhere(|_, gateway| {
        let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
        let answer = gateway.client().get(&format!("/Users?{}", filter("userName eq \"nobody-at-all\"")));
        let empty = json!({
            "schemas": [list], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
        });
        assert_eq!((answer.status, answer.json), (200, empty));
    });
}

#[test]
fn every_answer_with_a_resource_obeys_the_selection() {
    // 7644-3.9-a, 7644-3.9-b, 7644-3.9-c, 7644-3.9-d, 7644-3.9-e, 7644-3.9-g, D-11
    everywhere(|_, gateway| {
        let client = gateway.client();
        let login = unique("sel");
        let only = |path: &str| {
            format!("{path}{}attributes=title,nonsense", if path.contains('?') { "&" } else { "?" })
        };
        let expected =
            |answer: &serde_json::Value| json!({ "schemas": [USER], "id": answer["id"], "title": "Chemist" });
        let made = client.post(&only("/Users"), &person(&login));
        assert_eq!((made.status, &made.json), (201, &expected(&made.json)));
        let path = format!("/Users/{}", made.id());
        let put = client.put(&only(&path), &person(&login));
        assert_eq!((put.status, &put.json), (200, &expected(&made.json)));
        let patched =
            client.patch(&only(&path), json!([{ "op": "replace", "path": "displayName", "value": "I. N." }]));
        assert_eq!((patched.status, &patched.json), (200, &expected(&made.json)));
        assert_eq!(client.get(&only(&path)).json, expected(&made.json));
        let by_name = filter(&format!("userName eq \"{login}\""));
        assert_eq!(
            client.get(&only(&format!("/Users?{by_name}"))).json["Resources"][0],
            expected(&made.json)
        );
        // The other way round: everything but; the minimum stays.
        let rest = client.get(&format!("{path}?excludedAttributes=id,schemas,title,name.familyName"));
        assert_holds(
            &rest.json,
            json!({ "id": made.id(), "schemas": [USER], "title": null, "name": { "givenName": "Ida", "familyName": null } }),
        );
        assert_refused(
            &client.get(&format!("{path}?attributes=title&excludedAttributes=name")),
            400,
            "invalidValue",
        );
    });
}

#[test]
fn a_password_is_never_seen_again() {
    // 7643-7-ret-b, D-13, 7643-4.1-b, 7643-9-*
    everywhere(|store, gateway| {
        let client = gateway.client();
        let mut body = person(&unique("pw"));
        body["password"] = json!("Tr0ub4dor-and-3");
        let made = client.post("/Users?attributes=password,userName", &body);
        assert_eq!(made.status, 201, "{made}");
        let path = format!("/Users/{}", made.id());
        let new = json!([{ "op": "replace", "path": "password", "value": "An0ther-secret-9" }]);
        let patched = client.patch(&format!("{path}?attributes=password"), new);
        assert_eq!(patched.status, 200, "{patched}");
        let read = client.get(&format!("{path}?attributes=password"));
        for answer in [&made, &patched, &read] {
            assert_eq!(answer.json["password"], json!(null), "{answer}");
        }
        assert_refused(&client.get(&format!("/Users?{}", filter("password pr"))), 400, "invalidFilter");
        let seen = format!("{:?}{}", store.dump(), gateway.log());
        assert!(
            !seen.contains("Tr0ub4dor") && !seen.contains("An0ther-secret"),
            "neither stored nor logged in clear"
        );
    });
}
