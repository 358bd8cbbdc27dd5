//! DELETE (RFC 7644 §3.6).

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{GROUP, assert_refused, create, person, total};
use crate::{
    every_store::{assert_holds, everywhere},
    support::unique,
};

#[test]
fn what_is_deleted_is_gone_for_every_method() {
    // 7644-3.6-a, 7644-3.6-b, 7644-3.6-d, E-14
    everywhere(|_, gateway| {
        let client = gateway.client();
        let login = unique("gone");
        let (path, _) = create(&client, "/Users", &person(&login));
        let gone = client.delete(&path);
        assert_eq!((gone.status, &gone.json), (204, &Json::Null));
        assert_eq!(gone.header("content-type"), "");
        assert_refused(&client.get(&path), 404, "");
        assert_refused(&client.put(&path, &person(&login)), 404, "");
        assert_refused(
            &client.patch(&path, json!([{ "op": "replace", "path": "title", "value": "x" }])),
            404,
            "",
        );
        assert_refused(&client.delete(&path), 404, "");
        assert_eq!(client.send(Method::HEAD, &path, None, &[]).status, 404);
        assert_eq!(total(&client, "/Users", &format!("userName eq \"{login}\"")), 0);
        assert_refused(&client.delete("/Users/00000000-0000-4000-8000-000000000000"), 404, "");
    });
}

#[test]
fn a_name_is_free_again_and_its_old_id_is_not() {
    // 7644-3.6-c, 7643-3.1-id, JC-01
    everywhere(|_, gateway| {
        let client = gateway.client();
        let login = unique("again");
        let (old, _) = create(&client, "/Users", &person(&login));
        assert_eq!(client.delete(&old).status, 204);
        let (new, _) = create(&client, "/Users", &person(&login));
        assert_ne!(old, new, "an id is never given out twice");
        assert_refused(&client.get(&old), 404, "");
        assert_eq!(client.get(&new).status, 200);
    });
}

#[test]
fn references_to_what_is_gone_go_with_it() {
    // 7644-3.6-e
    everywhere(|_, gateway| {
        let client = gateway.client();
        let (user, made) = create(&client, "/Users", &person(&unique("member")));
        let (stays, _) = create(&client, "/Users", &person(&unique("stays")));
        let stays = stays.rsplit('/').next().unwrap().to_owned();
        let body = json!({
            "schemas": [GROUP], "displayName": unique("Team "),
            "members": [{ "value": made.id() }, { "value": stays }],
        });
        let (group, _) = create(&client, "/Groups", &body);
        assert_eq!(client.delete(&user).status, 204);
        assert_holds(&client.get(&group).json, json!({ "members": [{ "value": stays }] }));
    });
}
