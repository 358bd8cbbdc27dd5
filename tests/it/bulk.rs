//! Bulk requests in front of every store (RFC 7644 §3.7).

mod circles;
mod limits;
mod refusals;

use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, mismatches, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn everywhere(test: impl Fn(&TestStore, &Client)) {
    everywhere_with(&Options::default(), test);
}

fn everywhere_with(options: &Options, test: impl Fn(&TestStore, &Client)) {
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let gateway = Gateway::start(&store, options);
        test(&store, &gateway.client());
        assert!(!gateway.log().contains("a fault of ours"), "{}", gateway.log());
    }
}

fn request(operations: &Json) -> Json {
    json!({ "schemas": [REQUEST], "Operations": operations })
}

/// Sends operations; the answer must be a bulk response.
fn bulk(client: &Client, operations: Json) -> Vec<Json> {
    operations_of(&client.post("/Bulk", &request(&operations)))
}

fn operations_of(answer: &Answer) -> Vec<Json> {
    // 7644-3.7-d
    assert_eq!((answer.status, &answer.json["schemas"]), (200, &json!([RESPONSE])), "{answer}");
    answer.json["Operations"].as_array().unwrap().clone()
}

fn statuses(operations: &[Json]) -> Vec<&str> {
    operations.iter().map(|operation| operation["status"].as_str().unwrap()).collect()
}

fn user(name: &str) -> Json {
    json!({ "schemas": [USER], "userName": name, "displayName": "Bulk" })
}

fn group(name: &str, members: &[&str]) -> Json {
    let members: Vec<Json> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [GROUP], "displayName": name, "members": members })
}

fn post(path: &str, bulk_id: &str, data: Json) -> Json {
    json!({ "method": "POST", "path": path, "bulkId": bulk_id, "data": data })
}

/// The path of a resource below the SCIM root, from the operation that made it.
fn path(operation: &Json) -> String {
    let location = operation["location"].as_str().unwrap_or_else(|| panic!("no location in {operation}"));
    location.split_once("/scim/v2").unwrap().1.to_owned()
}

fn id(operation: &Json) -> String {
    path(operation).rsplit('/').next().unwrap().to_owned()
}

fn members(client: &Client, path: &str) -> Vec<String> {
    let found = client.get(path);
    assert_eq!(found.status, 200, "{found}");
    let list = found.json["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = list.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[test]
fn each_operation_is_done_as_a_request_of_its_own_would_be() {
    // 7644-3.7-a, 7644-3.7-b, 7644-3.7-d, 7644-3.7-e, E 5050
    everywhere(|store, client| {
        let (one, two) = (unique("one"), unique("two"));
        let made = bulk(client, json!([post("/Users", "1", user(&one)), post("/Users", "2", user(&two))]));
        assert_eq!(statuses(&made), ["201", "201"]);
        for (operation, name) in made.iter().zip([&one, &two]) {
            let read = client.get(&path(operation));
            assert_eq!((read.status, &read.json["userName"]), (200, &json!(name)), "{read}");
            assert_eq!(operation["location"], read.json["meta"]["location"]);
            assert!(operation.get("response").is_none(), "{operation}");
            // Without a version column the version is that of the whole content, which is not read here.
            if let Some(version) = operation.get("version") {
                assert_eq!(version, &read.json["meta"]["version"]);
            }
        }
        let (first, second) = (path(&made[0]), path(&made[1]));
        let change = json!([{ "op": "replace", "path": "title", "value": "Diver" }]);
        let patch =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": change });
        let done = bulk(
            client,
            json!([
                { "method": "put", "path": first, "bulkId": "p", "data": { "schemas": [USER], "userName": one, "nickName": "uno" } },
                { "method": "PATCH", "path": second, "data": patch },
                { "method": "PATCH", "path": &second[1..], "data": [{ "op": "add", "path": "nickName", "value": "due" }] },
                { "method": "PATCH", "path": second, "data": { "op": "Replace", "path": "active", "value": "False" } },
                { "method": "DELETE", "path": first },
            ]),
        );
        assert_eq!(statuses(&done), ["200", "200", "200", "200", "204"]);
        assert_eq!((&done[0]["method"], &done[0]["bulkId"]), (&json!("PUT"), &json!("p")));
        assert!(
            done.iter().all(|o| o["location"].as_str().is_some_and(|l| l.contains("/Users/"))),
            "{done:?}"
        );
        assert_eq!(client.get(&first).status, 404);
        assert!(!store.logins().contains(&one));
        let expected = json!({ "title": "Diver", "nickName": "due", "active": false, "displayName": "Bulk" });
        let read = client.get(&second).json;
        assert!(mismatches(&expected, &read).is_empty(), "{read:#}");
    });
}

#[test]
fn what_one_operation_makes_others_refer_to_in_any_order() {
    // 7644-3.7-f, 7644-3.7.2-a
    everywhere(|_, client| {
        let [boss, ann, crew, club] = ["boss", "ann", "crew", "club"].map(unique);
        let mut worker = user(&ann);
        worker[ENTERPRISE] = json!({ "manager": { "value": "bulkId:boss" } });
        let done = bulk(
            client,
            json!([
                post("/Groups", "crew", group(&crew, &["bulkId:ann", "bulkId:boss"])),
                { "method": "PATCH", "path": "/Groups/bulkId:club", "data": [
                    { "op": "add", "path": "members", "value": [{ "value": "bulkId:ann" }, { "value": "bulkId:crew" }] },
                    { "op": "remove", "path": "members[value eq \"bulkId:boss\"]" },
                ] },
                post("/Users", "ann", worker),
                post("/Groups", "club", group(&club, &["bulkId:boss"])),
                post("/Users", "boss", user(&boss)),
                { "method": "PATCH", "path": "/Users/bulkId:boss", "data": [
                    { "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": "bulkId:ann" },
                ] },
                { "method": "PUT", "path": "/Groups/bulkId:crew", "data": group(&crew, &["bulkId:ann"]) },
            ]),
        );
        // MariaDB's and the demo's groups hold users only.
        let nested = client.get(&path(&done[3])).json["members"].as_array().map_or(0, Vec::len) == 2;
        let expected = if nested { "200" } else { "400" };
        assert_eq!(statuses(&done), ["201", expected, "201", "201", "201", "200", "200"], "{done:#?}");
        assert_eq!(members(client, &path(&done[0])), [id(&done[2])]);
        if nested {
            assert_eq!(members(client, &path(&done[3])), sorted(vec![id(&done[0]), id(&done[2])]));
        }
        for (operation, manager) in [(&done[2], &done[4]), (&done[4], &done[2])] {
            let read = client.get(&path(operation)).json;
            assert_eq!(read[ENTERPRISE]["manager"]["value"], json!(id(manager)), "{read:#}");
        }
    });
}

#[test]
fn operations_on_one_resource_keep_their_order() {
    // 7644-3.7-f
    everywhere(|store, client| {
        let [name, other] = ["busy", "other"].map(unique);
        let made = client.post("/Users", &user(&name));
        let at = format!("/Users/{}", made.id());
        let done = bulk(
            client,
            json!([
                // Waits for the last operation, and the next ones for it.
                { "method": "PATCH", "path": at, "data": [
                    { "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "bulkId:m" } },
                    { "op": "add", "path": "title", "value": "first" },
                ] },
                { "method": "PATCH", "path": at, "data": [{ "op": "replace", "path": "title", "value": "second" }] },
                { "method": "DELETE", "path": at },
                // The name is free by now.
                post("/Users", "again", user(&name)),
                post("/Users", "m", user(&other)),
            ]),
        );
        assert_eq!(statuses(&done)[..3], ["200", "200", "204"], "{done:#?}");
        assert_eq!(
            store.logins().iter().filter(|login| **login == name).count(),
            usize::from(done[3]["status"] == "201")
        );
        assert_eq!(client.get(&at).status, 404);
    });
}

#[test]
fn a_client_that_hangs_up_does_not_stop_it() {
    let store = TestStore::fresh(Backend::Sqlite).unwrap();
    let gateway = Gateway::start(&store, &Options::default());
    let names: Vec<String> = (0..50).map(|_| unique("hangup")).collect();
    let operations: Json =
        names.iter().enumerate().map(|(n, name)| post("/Users", &n.to_string(), user(name))).collect();
    let body = request(&operations).to_string();
    let head = format!(
        "POST /scim/v2/Bulk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test-token\r\n\
         Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(gateway.address().trim_start_matches("http://")).unwrap();
    connection.write_all((head + &body).as_bytes()).unwrap();
    // Gone as soon as something is done.
    let there = |name: &String| store.logins().contains(name);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !there(&names[0]) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(connection);
    while !names.iter().all(there) {
        assert!(Instant::now() < deadline, "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
