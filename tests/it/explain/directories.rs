//! Typical requests in front of each directory: what is printed is compared with
//! `tests/fixtures/explain/SERVER/NAME.txt`. What differs from run to run is replaced.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::{Place, fixture};
use crate::support::{Backend, Product, Set, TestStore};

/// A directory, and what it calls the people and groups of the requests.
struct Site {
    place: Place,
    server: &'static str,
    /// How to find somebody, who is a member of `full`.
    somebody: &'static str,
    /// How to find somebody else, who becomes a manager.
    other: &'static str,
    full: &'static str,
    empty: &'static str,
    /// What a login looks like: `{}` stands for the name.
    login: &'static str,
    /// A PATCH that gives somebody's entry another name.
    rename: Json,
}

impl Site {
    fn path(&self, endpoint: &str, filter: &str) -> (String, String) {
        let arguments = ["map", "try", "--type", endpoint.trim_end_matches('s'), "--filter", filter];
        let (code, text, error) = self.place.run(&arguments, None);
        assert_eq!(code, 0, "{filter}: {error}");
        let id = text.lines().next().unwrap().split(' ').nth(1).unwrap().to_owned();
        // Each value stands beside the name of the entry that it lies in.
        let entry = text.lines().find_map(|line| line.split_once(" [")?.1.split_once("]: "));
        assert!(entry.is_some_and(|(dn, _)| dn.to_lowercase().contains("dc=example")), "{text}");
        (format!("/{endpoint}/{id}"), id)
    }

    fn requests(&self) {
        let login = |name: &str| self.login.replace("{}", name);
        let (somebody, id) = self.path("Users", self.somebody);
        let (_, other) = self.path("Users", self.other);
        let (full, _) = self.path("Groups", &format!("displayName eq \"{}\"", self.full));
        let (empty, _) = self.path("Groups", &format!("displayName eq \"{}\"", self.empty));
        let patch = |operations: Json| {
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations
            })
        };
        let one =
            |op: &str, path: &str, value: Json| patch(json!([{ "op": op, "path": path, "value": value }]));
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let person = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
            "userName": login("zoe"), "displayName": "Zoë Zett, Dr.", "password": "Correct-Horse7", "active": true,
            "name": { "givenName": "Zoë", "familyName": "Zett" }, "title": "Cook",
            "emails": [{ "value": "zoe@example.com", "type": "work", "primary": true }],
            "phoneNumbers": [{ "value": "+43 1 234", "type": "work" }],
            (enterprise): { "employeeNumber": "Z-1", "manager": { "value": other } },
        });
        let smaller = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login("zoe"),
            "displayName": "Zoë", "name": { "familyName": "Zett" }, "active": true,
        });
        let several = patch(json!([
            { "op": "replace", "path": "title", "value": "Zu Händen: Leitung" },
            { "op": "add", "path": "emails", "value": [{ "value": "second@example.com", "type": "work" }] },
            { "op": "remove", "path": "phoneNumbers" },
        ]));
        let filter = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", "name.familyName sw \"o'\" or userName eq \"a*(b)\"")
            .append_pair("attributes", "userName")
            .finish();
        let requests = [
            ("create", "POST /Users".to_owned(), Some(person)),
            ("put", format!("PUT {somebody}"), Some(smaller)),
            ("patch", format!("PATCH {somebody}"), Some(several)),
            ("deactivate", format!("PATCH {somebody}"), Some(one("replace", "active", json!(false)))),
            ("rename", format!("PATCH {somebody}"), Some(self.rename.clone())),
            (
                "password",
                format!("PATCH {somebody}"),
                Some(one("replace", "password", json!("Correct-Horse8"))),
            ),
            ("add-member", format!("PATCH {empty}"), Some(one("add", "members", json!([{ "value": id }])))),
            (
                "remove-member",
                format!("PATCH {full}"),
                Some(patch(json!([
                    { "op": "remove", "path": format!("members[value eq \"{id}\"]") }
                ]))),
            ),
            ("delete", format!("DELETE {somebody}"), None),
            ("filter", format!("GET /Users?{filter}"), None),
            ("list-groups", "GET /Groups?excludedAttributes=members".to_owned(), None),
        ];
        for (name, request, body) in requests {
            let text = stable(&self.place.explain(&request, body.as_ref()));
            assert!(!text.contains("Correct-Horse"), "{name} shows a password:\n{text}");
            fixture(&format!("{}/{name}.txt", self.server), &text);
        }
    }
}

/// The text without what differs from run to run: ids of entries, times, change markers, and what controls
/// hold of them.
fn stable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once(":: ").filter(|(start, _)| start.starts_with("control: ")) {
            Some((start, _)) => format!("{start}:: BASE64"),
            None => words(line),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Replaces the words of a line that are ids or times.
fn words(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '\\' | '#' | '.');
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        out.push_str(before);
        out.push_str(stand_in(word));
        rest = after;
    }
    out + rest
}

fn stand_in(word: &str) -> &str {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let groups: Vec<&str> = word.split('-').collect();
    let octets: Vec<&str> = word.split('\\').filter(|octet| octet.len() == 2 && is_hex(octet)).collect();
    match groups.iter().map(|group| group.len()).collect::<Vec<_>>().as_slice() {
        [8, 4, 4, 4, 12] if groups.iter().all(|group| is_hex(group)) => "UUID",
        // 389-ds writes its ids in another way.
        [8, 8, 8, 8] if groups.iter().all(|group| is_hex(group)) => "UUID",
        _ if octets.len() == 16 => "UUID",
        _ if word.len() > 22 && word.contains('#') => "CSN",
        _ if word.len() == 15 && word.strip_suffix('Z').is_some_and(is_digits) => "TIME",
        _ if word.len() == 17 && word.ends_with(".0Z") && is_digits(&word[..14]) => "TIME",
        _ => word,
    }
}

fn project(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// A small company in a directory of its own, whose people are named by their logins.
fn company(product: Product, server: &'static str, mapping: &str) {
    let place = include_str!("../../fixtures/explain/place.ldif");
    let Some(store) = TestStore::of_entries(product, place, project(mapping)) else { return };
    let people = include_str!("../../fixtures/ldif/openldap-seed.ldif");
    // Each server locks accounts in its own way.
    let lock =
        if product == Product::Ds389 { "nsAccountLock: true" } else { "pwdAccountLockedTime: 000001010000Z" };
    store.directory().add(&people.replace("pwdAccountLockedTime: 000001010000Z", lock));
    Site {
        place: Place::of(store),
        server,
        somebody: "userName eq \"person3\"",
        other: "userName eq \"person1\"",
        full: "All Staff",
        empty: "Empty",
        login: "{}",
        rename: json!({ "Operations": [{ "op": "replace", "path": "userName", "value": "maría.josé" }] }),
    }
    .requests();
}

#[test]
fn requests_are_explained_in_openldap() {
    company(Product::OpenLdap, "openldap", "mappings/openldap.toml");
}

#[test]
fn requests_are_explained_in_389ds() {
    company(Product::Ds389, "389ds", "tests/fixtures/explain/389ds.toml");
}

#[test]
fn requests_are_explained_in_active_directory() {
    let set = Set { name: "ad", backend: Backend::OpenLdap, variant: "" };
    let people = set.people().into_iter().find(|people| people.own).unwrap();
    let Some(store) = set.fill(&people, &set.mapping()) else { return };
    Site {
        place: Place::of(store),
        server: "active-directory",
        somebody: "userName eq \"moira@lab.example\"",
        other: "userName eq \"ended@lab.example\"",
        full: "Surveyors, Night",
        empty: "Empty",
        login: "{}@lab.example",
        rename: json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "Moira, Ärztin" }] }),
    }
    .requests();
}
