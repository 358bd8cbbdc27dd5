//! Requests from what clients send, with something wrong in most of them.

use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value as Json, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A request as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// Path and query below the SCIM root.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
}

/// Requests about these users and groups, and others.
pub(super) fn request(users: Vec<String>, groups: Vec<String>) -> impl Strategy<Value = Request> {
    let ids: Vec<String> = users.iter().chain(&groups).cloned().collect();
    let members = ids.clone();
    let body = prop_oneof![
        4 => patch(members.clone()),
        3 => user(members.clone()),
        2 => group(members),
        1 => search(),
        1 => odd(),
    ];
    let changes = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(change(), 1..3)];
    (method(), target(users, groups), query(), headers(), body, changes, bytes()).prop_map(
        |(method, path, query, headers, mut body, changes, bytes)| {
            changes.into_iter().for_each(|(at, change)| mutate(&mut body, at, change));
            let target = if query.is_empty() { path } else { format!("{path}?{query}") };
            Request { method, target, headers, body: Some(spoil(body.to_string().into_bytes(), bytes)) }
        },
    )
}

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET", "GET", "GET", "POST", "POST", "POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "PATCH",
        "DELETE", "HEAD", "OPTIONS",
    ])
}

fn target(users: Vec<String>, groups: Vec<String>) -> impl Strategy<Value = String> {
    let strange = prop_oneof![
        text().prop_map(|text| percent(&text)),
        prop::sample::select(vec![
            ".search",
            "%00",
            "%FF",
            "..",
            "%2e%2e%2f",
            "00000000-0000-4000-8000-000000000000"
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        4 => Just("/Users".to_owned()),
        2 => Just("/Groups".to_owned()),
        6 => prop::sample::select(users).prop_map(|id| format!("/Users/{id}")),
        4 => prop::sample::select(groups).prop_map(|id| format!("/Groups/{id}")),
        1 => (prop::sample::select(vec!["/Users", "/Groups", "/Schemas", "/ResourceTypes", ""]), strange)
            .prop_map(|(endpoint, id)| format!("{endpoint}/{id}")),
        2 => prop::sample::select(vec!["/Users/.search", "/Groups/.search", "/.search"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/Me", "/Nothing", "/"])
            .prop_map(str::to_owned),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "filter",
        "filter",
        "filter",
        "attributes",
        "excludedAttributes",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "unknown",
    ]);
    let value = prop_oneof![
        3 => filter(),
        2 => attribute(),
        2 => prop::sample::select(vec!["1", "0", "-1", "3", "99999999999999999999", "ascending", "descending", "1.5", ""])
            .prop_map(str::to_owned),
        1 => text(),
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={}", percent(&value)));
    prop_oneof![1 => Just(String::new()), 2 => prop::collection::vec(pair, 1..4).prop_map(|pairs| pairs.join("&"))]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let media = prop::sample::select(vec![
        "application/scim+json",
        "application/scim+json",
        "application/scim+json",
        "application/json",
        "application/scim+json; charset=utf-8",
        "text/plain",
        "*/*",
        "application/*;q=0.1, text/html",
        ";",
    ]);
    let tag = prop::sample::select(vec!["*", "W/\"x\"", "\"x\", W/\"y\"", "x", "\"", ""]);
    (
        media.clone(),
        prop::option::weighted(0.3, media),
        prop::option::weighted(0.2, (prop::sample::select(vec!["if-match", "if-none-match"]), tag)),
    )
        .prop_map(|(content_type, accept, condition)| {
            let mut headers = vec![("content-type", content_type.to_owned())];
            headers.extend(accept.map(|accept| ("accept", accept.to_owned())));
            headers.extend(condition.map(|(name, tag)| (name, tag.to_owned())));
            headers
        })
}

/// Texts that have broken something somewhere, and any others.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "a",
        "person1",
        "*",
        "*)(uid=*",
        "' or 1=1 --",
        "a\\",
        "\"",
        "%",
        "_",
        "\0",
        "\u{feff}",
        "ß",
        "İ",
        "é",
        "e\u{301}",
        "\u{202e}x",
        "😀",
        "null",
        "True",
        "cn=a,dc=b",
        "a,b+c=d",
        "#04",
        " a ",
        "a\r\nb: c",
        "2011-05-13T04:42:34Z",
        "aGVsbG8=",
        "99999999999999999999",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}", 1 => "[a-z]{1,300}"]
}

fn attribute() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "userName",
        "USERNAME",
        "name",
        "name.givenName",
        "displayName",
        "emails",
        "emails.value",
        "emails.type",
        "active",
        "members",
        "members.value",
        "groups",
        "id",
        "meta",
        "meta.lastModified",
        "externalId",
        "password",
        "schemas",
        "title",
        "addresses.country",
        "x509Certificates.value",
        "nothing",
        "name.nothing",
        "$ref",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => text()]
}

fn filter() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => text().prop_map(|text| Json::from(text).to_string()),
        1 => prop::sample::select(vec!["true", "false", "null", "1", "-1.5", "1e9", "bare", "'x'", "\"open"])
            .prop_map(str::to_owned),
    ];
    let operator =
        prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "xx"]);
    let compare = (attribute(), operator, value).prop_map(|(a, op, v)| format!("{a} {op} {v}"));
    let leaf = prop_oneof![4 => compare, 1 => attribute().prop_map(|a| format!("{a} pr"))];
    let grown = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "or", "AND"]), inner.clone())
                .prop_map(|(a, word, b)| format!("{a} {word} {b}")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            inner.clone().prop_map(|a| format!("({a})")),
            (attribute(), inner).prop_map(|(list, a)| format!("{list}[{a}]")),
        ]
    });
    (grown, prop::option::weighted(0.2, any::<Index>())).prop_map(|(filter, cut)| match cut {
        Some(at) if !filter.is_empty() => filter.chars().take(at.index(filter.len())).collect(),
        _ => filter,
    })
}

/// Any JSON.
fn odd() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        prop::sample::select(vec![0, 1, -1, i64::MAX, i64::MIN]).prop_map(Json::from),
        Just(json!(u64::MAX)),
        prop::sample::select(vec![0.5, -1e300, 1e-9]).prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::vec((attribute(), inner), 0..3)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

/// An object with some of these members.
fn some_of(members: Vec<(&'static str, BoxedStrategy<Json>)>) -> impl Strategy<Value = Json> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| prop::option::of(value).prop_map(move |value| (name, value)).boxed())
        .collect();
    members.prop_map(|members| {
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Json::Object(given.collect())
    })
}

fn string() -> BoxedStrategy<Json> {
    text().prop_map(Json::from).boxed()
}

fn one_of(words: &'static [&'static str]) -> BoxedStrategy<Json> {
    prop::sample::select(words).prop_map(Json::from).boxed()
}

fn elements(kinds: &'static [&'static str]) -> BoxedStrategy<Json> {
    let element = some_of(vec![
        ("value", string()),
        ("type", one_of(kinds)),
        ("primary", any::<bool>().prop_map(Json::from).boxed()),
        ("display", string()),
    ]);
    prop::collection::vec(element, 0..4).prop_map(Json::from).boxed()
}

fn attributes(ids: Vec<String>) -> impl Strategy<Value = Json> {
    let name =
        some_of(vec![("givenName", string()), ("familyName", string()), ("formatted", string())]).boxed();
    let id = prop::sample::select(ids).prop_map(Json::from);
    let manager = prop_oneof![id.clone(), id.prop_map(|id| json!({ "value": id })), string()].boxed();
    let enterprise =
        some_of(vec![("department", string()), ("employeeNumber", string()), ("manager", manager)]).boxed();
    some_of(vec![
        ("displayName", string()),
        ("title", string()),
        ("active", one_of(&["True", "false", "x"])),
        ("name", name),
        ("emails", elements(&["work", "home", "other", "x"])),
        ("phoneNumbers", elements(&["work", "mobile", "fax", "x"])),
        ("addresses", elements(&["work", "home"])),
        ("roles", elements(&["x"])),
        ("externalId", string()),
        ("password", string()),
        ("timezone", string()),
        (ENTERPRISE, enterprise),
        ("nothing", odd()),
    ])
}

fn user(ids: Vec<String>) -> impl Strategy<Value = Json> {
    (attributes(ids), prop_oneof!["[a-z]{8}", text()]).prop_map(|(mut user, name)| {
        user["schemas"] = json!([USER]);
        user["userName"] = name.into();
        user
    })
}

fn members(ids: Vec<String>) -> impl Strategy<Value = Json> {
    let id = prop_oneof![6 => prop::sample::select(ids), 1 => text()];
    prop::collection::vec(id.prop_map(|id| json!({ "value": id })), 0..4).prop_map(Json::from)
}

fn group(ids: Vec<String>) -> impl Strategy<Value = Json> {
    (members(ids), prop_oneof!["[a-z]{8}", text()])
        .prop_map(|(members, name)| json!({ "schemas": [GROUP], "displayName": name, "members": members }))
}

fn patch(ids: Vec<String>) -> impl Strategy<Value = Json> {
    let path = prop_oneof![
        3 => attribute(),
        1 => (prop::sample::select(vec!["emails", "phoneNumbers", "members", "name"]), filter(), attribute())
            .prop_map(|(list, filter, sub)| format!("{list}[{filter}].{sub}")),
        1 => (prop::sample::select(vec!["emails", "members"]), text())
            .prop_map(|(list, text)| format!("{list}[value eq {}]", Json::from(text))),
    ];
    let value = prop_oneof![
        2 => odd(),
        1 => attributes(ids.clone()).boxed(),
        1 => members(ids).boxed(),
        1 => elements(&["work", "home"]),
        1 => string(),
    ];
    let op = prop::sample::select(vec!["add", "replace", "remove", "Add", "Replace", "move"]);
    let operation = (op, prop::option::weighted(0.8, path), prop::option::weighted(0.8, value)).prop_map(
        |(op, path, value)| {
            let mut operation = json!({ "op": op });
            if let Some(path) = path {
                operation["path"] = path.into();
            }
            if let Some(value) = value {
                operation["value"] = value;
            }
            operation
        },
    );
    let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    prop::collection::vec(operation, 1..4)
        .prop_map(move |operations| json!({ "schemas": [schema], "Operations": operations }))
}

fn search() -> impl Strategy<Value = Json> {
    let schema = Just(json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"])).boxed();
    some_of(vec![
        ("schemas", schema),
        ("filter", filter().prop_map(Json::from).boxed()),
        ("attributes", prop::collection::vec(attribute(), 0..3).prop_map(Json::from).boxed()),
        ("sortBy", attribute().prop_map(Json::from).boxed()),
        ("startIndex", odd()),
        ("count", odd()),
    ])
}

/// What is done to one place of a document.
#[derive(Debug, Clone)]
enum Change {
    Replace(Json),
    Wrap,
    Empty,
    Rename(String),
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let change = prop_oneof![
        3 => odd().prop_map(Change::Replace),
        1 => Just(Change::Wrap),
        1 => Just(Change::Empty),
        1 => attribute().prop_map(Change::Rename),
    ];
    (any::<Index>(), change)
}

fn mutate(document: &mut Json, at: Index, change: Change) {
    let mut place = at.index(count(document));
    visit(document, &mut place, &mut |value| match (&change, value) {
        (Change::Replace(new), value) => *value = new.clone(),
        (Change::Wrap, value) => *value = json!([value.take()]),
        (Change::Rename(name), Json::Object(object)) => {
            if let Some(first) = object.keys().next().cloned()
                && let Some(value) = object.remove(&first)
            {
                object.insert(name.clone(), value);
            }
        }
        (Change::Empty | Change::Rename(_), value) => *value = Json::Null,
    });
}

fn count(value: &Json) -> usize {
    1 + match value {
        Json::Array(list) => list.iter().map(count).sum(),
        Json::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

/// Does something to the place with this number; true once it is done.
fn visit(value: &mut Json, place: &mut usize, change: &mut dyn FnMut(&mut Json)) -> bool {
    if *place == 0 {
        change(value);
        return true;
    }
    *place -= 1;
    match value {
        Json::Array(list) => list.iter_mut().any(|inner| visit(inner, place, change)),
        Json::Object(object) => object.values_mut().any(|inner| visit(inner, place, change)),
        _ => false,
    }
}

/// What is done to the bytes of a body: mostly nothing.
fn bytes() -> impl Strategy<Value = Option<(Index, u8, u8)>> {
    prop::option::weighted(0.15, (any::<Index>(), 0..4u8, any::<u8>()))
}

fn spoil(mut body: Vec<u8>, change: Option<(Index, u8, u8)>) -> Vec<u8> {
    let Some((at, kind, byte)) = change.filter(|_| !body.is_empty()) else { return body };
    let at = at.index(body.len());
    match kind {
        0 => body[at] = byte,
        1 => body.truncate(at),
        2 => body.insert(at, byte),
        _ => {
            let again = body[at..].to_vec();
            body.extend(again);
        }
    }
    body
}

/// Percent-encodes whatever may not stand in a target.
fn percent(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'$' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
