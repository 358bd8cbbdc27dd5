//! Groups that name their members by login (`memberUid`, RFC 2307), on OpenLDAP; the recipe of
//! `docs/cookbook/ldap.md`.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Gateway, Options, Product, TestStore};

const MAPPING: &str = r#"
[User.attributes]
groups = false

[Group]
base = "ou=groups,{let.suffix}"
classes = ["posixGroup"]
where = { objectClass = "posixGroup" }
initial = { gidNumber = "@next.gid" }

[next.gid]
highest = "gidNumber"
base = "ou=groups,{let.suffix}"
from = 20000

[Group.part]
link = false

[Group.attributes]
displayName = { field = "cn", unique = "fold" }
members = false
"#;

const ENTRIES: &str = "dn: cn=wheel,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: wheel\ngidNumber: 20041\n\
    memberUid: root\nmemberUid: Backup\ndescription: of others\n";

const WHEEL: &str = "cn=wheel,ou=groups,dc=example,dc=com";

#[test]
fn logins_come_go_and_are_followed_and_others_stay() {
    let folder = TempDir::new().unwrap();
    let (base, file) = (folder.path().join("base.toml"), folder.path().join("posix.toml"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/openldap.toml");
    std::fs::write(&base, format!("extends = \"{shipped}\"\n{MAPPING}")).unwrap();
    std::fs::write(
        &file,
        "extends = \"base.toml\"\n[User.attributes]\ngroups = { inverse = \"Group.members\" }\n\
         [Group.attributes]\nmembers = { rows = \"memberUid\", ref = \"User\", by = \"uid\", dangling = \"hide\" }\n",
    )
    .unwrap();
    let Some(store) = TestStore::of_entries(Product::OpenLdap, ENTRIES, file) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let at = |dn: &str, attribute: &str| store.directory().values(dn, attribute).unwrap();
    let patch = |path: &str, operations: Json| {
        let answer = client.patch(path, operations);
        assert!(matches!(answer.status, 200 | 204), "{answer}");
    };
    let ids: Vec<String> = ["ann", "ben"]
        .map(|login| {
            let made = client.post("/Users", &json!({ "userName": login, "name": { "familyName": "X" } }));
            assert_eq!(made.status, 201, "{made}");
            made.id()
        })
        .into();
    let wheel = client.get("/Groups?filter=displayName%20eq%20%22wheel%22");
    let wheel = format!("/Groups/{}", wheel.json["Resources"][0]["id"].as_str().unwrap());
    assert!(client.get(&wheel).json.get("members").is_none(), "nobody of ours is in it");

    let both: Vec<Json> = ids.iter().map(|id| json!({ "value": id })).collect();
    patch(&wheel, json!([{ "op": "add", "path": "members", "value": both }]));
    assert_eq!(at(WHEEL, "memberUid"), ["Backup", "ann", "ben", "root"]);
    assert_eq!(client.get(&wheel).json["members"].as_array().unwrap().len(), 2);
    assert_eq!(client.get(&format!("/Users/{}", ids[0])).json["groups"].as_array().unwrap().len(), 1);
    patch(&format!("/Users/{}", ids[0]), json!([{ "op": "replace", "path": "userName", "value": "anna" }]));
    assert_eq!(at(WHEEL, "memberUid"), ["Backup", "anna", "ben", "root"]);
    patch(&wheel, json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[1]) }]));
    assert_eq!(at(WHEEL, "memberUid"), ["Backup", "anna", "root"]);
    // The whole list replaced: what is not ours is no part of it.
    patch(&wheel, json!([{ "op": "replace", "path": "members", "value": [{ "value": ids[1] }] }]));
    assert_eq!(at(WHEEL, "memberUid"), ["Backup", "ben", "root"]);
    assert_eq!(client.delete(&format!("/Users/{}", ids[1])).status, 204);
    assert_eq!(at(WHEEL, "memberUid"), ["Backup", "root"]);
    assert_eq!(at(WHEEL, "description"), ["of others"]);

    // A new group gets a number, and may be empty.
    let made = client.post("/Groups", &json!({ "displayName": "devs", "members": [{ "value": ids[0] }] }));
    assert_eq!(made.status, 201, "{made}");
    let devs = "cn=devs,ou=groups,dc=example,dc=com";
    assert_eq!(
        (at(devs, "gidNumber"), at(devs, "memberUid")),
        (vec!["20042".into()], vec!["anna".to_owned()])
    );
    patch(&format!("/Groups/{}", made.id()), json!([{ "op": "remove", "path": "members" }]));
    assert!(at(devs, "memberUid").is_empty());
}
