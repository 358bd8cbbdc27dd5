//! What somebody looked for in vain, because the store did not have it for a moment: a server that was behind, an entry
//! that was elsewhere. Once the store has it again, it is there under its id, whoever asks first.

use std::fs;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn made(client: &Client, path: &str, body: &Json) -> String {
    let answer = client.post(path, body);
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}

/// Moves an entry below another one, as other programs do: it stays the same entry.
fn move_to(store: &TestStore, name: &str, from: &str, to: &str) {
    let suffix = store.suffix();
    store.directory().modify(&format!(
        "dn: uid={name},{from},{suffix}\nchangetype: modrdn\nnewrdn: uid={name}\ndeleteoldrdn: 0\n\
         newsuperior: {to},{suffix}\n"
    ));
}

#[test]
fn an_entry_that_is_back_has_its_id_whoever_asks_first() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let name = unique("back");
    let person = json!({ "schemas": [USER], "userName": name, "displayName": "Ann", "externalId": name });
    let id = made(&client, "/Users", &person);
    let path = format!("/Users/{id}");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let group = format!(
        "/Groups/{}",
        made(&client, "/Groups", &json!({ "schemas": [GROUP], "displayName": unique("team") }))
    );
    let title = json!([{ "op": "replace", "path": "title", "value": "Cook" }]);
    let by_id = format!("/Users?filter=id%20eq%20%22{id}%22");
    let asks: [(&str, &dyn Fn() -> Answer); 5] = [
        ("read", &|| client.get(&path)),
        ("changed", &|| client.patch(&path, title.clone())),
        ("a member", &|| client.patch(&group, add.clone())),
        ("looked for", &|| client.get(&by_id)),
        ("deleted", &|| client.delete(&path)),
    ];
    for (what, ask) in asks {
        move_to(&store, &name, "ou=people", "ou=groups");
        let (gone, again) = (client.get(&path), client.get(&path));
        assert_eq!((gone.status, again.status), (404, 404), "{what}: {gone}");
        assert_eq!(client.get(&by_id).json["totalResults"], 0, "{what}");
        move_to(&store, &name, "ou=groups", "ou=people");
        let answer = ask();
        assert!(matches!(answer.status, 200 | 204), "{what}: {answer}");
        if what == "looked for" {
            assert_eq!(answer.json["totalResults"], 1, "{what}: {answer}");
        }
        let now = client.get(&path);
        if what == "deleted" {
            assert_eq!(now.status, 404, "{now}");
        } else {
            assert_eq!((now.status, &now.json["externalId"]), (200, &json!(name)), "{what}: {now}");
        }
    }
    let members = client.get(&group);
    assert_eq!(members.json["members"].as_array().map_or(0, Vec::len), 0, "{members}");

    // Somebody of the same name is somebody else.
    let other = made(&client, "/Users", &person);
    assert_ne!(other, id);
    assert_eq!(client.get(&path).status, 404);
}

/// A table's key may be given to somebody else, so a row that is there again has another id, as a listing says.
#[test]
fn a_row_under_a_key_that_was_free_is_somebody_else() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("people.toml");
    let text = "[sql]\n[User]\ntable = \"people\"\nkey = \"login\"\nwhere = { state = \"on\" }\n\
                initial = { state = \"on\" }\n[User.attributes]\nuserName = { field = \"login\", unique = true }\n";
    fs::write(&mapping, text).unwrap();
    let statements = "create table people (login text primary key not null, state text not null);
                      insert into people values ('ann', 'on');";
    let Some(store) = TestStore::of_statements(Backend::Sqlite, statements, mapping) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let only = || {
        let list = client.get("/Users");
        assert_eq!(list.json["totalResults"], 1, "{list}");
        list.json["Resources"][0]["id"].as_str().unwrap().to_owned()
    };
    let first = only();
    let path = format!("/Users/{first}");
    store.tables().execute("update people set state = 'off'");
    assert_eq!(client.get(&path).status, 404);
    store.tables().execute("update people set state = 'on'");
    assert_eq!(client.get(&path).status, 404);
    let second = only();
    assert_ne!(second, first);
    assert_eq!(client.get(&format!("/Users/{second}")).status, 200);
    assert_eq!(client.get(&path).status, 404);
}
