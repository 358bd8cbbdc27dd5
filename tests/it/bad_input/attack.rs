//! Texts that mean something to LDAP, SQL, JSON, HTTP or the mapping language, as values: stored to
//! the letter and found again, or refused. Nothing else in the store changes (S-20, R-08).

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{ENTERPRISE, GROUP, Site, USER, everywhere, query};
use crate::support::{Answer, Backend};

/// Texts that every store must take.
const PLAIN: &[&str] = &[
    "*)(uid=*",
    "*",
    "' OR 1=1 --",
    "'; drop table employees; --",
    "1'||(select 1)||'",
    "\\00",
    "\\2a",
    "\\",
    "\\\\",
    "\"quoted\"",
    "it's",
    "a,b",
    "a+b",
    "uid=x,ou=people",
    "#hash",
    "a;b",
    "<a>",
    "a=b",
    "a\\,b",
    "cn=admin,dc=example,dc=com",
    "%s%n",
    "100%",
    "under_score",
    "{displayName}",
    "{{",
    "@now",
    "@none",
    "$1",
    "?",
    ":x",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "Zoë 李 😀",
    "e\u{301}",
    "-",
    "null",
    "true",
    "0",
];

/// Texts that a store may refuse.
const ODD: &[&str] = &[
    " leading",
    "trailing ",
    " ",
    "two  blanks",
    "line\nbreak",
    "return\r\nX-Header: x",
    "tab\tstop",
    "bell\u{7}",
    "escape\u{1b}[31m",
    "\u{202e}reversed",
    "\u{feff}mark",
    "soft\u{ad}hyphen",
    "zero\u{200b}width",
    "non\u{a0}breaking",
    "\u{fffd}",
    "\u{10ffff}",
];

/// How a request with an odd value may end; what else happened is noted.
fn settle(site: &mut Site, what: &str, before: &[String], answer: &Answer, must: bool) -> Option<String> {
    match answer.status {
        201 => {
            let after = site.store.dump();
            // In a directory the entry of a member names its groups and tells when that changed.
            let is_member = |line: &String| what.starts_with("displayName") && line.contains("\"uid\"");
            let before = before.iter().filter(|line| !is_member(line));
            if let Some(lost) = before.into_iter().find(|line| !after.contains(line)) {
                site.wrong.push(format!("{what}: something else has changed: {lost}"));
            }
            Some(answer.id())
        }
        status if must => {
            site.wrong.push(format!("{what}: refused with {status}: {}", answer.json));
            None
        }
        status => {
            let kind = answer.json["scimType"].as_str().unwrap_or("").to_owned();
            if !(400..500).contains(&status) {
                site.wrong.push(format!("{what}: {}", answer.json));
            }
            site.refused(what, before, answer, status, &kind);
            None
        }
    }
}

fn all() -> impl Iterator<Item = (String, bool)> {
    let plain = PLAIN.iter().map(|text| ((*text).to_owned(), true));
    let odd = ODD.iter().map(|text| ((*text).to_owned(), false));
    let long = [64, 300, 5_000, 200_000].map(|length| ("x".repeat(length), false));
    plain.chain(odd).chain(long)
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

#[test]
fn logins_are_stored_to_the_letter_or_refused() {
    everywhere(|site| {
        for (text, must) in all() {
            let before = site.store.dump();
            let what = format!("userName {}", shown(&text));
            let answer = site.client.post("/Users", &json!({ "schemas": [USER], "userName": text }));
            let Some(id) = settle(site, &what, &before, &answer, must) else { continue };
            if !site.store.logins().contains(&text) {
                site.wrong.push(format!("{what}: stored otherwise"));
            }
            let path = format!("/Users/{id}");
            expect(site, &what, &site.client.get(&path).json["userName"], &text);
            if text.len() < 2_000 {
                let quoted = serde_json::to_string(&text).unwrap();
                let found =
                    site.client.get(&format!("/Users?{}", query("filter", &format!("userName eq {quoted}"))));
                expect(site, &what, &found.json["totalResults"], 1);
                expect(site, &what, &found.json["Resources"][0]["id"], &id);
            }
            // Renaming there and back is an LDAP rename.
            let rename = |name: &str| json!([{ "op": "replace", "path": "userName", "value": name }]);
            for name in ["in-between", text.as_str()] {
                let answer = site.client.patch(&path, rename(name));
                expect(site, &what, &answer.json["userName"], name);
                expect(site, &what, &answer.json["id"], &id);
            }
            let gone = site.client.delete(&path);
            if gone.status != 204 || site.store.logins().contains(&text) {
                site.wrong.push(format!("{what}: not deleted: {gone}"));
            }
        }
    });
}

#[test]
fn group_names_are_stored_to_the_letter_or_refused() {
    everywhere(|site| {
        for (text, must) in all() {
            let before = site.store.dump();
            let what = format!("displayName {}", shown(&text));
            let members = json!([{ "value": site.user }]);
            let body = json!({ "schemas": [GROUP], "displayName": text, "members": members });
            let answer = site.client.post("/Groups", &body);
            let Some(id) = settle(site, &what, &before, &answer, must) else { continue };
            if !site.store.group_names().contains(&text) {
                site.wrong.push(format!("{what}: stored otherwise"));
            }
            let path = format!("/Groups/{id}");
            let read = site.client.get(&path);
            expect(site, &what, &read.json["displayName"], &text);
            expect(site, &what, &read.json["members"][0]["value"], site.user.clone());
            // The member sees the group under its name.
            let user = site.client.get(&format!("/Users/{}", site.user));
            let groups = user.json["groups"].as_array().cloned().unwrap_or_default();
            if !groups.iter().any(|group| group["value"] == id.as_str()) {
                site.wrong.push(format!("{what}: the member does not show it"));
            }
            let gone = site.client.delete(&path);
            if gone.status != 204 || site.store.group_names().contains(&text) {
                site.wrong.push(format!("{what}: not deleted: {gone}"));
            }
        }
    });
}

#[test]
fn other_texts_are_stored_to_the_letter_or_refused() {
    let attributes = [
        ("displayName", "/displayName"),
        ("title", "/title"),
        ("name.familyName", "/name/familyName"),
        ("nickName", "/nickName"),
        ("externalId", "/externalId"),
        ("emails[type eq \"work\"].value", "/emails/0/value"),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
        ),
    ];
    everywhere(|site| {
        let user = json!({ "schemas": [USER, ENTERPRISE], "userName": "texts" });
        let path = format!("/Users/{}", site.client.post("/Users", &user).id());
        // The user is gone from what must not change: it is what changes.
        let others = |dump: Vec<String>| -> Vec<String> {
            dump.into_iter().filter(|line| !line.contains("texts")).collect()
        };
        let baseline = others(site.store.dump());
        for (attribute, pointer) in attributes {
            for (text, _) in all() {
                let what = format!("{attribute} {}", shown(&text));
                let operation = json!([{ "op": "replace", "path": attribute, "value": text }]);
                let answer = site.client.patch(&path, operation);
                let read = site.client.get(&path);
                match answer.status {
                    200 => {
                        let found = read.json.pointer(pointer).cloned().unwrap_or_default();
                        // The directory's mapping says so: a dash stands for "no family name".
                        let is_nothing = (attribute, text.as_str()) == ("name.familyName", "-")
                            && matches!(site.store.backend(), Backend::OpenLdap | Backend::Ds389);
                        let text = if is_nothing { Json::Null } else { text.into() };
                        expect(site, &what, &found, &text);
                    }
                    400..500 => {
                        if read.json.pointer(pointer).is_some_and(|found| *found == text) {
                            site.wrong.push(format!("{what}: refused and stored: {}", answer.json));
                        }
                    }
                    _ => site.wrong.push(format!("{what}: {}", answer.json)),
                }
            }
            if site.client.patch(&path, json!([{ "op": "remove", "path": attribute }])).status != 200 {
                site.wrong.push(format!("{attribute}: cannot be removed"));
            }
        }
        let after = site.store.dump();
        if let Some(lost) = baseline.iter().find(|line| !after.contains(line)) {
            site.wrong.push(format!("something else has changed: {lost}"));
        }
    });
}

fn expect(site: &mut Site, what: &str, found: &Json, expected: impl Serialize) {
    let expected = serde_json::to_value(expected).unwrap();
    if *found != expected {
        let found: String = found.to_string().chars().take(80).collect();
        site.wrong.push(format!("{what}: expected {}, found {found}", shown(&expected.to_string())));
    }
}
