//! Who leaves, as Entra ID tells it (`docs/entra.md`): switched off, moved aside, perhaps with an id in front
//! of the login, and back again with everything they had.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Gateway, Options, Product, TestStore};

/// The lines of `docs/entra.md` for OpenLDAP, by the place of the shipped mapping.
const MAPPING: &str = r#"
[User]
base = "{let.suffix}"
where = { objectClass = "inetOrgPerson", container = ["ou=people,{let.suffix}", "ou=leavers,{let.suffix}"] }
initial = { container = "ou=people,{let.suffix}" }

[User.attributes]
userName = [
    { field = "uid", unique = "fold", when = { container = "ou=people,{let.suffix}" }, refuse = "ignore" },
    { field = "uid", write = "no" },
]
active = [{ read = { container = "ou=people,{let.suffix}" }, true = { container = "ou=people,{let.suffix}", pwdAccountLockedTime = "@none" }, false = { container = "ou=leavers,{let.suffix}", pwdAccountLockedTime = "000001010000Z" }, required = true }]
"#;

const ENTRIES: &str = "dn: ou=leavers,dc=example,dc=com\nobjectClass: organizationalUnit\n\n\
    dn: cn=board,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: board\n\
    member: uid=boss,ou=people,dc=example,dc=com\n";

const ANN: &str = "uid=ann,ou=people,dc=example,dc=com";
const GONE: &str = "uid=ann,ou=leavers,dc=example,dc=com";
const BOARD: &str = "cn=board,ou=groups,dc=example,dc=com";
const BOSS: &str = "uid=boss,ou=people,dc=example,dc=com";

#[test]
fn a_leaver_of_openldap_moves_keeps_the_name_and_comes_back() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("leavers.toml");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/openldap.toml");
    std::fs::write(&file, format!("extends = \"{shipped}\"\n{MAPPING}")).unwrap();
    let Some(store) = TestStore::of_entries(Product::OpenLdap, ENTRIES, file) else { return };
    let options = Options { profile: Some("entra"), ..Options::default() };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    let at = |dn: &str, attribute: &str| store.directory().values(dn, attribute);

    let user = json!({ "userName": "ann", "displayName": "Ann", "name": { "familyName": "Lee" },
        "password": "Start.Test1", "active": true });
    let made = client.post("/Users", &user);
    assert_eq!(made.status, 201, "{made}");
    let (id, path) = (made.id(), format!("/Users/{}", made.id()));
    let board = client.get("/Groups?filter=displayName%20eq%20%22board%22");
    let group = format!("/Groups/{}", board.json["Resources"][0]["id"].as_str().unwrap());
    let patch = |path: &str, operations: Json| {
        let answer = client.patch(path, operations);
        assert!(matches!(answer.status, 200 | 204), "{answer}");
    };
    patch(&group, json!([{ "op": "Add", "path": "members", "value": [{ "value": id }] }]));
    assert_eq!(at(BOARD, "member").unwrap(), [ANN, BOSS]);
    assert!(store.directory().accepts(ANN, "Start.Test1"));

    // Deleted softly: off, elsewhere, and still a member. The login that comes with it renames nobody.
    patch(&path, json!([{ "op": "Replace", "path": "active", "value": "False" }]));
    assert_eq!(at(ANN, "uid"), None);
    assert_eq!(at(GONE, "pwdAccountLockedTime").unwrap(), ["000001010000Z"]);
    assert_eq!(at(BOARD, "member").unwrap(), [GONE, BOSS]);
    assert!(!store.directory().accepts(GONE, "Start.Test1"), "nobody logs in who has left");
    patch(&path, json!([{ "op": "Replace", "path": "userName", "value": "4711d0c7ann" }]));
    assert_eq!(at(GONE, "uid").unwrap(), ["ann"]);
    assert_eq!(at(GONE, "cn").unwrap(), ["Ann"]);

    // The name stays taken, and leads to the leaver.
    let found = client.get("/Users?filter=userName%20eq%20%22ANN%22");
    assert_eq!(
        (&found.json["Resources"][0]["id"], &found.json["Resources"][0]["active"]),
        (&json!(id), &json!(false))
    );
    let twin = client.post("/Users", &json!({ "userName": "Ann", "name": { "familyName": "Twin" } }));
    assert_eq!((twin.status, &twin.json["scimType"]), (409, &json!("uniqueness")), "{twin}");

    // Restored: on, in place, with the memberships, and from then on renamed like anybody.
    patch(&path, json!([{ "op": "Replace", "path": "userName", "value": "ann" }]));
    patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }]));
    assert_eq!(at(ANN, "pwdAccountLockedTime").unwrap(), Vec::<String>::new());
    assert_eq!(at(BOARD, "member").unwrap(), [ANN, BOSS]);
    assert!(store.directory().accepts(ANN, "Start.Test1"));
    assert_eq!(client.get(&group).json["members"][0]["value"], id);
    patch(&path, json!([{ "op": "Replace", "path": "userName", "value": "anna" }]));
    assert_eq!(at("uid=anna,ou=people,dc=example,dc=com", "uid").unwrap(), ["anna"]);

    // Both in one request, and gone for good.
    patch(
        &path,
        json!([{ "op": "Replace", "path": "active", "value": "False" },
            { "op": "Replace", "path": "userName", "value": "4711d0c7anna" }]),
    );
    let gone = "uid=anna,ou=leavers,dc=example,dc=com";
    assert_eq!(at(gone, "uid").unwrap(), ["anna"]);
    assert_eq!(client.delete(&path).status, 204);
    assert_eq!(at(gone, "uid"), None);
    assert_eq!(at(BOARD, "member").unwrap(), [BOSS]);
}
