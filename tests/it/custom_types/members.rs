//! Groups have members of a type of a mapping's own.

use serde_json::json;

use super::{assert_holds, everywhere, make, path, plain, refused};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

#[test]
fn devices_are_members_of_groups() {
    // 7643-4.2-a
    everywhere(|_, gateway| {
        let client = gateway.client();
        let desk = make(&client, &plain("desk"));
        let user = client.post("/Users", &json!({ "userName": "ann", "displayName": "Ann Lee" }));
        let site = client.post("/Sites", &json!({ "displayName": "Attic" }));
        let group = client.post(
            "/Groups",
            &json!({ "schemas": [GROUP], "displayName": "all", "members": [
                { "value": desk.id(), "type": "Device" }, { "value": user.id() } ] }),
        );
        assert_eq!(group.status, 201, "{group}");
        let things = format!("{}/scim/v2/Things/{}", gateway.address(), desk.id());
        assert_holds(
            &group.json,
            json!({ "members": [
                { "value": desk.id(), "type": "Device", "$ref": things, "display": "desk" },
                { "value": user.id(), "type": "User", "display": "Ann Lee" },
            ] }),
        );
        let teams = json!([{ "value": group.id(), "display": "all", "type": "direct", "$ref": "$any" }]);
        assert_holds(&client.get(&path(&desk)).json, json!({ "teams": teams }));
        let add = json!([{ "op": "add", "path": "teams", "value": [{ "value": group.id() }] }]);
        refused(&client.patch(&path(&desk), add), 400, "mutability");
        let path_of_group = format!("/Groups/{}", group.id());
        // A site is no member here.
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": site.id() }] }]);
        refused(&client.patch(&path_of_group, add), 400, "invalidValue");
        for filter in
            [format!("members.value eq \"{}\"", desk.id()), "members[type eq \"device\"]".to_owned()]
        {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let found = client.get(&format!("/Groups?{}", query.append_pair("filter", &filter).finish()));
            assert_holds(&found.json, json!({ "totalResults": 1 }));
        }
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", user.id()) }]);
        assert_eq!(client.patch(&path_of_group, remove).status, 200);
        // When the device goes, it goes from the group.
        assert_eq!(client.delete(&path(&desk)).status, 204);
        assert_holds(&client.get(&path_of_group).json, json!({ "members": null }));
    });
}
