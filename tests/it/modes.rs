//! The modes of clients: `tolerant`, `rfc` and `interop-strict`. The same request of each, next to
//! what each is answered and what is stored then.

use serde_json::{Value as Json, json};
use ureq::http::Method;

use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, mismatches, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const MODES: [&str; 3] = ["tolerant", "rfc", "interop-strict"];

/// A request, and for each mode the status, the `scimType` and what the resource holds afterwards.
struct Case {
    what: &'static str,
    request: (Method, &'static str),
    body: Json,
    outcomes: [(u16, &'static str, Json); 3],
}

fn case(
    what: &'static str,
    request: (Method, &'static str),
    body: Json,
    outcomes: [(u16, &'static str, Json); 3],
) -> Case {
    Case { what, request, body, outcomes }
}

/// All three the same.
fn all(status: u16, scim_type: &'static str, holds: Json) -> [(u16, &'static str, Json); 3] {
    [(status, scim_type, holds.clone()), (status, scim_type, holds.clone()), (status, scim_type, holds)]
}

/// Tolerant and by the RFC the same, strict an error.
fn not_strict(status: u16, holds: Json, scim_type: &'static str) -> [(u16, &'static str, Json); 3] {
    [(status, "", holds.clone()), (status, "", holds), (400, scim_type, Json::Null)]
}

/// Fine for tolerant clients, an error for the others.
fn only_tolerant(status: u16, holds: Json, scim_type: &'static str) -> [(u16, &'static str, Json); 3] {
    [(status, "", holds), (400, scim_type, Json::Null), (400, scim_type, Json::Null)]
}

/// A user whose name is its own, with more attributes.
fn user(more: Json) -> Json {
    let mut body = json!({ "schemas": [USER], "userName": "{new}", "title": "Before" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn operation(operation: Json) -> Json {
    json!({ "schemas": [PATCH], "Operations": [operation] })
}

fn resources() -> Vec<Case> {
    let (post, put) = (|| (Method::POST, "/Users"), || (Method::PUT, "/Users/{user}"));
    let made = |holds: Json| not_strict(201, holds, "invalidSyntax");
    let untitled = json!({ "title": "Before", "favouriteColour": null, "urn:example:x:2.0:User": null });
    vec![
        // D-6: names that nobody defines.
        case("unknown attribute", post(), user(json!({ "favouriteColour": "red" })), made(untitled.clone())),
        case(
            "unknown extension",
            post(),
            user(json!({ "urn:example:x:2.0:User": { "a": 1 } })),
            made(untitled),
        ),
        case(
            "unknown sub-attribute",
            post(),
            user(json!({ "name": { "givenName": "A", "shoe": 1 } })),
            made(json!({ "name": { "givenName": "A", "shoe": null } })),
        ),
        case(
            "unknown attribute in PUT",
            put(),
            user(json!({ "favouriteColour": "red" })),
            not_strict(200, json!({ "title": "Before" }), "invalidSyntax"),
        ),
        // E-06: booleans as text.
        case(
            "boolean as text",
            post(),
            user(json!({ "active": "False" })),
            only_tolerant(201, json!({ "active": false }), "invalidValue"),
        ),
        // 7643-3-a
        case(
            "no schemas",
            post(),
            user(json!({ "schemas": null })),
            only_tolerant(201, json!({ "schemas": [USER] }), "invalidSyntax"),
        ),
        case(
            "empty schemas",
            post(),
            user(json!({ "schemas": [] })),
            only_tolerant(201, json!({ "schemas": [USER] }), "invalidSyntax"),
        ),
        case(
            "a schema twice",
            post(),
            user(json!({ "schemas": [USER, USER] })),
            only_tolerant(201, json!({ "schemas": [USER] }), "invalidSyntax"),
        ),
        case(
            "a foreign schema",
            post(),
            user(json!({ "schemas": [USER, "http://schemas.microsoft.com/2006/11/ResourceManagement"] })),
            only_tolerant(201, json!({ "schemas": [USER] }), "invalidSyntax"),
        ),
        case(
            "only the schema of another type",
            post(),
            user(json!({ "schemas": [GROUP] })),
            only_tolerant(201, json!({ "schemas": [USER] }), "invalidSyntax"),
        ),
        case("what is right", post(), user(json!({})), all(201, "", json!({ "title": "Before" }))),
    ]
}

fn operations() -> Vec<Case> {
    let patch = || (Method::PATCH, "/Users/{user}");
    let same = json!({ "title": "Before", "name": { "givenName": "Ann", "familyName": "Lee" } });
    let work = json!({ "value": "w@x.example", "type": "work" });
    let home = json!({ "value": "h@x.example", "type": "home" });
    let other = json!({ "value": "o@x.example", "type": "other" });
    vec![
        case(
            "no path",
            patch(),
            operation(json!({ "op": "replace", "value": { "title": "After" } })),
            not_strict(200, json!({ "title": "After" }), "invalidSyntax"),
        ),
        case(
            "no path, unknown key",
            patch(),
            operation(json!({ "op": "add", "value": { "favouriteColour": "red" } })),
            not_strict(200, same.clone(), "invalidSyntax"),
        ),
        // D-14
        case(
            "no path, read-only key",
            patch(),
            operation(json!({ "op": "replace", "value": { "id": "other", "title": "After" } })),
            [
                (200, "", json!({ "title": "After" })),
                (400, "mutability", same.clone()),
                (400, "invalidSyntax", same.clone()),
            ],
        ),
        // E-08
        case(
            "no path, dotted key",
            patch(),
            operation(json!({ "op": "replace", "value": { "name.familyName": "Ray" } })),
            [
                (200, "", json!({ "name": { "givenName": "Ann", "familyName": "Ray" } })),
                (200, "", same.clone()),
                (400, "invalidSyntax", same.clone()),
            ],
        ),
        case(
            "no path, URN as key",
            patch(),
            operation(json!({ "op": "add", "value": { format!("{ENTERPRISE}:costCenter"): "7" } })),
            [
                (200, "", json!({ ENTERPRISE: { "costCenter": "7" } })),
                (200, "", json!({ ENTERPRISE: null })),
                (400, "invalidSyntax", json!({ ENTERPRISE: null })),
            ],
        ),
        // 7644-3.5.2-d
        case(
            "unknown path",
            patch(),
            operation(json!({ "op": "add", "path": "favouriteColour", "value": "red" })),
            all(400, "invalidPath", same.clone()),
        ),
        case(
            "unknown sub-attribute in a value",
            patch(),
            operation(json!({ "op": "add", "path": "name", "value": { "shoe": 1, "middleName": "B" } })),
            not_strict(200, json!({ "name": { "middleName": "B", "shoe": null } }), "invalidSyntax"),
        ),
        case(
            "unknown sub-attribute in an element",
            patch(),
            operation(
                json!({ "op": "add", "path": "emails", "value": [{ "value": "o@x.example", "type": "other", "shoe": 1 }] }),
            ),
            not_strict(200, json!({ "emails": [work, home, other] }), "invalidSyntax"),
        ),
        // P-rep-2, B.6: the RFC merges, the interoperability profile replaces.
        case(
            "replace of a complex value",
            patch(),
            operation(json!({ "op": "replace", "path": "name", "value": { "familyName": "Ray" } })),
            [
                (200, "", json!({ "name": { "givenName": "Ann", "familyName": "Ray" } })),
                (200, "", json!({ "name": { "givenName": "Ann", "familyName": "Ray" } })),
                (200, "", json!({ "name": { "givenName": null, "familyName": "Ray" } })),
            ],
        ),
        case(
            "add to a complex value",
            patch(),
            operation(json!({ "op": "add", "path": "name", "value": { "familyName": "Ray" } })),
            all(200, "", json!({ "name": { "givenName": "Ann", "familyName": "Ray" } })),
        ),
        // D-4, P-rep-6, P-add-5
        case(
            "replace where no element matches",
            patch(),
            operation(
                json!({ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "o@x.example" }),
            ),
            only_tolerant(200, json!({ "emails": [work, home, other] }), "noTarget"),
        ),
        case(
            "add where no element matches",
            patch(),
            operation(
                json!({ "op": "add", "path": "emails[type eq \"other\"].value", "value": "o@x.example" }),
            ),
            all(200, "", json!({ "emails": [work, home, other] })),
        ),
        // D-3: the same in every mode.
        case(
            "remove of a sub-attribute where no element matches",
            patch(),
            operation(json!({ "op": "remove", "path": "emails[type eq \"other\"].value" })),
            all(200, "", json!({ "emails": [work, home] })),
        ),
        // B.6: whole elements as targets, and several targets.
        case(
            "replace of a whole element",
            patch(),
            operation(json!({ "op": "replace", "path": "emails[type eq \"home\"]", "value": other })),
            not_strict(200, json!({ "emails": [work, other] }), "invalidPath"),
        ),
        case(
            "remove of a whole element",
            patch(),
            operation(json!({ "op": "remove", "path": "emails[type eq \"home\"]" })),
            not_strict(200, json!({ "emails": [work] }), "invalidPath"),
        ),
        case(
            "several elements match",
            patch(),
            operation(
                json!({ "op": "replace", "path": "emails[value ew \"x.example\"].type", "value": "other" }),
            ),
            not_strict(
                200,
                json!({ "emails": [{ "value": "w@x.example", "type": "other" }, { "value": "h@x.example", "type": "other" }] }),
                "invalidFilter",
            ),
        ),
        // E-07
        case(
            "boolean as text",
            patch(),
            operation(json!({ "op": "replace", "path": "active", "value": "False" })),
            only_tolerant(200, json!({ "active": false }), "invalidValue"),
        ),
        case(
            "no schemas",
            patch(),
            json!({ "Operations": [{ "op": "replace", "path": "title", "value": "After" }] }),
            only_tolerant(200, json!({ "title": "After" }), "invalidSyntax"),
        ),
        // P-rem-5
        case(
            "a required attribute goes",
            patch(),
            operation(json!({ "op": "remove", "path": "userName" })),
            all(400, "mutability", same),
        ),
    ]
}

fn members() -> Vec<Case> {
    let patch = || (Method::PATCH, "/Groups/{group}");
    let (one, two) = (json!({ "value": "{one}" }), json!({ "value": "{two}" }));
    let rest = json!({ "members": [two] });
    let both = json!({ "members": [one, two] });
    vec![
        // The interoperability profile has no such path, IPSIE demands it.
        case(
            "remove of one member",
            patch(),
            operation(json!({ "op": "remove", "path": "members[value eq \"{one}\"]" })),
            all(200, "", rest.clone()),
        ),
        // P-rem-2: only those, never all.
        case(
            "remove with a list",
            patch(),
            operation(json!({ "op": "remove", "path": "members", "value": [one] })),
            all(200, "", rest),
        ),
        case(
            "remove with an empty list",
            patch(),
            operation(json!({ "op": "remove", "path": "members", "value": [] })),
            all(200, "", both.clone()),
        ),
        case(
            "remove with a list of strangers",
            patch(),
            operation(json!({ "op": "remove", "path": "members", "value": [{ "value": "{user}" }] })),
            all(200, "", both.clone()),
        ),
        // KC-02
        case(
            "remove with null",
            patch(),
            operation(json!({ "op": "remove", "path": "members", "value": null })),
            all(200, "", json!({ "members": null })),
        ),
        case(
            "remove of two members by one filter",
            patch(),
            operation(json!({ "op": "remove", "path": "members[value eq \"{one}\" or value eq \"{two}\"]" })),
            not_strict(200, json!({ "members": null }), "invalidFilter"),
        ),
        case(
            "a member of the wrong type",
            patch(),
            operation(json!({ "op": "add", "path": "members", "value": [{ "value": "{user}", "type": 7 }] })),
            all(400, "invalidValue", both),
        ),
    ]
}

#[test]
fn every_mode_has_its_answer() {
    // D-3, D-4, D-6, D-14, P-rem-2, P-rep-2, 7643-3-a
    for backend in [Backend::Sqlite, Backend::Postgres] {
        for (index, mode) in MODES.into_iter().enumerate() {
            let Some(site) = Site::start(backend, mode) else { continue };
            let mut wrong = Vec::new();
            for case in resources().into_iter().chain(operations()).chain(members()) {
                if let Err(problem) = site.try_one(&case, index) {
                    wrong.push(format!("{}: {problem}", case.what));
                }
            }
            let place = format!("{} in front of {}", mode, backend.name());
            assert!(wrong.is_empty(), "{place}:\n{}", wrong.join("\n"));
        }
    }
}

struct Site {
    client: Client,
    gateway: Gateway,
    _store: TestStore,
    /// Two people who are members of things.
    people: [String; 2],
}

impl Site {
    fn start(backend: Backend, mode: &str) -> Option<Self> {
        let store = TestStore::fresh(backend)?;
        let client = format!("mode = \"{mode}\"\n");
        let gateway = Gateway::start(&store, &Options { client, ..Options::default() });
        let client = gateway.client();
        let person = || {
            let body = json!({ "schemas": [USER], "userName": unique("member") });
            client.post("/Users", &body).id()
        };
        Some(Self { people: [person(), person()], client, gateway, _store: store })
    }

    /// Runs a case on a user and a group of its own.
    fn try_one(&self, case: &Case, mode: usize) -> Result<(), String> {
        let user = self.client.post(
            "/Users",
            &json!({
                "schemas": [USER], "userName": unique("mode"), "title": "Before",
                "name": { "givenName": "Ann", "familyName": "Lee" },
                "emails": [{ "value": "w@x.example", "type": "work" }, { "value": "h@x.example", "type": "home" }],
            }),
        );
        let [one, two] = &self.people;
        let group = self.client.post(
            "/Groups",
            &json!({
                "schemas": [GROUP], "displayName": unique("mode"), "members": [{ "value": one }, { "value": two }],
            }),
        );
        let (user, group) = (user.id(), group.id());
        let new = unique("new");
        let fill = |text: &str| {
            let names =
                [("{user}", &user), ("{group}", &group), ("{one}", one), ("{two}", two), ("{new}", &new)];
            names.into_iter().fold(text.to_owned(), |text, (hole, name)| text.replace(hole, name))
        };
        let filled = |json: &Json| -> Json { serde_json::from_str(&fill(&json.to_string())).unwrap() };
        let (method, path) = &case.request;
        let path = fill(path);
        let before = (*method != Method::POST).then(|| self.client.get(&path));
        let answer = self.client.send(method.clone(), &path, Some(&filled(&case.body)), &[]);
        let (status, scim_type, holds) = &case.outcomes[mode];
        if (answer.status, answer.json["scimType"].as_str().unwrap_or("")) != (*status, *scim_type) {
            return Err(format!("expected {status} {scim_type}, found {answer}"));
        }
        let now = match &before {
            Some(_) => self.client.get(&path),
            None => answer,
        };
        if let Some(before) = before.filter(|_| *status >= 400)
            && before.json != now.json
        {
            return Err(format!("is refused and changes {before} to {now}"));
        }
        let wrong = if holds.is_null() { Vec::new() } else { mismatches(&filled(holds), &now.json) };
        if wrong.is_empty() { Ok(()) } else { Err(format!("{} in {now}", wrong.join(", "))) }
    }
}

#[test]
fn queries_and_envelopes_by_mode() {
    // E-05, 7644-3.4.2.2-l, 7644-3.8-c, 7644-4-c
    for (index, mode) in MODES.into_iter().enumerate() {
        let Some(site) = Site::start(Backend::Sqlite, mode) else { return };
        let client = &site.client;
        let expect = |answer: &Answer, outcomes: [(u16, &str); 3], what: &str| {
            let found = (answer.status, answer.json["scimType"].as_str().unwrap_or(""));
            assert_eq!(found, outcomes[index], "{mode}: {what}: {answer}");
        };
        let filter = |text: &str| {
            let query =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", text).finish();
            client.get(&format!("/Users?{query}"))
        };
        let lenient = [(200, ""), (400, "invalidFilter"), (400, "invalidFilter")];
        expect(&filter("externalId eq jyoung"), lenient, "text without quotes");
        expect(&filter("department eq \"x\""), lenient, "an extension's attribute without its URN");
        // D-7
        expect(&filter("favouriteColour eq \"x\""), [(400, "invalidFilter"); 3], "an attribute of nobody");
        let search = client.send(Method::POST, "/Users/.search", Some(&json!({ "count": 1 })), &[]);
        expect(
            &search,
            [(200, ""), (400, "invalidSyntax"), (400, "invalidSyntax")],
            "a search without schemas",
        );
        let body = |name: &str| json!({ "schemas": [USER], "userName": unique(name) }).to_string();
        let post = |headers: &[(&str, &str)]| {
            client.send_text(&Method::POST, "/Users", Some(body("media").as_bytes()), headers)
        };
        expect(&post(&[("content-type", "application/json")]), [(201, ""), (201, ""), (415, "")], "JSON");
        expect(&post(&[("content-type", "application/scim+json;charset=utf-8")]), [(201, ""); 3], "SCIM");
        expect(&client.get("/Schemas?filter=id%20pr"), [(403, ""); 3], "a filter on discovery");
        let config = client.get("/ServiceProviderConfig").json;
        let conformant = if mode == "interop-strict" { json!(true) } else { Json::Null };
        assert_eq!(config["interopProfileConformant"], conformant, "{mode}");
    }
}

#[test]
fn what_is_ignored_is_counted_and_not_named() {
    // D-6, S-13
    for mode in ["tolerant", "rfc"] {
        let Some(site) = Site::start(Backend::Sqlite, mode) else { return };
        let body = user(json!({ "userName": unique("count"), "canaryName": "canaryValue", "other": 1 }));
        let made = site.client.post("/Users", &body);
        assert_eq!(made.status, 201, "{made}");
        let path = format!("/Users/{}", made.id());
        let value = json!([{ "op": "add", "value": { "canaryName": "canaryValue", "title": "x" } }]);
        assert_eq!(site.client.patch(&path, value).status, 200);
        let log = site.gateway.log();
        assert!(log.contains("scim.ignored=2") && log.contains("scim.ignored=1"), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}

#[test]
fn names_of_groups_are_unique_unless_the_mapping_says_otherwise() {
    // O-07, E-13: clients find groups by their name; two of one name would be one to them.
    for (line, status, uniqueness) in
        [("\"name\"", 409, "server"), ("{ field = \"name\", unique = \"no\" }", 201, "none")]
    {
        let Some(store) = TestStore::fresh(Backend::Postgres) else { return };
        store.tables().execute("drop index hr.team_name");
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("groups.toml");
        let base = store.mapping().display().to_string();
        let text = format!("extends = \"{base}\"\n[Group.attributes]\ndisplayName = {line}\n");
        std::fs::write(&file, text).unwrap();
        let store = store.with_mapping(file);
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let group = json!({ "schemas": [GROUP], "displayName": unique("same") });
        assert_eq!(client.post("/Groups", &group).status, 201);
        let again = client.post("/Groups", &group);
        assert_eq!(again.status, status, "{again}");
        let schema = client.get(&format!("/Schemas/{GROUP}")).json;
        let name = schema["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "displayName");
        assert_eq!(name.unwrap()["uniqueness"], uniqueness);
    }
}
