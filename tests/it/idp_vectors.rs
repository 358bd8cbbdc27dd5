//! The request sequences of identity providers (`tests/fixtures/idp/VENDOR/*.json`), run in front of
//! a directory and of a database, with a look into the store.
//!
//! A file has an `id`, a `title` and `steps`. A step has:
//!
//! * `request`: method and path, the query string as it is sent; `query`: parameters to encode
//! * `send`: request headers; `body`; `authorization`: `none` or `wrong`
//! * `status`: the statuses that are right
//! * `expect`: what the answer holds (see `support::mismatches`); `expect_on`: more, by store
//! * `headers`: ends of header values; `differs`: values that must be others than these
//! * `save`: name → JSON pointer of a value that later steps write as `{name}`
//! * `store`: facts in the store afterwards, by `user` or `group` name: LDAP attributes with all
//!   their values, or SQL expressions over the row `e`; `gone`: there is no such entry or row
//!
//! `{U}`, `{G}`, `{ENT}`, `{PO}`, `{LR}`, `{ER}` are the usual URNs, `{suffix}` the base DN.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::{Backend, Gateway, Options, TestStore, mismatches};

#[test]
fn entra_in_front_of_openldap() {
    run_all("entra", Backend::OpenLdap, 16);
}

#[test]
fn entra_in_front_of_389ds() {
    run_all("entra", Backend::Ds389, 16);
}

#[test]
fn entra_in_front_of_active_directory() {
    run_all("entra", Backend::ActiveDirectory, 16);
}

#[test]
fn entra_in_front_of_postgres() {
    run_all("entra", Backend::Postgres, 16);
}

#[test]
fn okta_in_front_of_openldap() {
    run_all("okta", Backend::OpenLdap, 10);
}

#[test]
fn okta_in_front_of_389ds() {
    run_all("okta", Backend::Ds389, 10);
}

#[test]
fn okta_in_front_of_active_directory() {
    run_all("okta", Backend::ActiveDirectory, 10);
}

#[test]
fn okta_in_front_of_postgres() {
    run_all("okta", Backend::Postgres, 10);
}

/// The other vendors, and what went wrong elsewhere; with the number of files.
const OTHERS: [(&str, usize); 7] = [
    ("onelogin", 3),
    ("jumpcloud", 2),
    ("google", 1),
    ("keycloak", 5),
    ("sailpoint", 3),
    ("ping", 3),
    ("lessons", 4),
];

#[test]
fn others_in_front_of_openldap() {
    OTHERS.iter().for_each(|(vendor, files)| run_all(vendor, Backend::OpenLdap, *files));
}

#[test]
fn others_in_front_of_389ds() {
    OTHERS.iter().for_each(|(vendor, files)| run_all(vendor, Backend::Ds389, *files));
}

#[test]
fn others_in_front_of_active_directory() {
    OTHERS.iter().for_each(|(vendor, files)| run_all(vendor, Backend::ActiveDirectory, *files));
}

#[test]
fn others_in_front_of_postgres() {
    OTHERS.iter().for_each(|(vendor, files)| run_all(vendor, Backend::Postgres, *files));
}

#[test]
fn others_in_front_of_sqlite() {
    OTHERS.iter().for_each(|(vendor, files)| run_all(vendor, Backend::Sqlite, *files));
}

#[test]
fn a_thousand_members_are_put_at_once() {
    // KC-04, KC-06: what is written is exactly what was given, also when it shrinks.
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::OpenLdap] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        crowd(&store);
        let gateway = Gateway::start(&store, &Options { profile: Some("keycloak"), ..Options::default() });
        let client = gateway.client();
        let group = "urn:ietf:params:scim:schemas:core:2.0:Group";
        let found = client.get("/Users?count=1000&attributes=id&filter=userName%20sw%20%22crowd%22");
        let ids: Vec<Json> = found.json["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| json!({ "value": user["id"] }))
            .collect();
        assert_eq!(ids.len(), 1000, "in front of {}", backend.name());
        let made = client.post("/Groups", &json!({ "schemas": [group], "displayName": "Crowd" }));
        let path = format!("/Groups/{}", made.id());
        for members in [&ids[..], &ids[1..3]] {
            let body = json!({ "schemas": [group], "displayName": "Crowd", "members": members });
            let answer = client.put(&path, &body);
            assert_eq!(answer.status, 200, "{}: {}", backend.name(), answer.json["detail"]);
            let wrong = mismatches(&json!({ "members": members }), &client.get(&path).json);
            assert!(wrong.is_empty(), "in front of {}: {}", backend.name(), wrong.join("\n"));
        }
    }
}

/// Puts a thousand people into the store, as its own tools would.
fn crowd(store: &TestStore) {
    let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)";
    match store.backend() {
        Backend::Sqlite => store.tables().execute(&format!(
            "{numbers} insert into employees (login, created_at, updated_at)
             select 'crowd' || i, '2025-01-01 00:00:00', '2025-01-01 00:00:00' from n"
        )),
        Backend::Postgres => store.tables().execute(
            "insert into hr.employee (user_name) select 'crowd' || i from generate_series(1, 1000) as i",
        ),
        Backend::OpenLdap => {
            let entry = |i: usize| {
                let suffix = store.suffix();
                format!(
                    "dn: uid=crowd{i},ou=people,{suffix}\nobjectClass: inetOrgPerson\nuid: crowd{i}\ncn: c\nsn: c\n\n"
                )
            };
            store.directory().add(&(1..=1000).map(entry).collect::<String>());
        }
        other => unreachable!("{} has no crowd", other.name()),
    }
}

/// Runs every file of a vendor, and fails once, with everything that was wrong.
fn run_all(vendor: &'static str, backend: Backend, expected: usize) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/idp").join(vendor);
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), expected, "files of {vendor}");
    let mut wrong = Vec::new();
    for file in files {
        let Some(store) = TestStore::fresh(backend) else { return };
        let profile = if vendor == "lessons" { "generic" } else { vendor };
        let gateway = Gateway::start(&store, &Options { profile: Some(profile), ..Options::default() });
        let mut text = fs::read_to_string(&file).unwrap();
        if backend == Backend::ActiveDirectory {
            // A name is taken, and shown by its two letters, as RFC 7643 has them.
            text = text.replace("\"country\": \"Ireland\"", "\"country\": \"IE\"");
        }
        let vector: Json = serde_json::from_str(&text).unwrap();
        let mut run =
            Run { store: &store, gateway: &gateway, names: urns(store.suffix()), wrong: Vec::new() };
        for (number, step) in vector["steps"].as_array().unwrap().iter().enumerate() {
            run.step(step, number + 1);
        }
        wrong.extend(run.wrong.iter().map(|line| format!("{} {line}", vector["id"].as_str().unwrap())));
    }
    assert!(wrong.is_empty(), "{} in front of {}:\n{}", vendor, backend.name(), wrong.join("\n"));
}

fn urns(suffix: &str) -> BTreeMap<String, String> {
    let schema = "urn:ietf:params:scim:schemas:";
    let message = "urn:ietf:params:scim:api:messages:2.0:";
    [
        ("U", format!("{schema}core:2.0:User")),
        ("G", format!("{schema}core:2.0:Group")),
        ("ENT", format!("{schema}extension:enterprise:2.0:User")),
        ("PO", format!("{message}PatchOp")),
        ("LR", format!("{message}ListResponse")),
        ("ER", format!("{message}Error")),
        ("suffix", suffix.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// One file on its way.
struct Run<'a> {
    store: &'a TestStore,
    gateway: &'a Gateway,
    names: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Run<'_> {
    fn step(&mut self, written: &Json, number: usize) {
        let step = self.fill(written);
        let request = step["request"].as_str().unwrap();
        let place = format!("step {number}, {request}");
        let answer = self.send(&step, request);
        let statuses = step["status"].as_array().unwrap();
        if !statuses.contains(&answer.status.into()) {
            return self.wrong.push(format!("{place}: expected {statuses:?}, found {answer}"));
        }
        for (name, pointer) in members(&step["save"]) {
            let found = answer.json.pointer(pointer.as_str().unwrap()).and_then(Json::as_str);
            self.names.insert(name.clone(), found.unwrap_or("missing").to_owned());
        }
        // A second time, since an expectation may name what was just saved.
        let step = self.fill(written);
        let on_this_store = &step["expect_on"][self.store.backend().name()];
        for expected in [&step["expect"], on_this_store].into_iter().filter(|e| !e.is_null()) {
            for line in mismatches(expected, &answer.json) {
                self.wrong.push(format!("{place}: {line}"));
            }
        }
        for (name, end) in members(&step["headers"]) {
            if !answer.header(name).ends_with(end.as_str().unwrap()) {
                self.wrong.push(format!("{place}: {name} is {:?}, expected …{end}", answer.header(name)));
            }
        }
        for (pointer, other) in members(&step["differs"]) {
            if answer.json.pointer(pointer).is_none_or(|found| found == other) {
                self.wrong.push(format!("{place}: {pointer} must be there and differ from {other}"));
            }
        }
        for facts in step["store"].as_array().into_iter().flatten() {
            self.look(facts, &place);
        }
    }

    fn send(&self, step: &Json, request: &str) -> crate::support::Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let mut path = path.to_owned();
        if !step["query"].is_null() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in members(&step["query"]) {
                query.append_pair(name, value.as_str().unwrap());
            }
            path = format!("{path}?{}", query.finish());
        }
        let mut client = self.gateway.client();
        match step["authorization"].as_str() {
            Some("none") => client = client.with_authorization(None),
            Some("wrong") => client = client.with_authorization(Some("Bearer wrong")),
            _ => {}
        }
        let method: Method = method.parse().unwrap();
        let headers: Vec<_> =
            members(&step["send"]).map(|(n, v)| (n.as_str(), v.as_str().unwrap())).collect();
        client.send(method, &path, Some(&step["body"]).filter(|body| !body.is_null()), &headers)
    }

    /// Compares facts of the store.
    fn look(&mut self, facts: &Json, place: &str) {
        let look = |field: &str| match (facts["user"].as_str(), facts["group"].as_str()) {
            (Some(name), _) => self.store.user(name, field),
            (_, Some(name)) => self.store.group(name, field),
            _ => panic!("{place}: facts of what? {facts}"),
        };
        if facts["gone"] == true {
            let anything = if self.store.is_directory() { "objectClass" } else { "1" };
            if let Some(found) = look(anything) {
                self.wrong.push(format!("{place}: the store still holds {found:?}"));
            }
            return;
        }
        let mut wrong = Vec::new();
        for (field, expected) in members(&facts[self.store.backend().name()]) {
            let mut expected: Vec<&str> = match expected {
                Json::Array(values) => values.iter().map(|v| v.as_str().unwrap()).collect(),
                one => one.as_str().into_iter().collect(),
            };
            expected.sort_unstable();
            let found = look(field);
            let right = found.as_ref().is_some_and(|found| *found == expected)
                || (expected == ["$any"] && found.as_ref().is_some_and(|found| !found.is_empty()));
            if !right {
                wrong.push(format!("{place}: in the store {field} is {found:?}, expected {expected:?}"));
            }
        }
        self.wrong.append(&mut wrong);
    }

    /// Writes the saved values into a step.
    fn fill(&self, step: &Json) -> Json {
        let mut text = step.to_string();
        for (name, value) in &self.names {
            let value = Json::String(value.clone()).to_string();
            text = text.replace(&format!("{{{name}}}"), value.trim_matches('"'));
        }
        serde_json::from_str(&text).unwrap()
    }
}

fn members(object: &Json) -> impl Iterator<Item = (&String, &Json)> {
    object.as_object().into_iter().flatten()
}
