//! The key by which a resource is known changes in the store first and in our own database a moment later. Until both know
//! it, nobody comes to the old one: who is renamed would be taken for somebody who is gone.

use std::{pin::pin, time::Duration};

use futures_util::future::{join, select};
use scimgate::scim::{Json, error::ScimError, patch::PATCH_OP, precondition::Preconditions};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    in_process::Counted,
    support::{Backend, Gateway, Options, TestStore},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Who is in which team is kept with each person.
pub(crate) const TABLES: &str = "create table account (login varchar(60) primary key, label varchar(60));\
    create table team (name varchar(60) primary key);\
    create table seat (login varchar(60) not null, team varchar(60) not null, primary key (login, team));";
pub(crate) const MAPPING: &str = r#"
[User]
table = "account"
key = "login"
id = "minted"
[User.part.seat]
table = "seat"
on = { login = "login" }
many = true
[User.attributes]
userName = "login"
displayName = "label"
groups = { rows = "seat", each = { value = { field = "team", ref = "Group" } } }
[Group]
table = "team"
key = "name"
id = "minted"
[Group.attributes]
displayName = "name"
members = { inverse = "User.groups" }
"#;

fn everywhere(test: impl AsyncFn(&TestStore, &Counted)) {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    std::fs::write(&mapping, MAPPING).unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(store) = TestStore::of_statements(backend, TABLES, mapping.clone()) else { continue };
        eprintln!("in front of {}", backend.name());
        actix_web::rt::System::new().block_on(async { test(&store, &Counted::over(&store)).await });
    }
}

pub(crate) fn user(name: &str) -> Json {
    json!({ "schemas": [USER], "userName": name, "displayName": format!("made as {name}") })
}

/// The id of what is made.
async fn make(counted: &Counted, endpoint: &str, body: &Json) -> Result<String, ScimError> {
    let (ty, all) = (counted.ty(endpoint), counted.without(endpoint, "meta"));
    let made = counted.gateway.create(&counted.context, ty, body, &all).await?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

async fn patch(counted: &Counted, path: (&str, &str), operation: Json) -> Result<(), ScimError> {
    let (endpoint, id) = path;
    let (ty, all) = (counted.ty(endpoint), counted.without(endpoint, "meta"));
    let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
    let open = Preconditions::default();
    counted.gateway.patch(&counted.context, ty, id, &open, &body, &all).await.map(drop)
}

async fn rename(counted: &Counted, id: &str, name: &str) -> Result<(), ScimError> {
    let operation = json!({ "op": "replace", "path": "userName", "value": name });
    patch(counted, ("Users", id), operation).await
}

async fn name_of(counted: &Counted, id: &str) -> Json {
    let (ty, all) = (counted.ty("Users"), counted.without("Users", "meta"));
    let found = counted.gateway.retrieve(&counted.context, ty, id, &all).await.unwrap();
    found["userName"].clone()
}

/// Renames somebody, and is cut short when the store has done it.
async fn cut_short(counted: &Counted, id: &str, name: &str) {
    let (written, _hold) = counted.store.hold_next_write();
    drop(select(pin!(rename(counted, id, name)), written).await);
}

/// Does something, which is refused for now until what was cut short has come to its end.
async fn comes_later<T>(counted: &Counted, act: impl AsyncFn() -> Result<T, ScimError>) -> T {
    let early = act().await;
    assert_eq!(early.err().map(|error| error.status()), Some(503));
    assert!(counted.gateway.recover_all().await, "what was cut short comes to its end");
    act().await.unwrap()
}

#[test]
fn a_new_one_by_the_old_name_comes_behind_the_rename() {
    everywhere(async |_, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        cut_short(counted, &ann, "bob").await;
        let new = comes_later(counted, async || make(counted, "Users", &user("ann")).await).await;
        assert_ne!(new, ann);
        assert_eq!(name_of(counted, &ann).await, "bob");
        assert_eq!(name_of(counted, &new).await, "ann");
    });
}

/// What is left of a deletion would take whoever has the key for the one that is to go.
#[test]
fn a_new_one_by_the_name_of_who_goes_comes_behind_the_deletion() {
    everywhere(async |_, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        let (written, _hold) = counted.store.hold_next_write();
        let (ty, always) = (counted.ty("Users"), Preconditions::default());
        let delete = counted.gateway.delete(&counted.context, ty, &ann, &always);
        drop(select(pin!(delete), written).await);
        let new = comes_later(counted, async || make(counted, "Users", &user("ann")).await).await;
        assert_ne!(new, ann);
        assert_eq!(name_of(counted, &new).await, "ann");
        // Without anything being cut short: one of them waits for the other.
        let gone = counted.gateway.delete(&counted.context, ty, &new, &always);
        let body = user("ann");
        let (gone, made) = join(gone, make(counted, "Users", &body)).await;
        gone.unwrap();
        match made {
            Ok(made) => assert_eq!(name_of(counted, &made).await, "ann"),
            Err(error) => assert_eq!(error.status(), 409),
        }
    });
}

#[test]
fn another_one_comes_to_the_old_name_behind_the_rename() {
    everywhere(async |_, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        let lee = make(counted, "Users", &user("lee")).await.unwrap();
        cut_short(counted, &ann, "bob").await;
        comes_later(counted, async || rename(counted, &lee, "ann").await).await;
        assert_eq!(name_of(counted, &ann).await, "bob");
        assert_eq!(name_of(counted, &lee).await, "ann");
    });
}

#[test]
fn who_is_put_into_a_list_meanwhile_is_not_taken_for_gone() {
    everywhere(async |_, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        let team = json!({ "schemas": [GROUP], "displayName": "Blue" });
        let team = make(counted, "Groups", &team).await.unwrap();
        cut_short(counted, &ann, "bob").await;
        let add = json!({ "op": "add", "path": "members", "value": [{ "value": ann }] });
        comes_later(counted, async || patch(counted, ("Groups", &team), add.clone()).await).await;
        assert_eq!(name_of(counted, &ann).await, "bob");
        let shown = counted.list("Groups", &[]).await;
        assert_eq!(shown["Resources"][0]["members"][0]["value"], json!(ann), "{shown}");
    });
}

/// Who vanished while being renamed stays gone, and keeps nobody waiting.
#[test]
fn who_is_gone_while_being_renamed_is_gone() {
    everywhere(async |store, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        cut_short(counted, &ann, "bob").await;
        let bob = counted.list("Users", &[("filter", "userName eq \"bob\"")]).await;
        assert_eq!(bob["Resources"][0]["id"], json!(ann), "{bob}");
        store.tables().execute("delete from account");
        let new = comes_later(counted, async || make(counted, "Users", &user("ann")).await).await;
        assert_ne!(new, ann);
        let (ty, all) = (counted.ty("Users"), counted.without("Users", "meta"));
        let gone = counted.gateway.retrieve(&counted.context, ty, &ann, &all).await.unwrap_err();
        assert_eq!(gone.status(), 404);
    });
}

#[test]
fn a_new_one_by_the_old_name_waits_for_a_rename_that_is_under_way() {
    everywhere(async |_, counted| {
        let ann = make(counted, "Users", &user("ann")).await.unwrap();
        let (written, go_on) = counted.store.hold_next_write();
        let come = async {
            written.await.unwrap();
            let soon = async {
                actix_web::rt::time::sleep(Duration::from_millis(200)).await;
                go_on.send(()).unwrap();
            };
            join(make(counted, "Users", &user("ann")), soon).await.0
        };
        let (renamed, new) = join(rename(counted, &ann, "bob"), come).await;
        renamed.unwrap();
        let new = new.unwrap();
        assert_ne!(new, ann);
        assert_eq!(name_of(counted, &ann).await, "bob");
        assert_eq!(name_of(counted, &new).await, "ann");
    });
}

/// An id that is made of the key stays with whoever was renamed; the next one by that key gets another.
#[test]
fn ids_that_are_made_of_keys_are_not_given_out_twice() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    std::fs::write(&mapping, MAPPING.replace("id = \"minted\"\n", "")).unwrap();
    let Some(store) = TestStore::of_statements(Backend::Sqlite, TABLES, mapping) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let rename = |id: &str, name: &str| {
        let renamed = json!([{ "op": "replace", "path": "userName", "value": name }]);
        let renamed = client.patch(&format!("/Users/{id}"), renamed);
        assert_eq!(renamed.status, 200, "{renamed}");
    };
    let first = client.post("/Users", &user("ann")).id();
    rename(&first, "bob");
    let second = client.post("/Users", &user("ann"));
    assert_eq!(second.status, 201, "{second}");
    rename(&second.id(), "lee");
    // Another program makes one, too.
    store.tables().execute("insert into account (login) values ('ann')");
    let listed = client.get("/Users?sortBy=userName");
    assert_eq!(listed.status, 200, "{listed}");
    let shown = listed.json["Resources"].as_array().unwrap();
    let names: Vec<&Json> = shown.iter().map(|user| &user["userName"]).collect();
    assert_eq!(names, ["ann", "bob", "lee"], "{listed}");
    assert_eq!((&shown[1]["id"], &shown[2]["id"]), (&json!(first), &json!(second.id())), "{listed}");
    assert!(shown[0]["id"] != shown[1]["id"] && shown[0]["id"] != shown[2]["id"], "{listed}");
}
