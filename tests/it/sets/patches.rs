//! The life of an entry, the same for all directories: made, changed by each form of a PATCH operation
//! (RFC 7644 §3.5.2) and by PUT, switched off and on, removed and made again. After each step the directory is as
//! it was, but for what the step is about.

use serde_json::{Value as Json, json};

use super::harness::{Site, holds};
use crate::support::Entries;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const MAIL: [&str; 2] = ["mail", "proxyAddresses"];
/// What others write into the entry: text whose blanks count, and octets that are no text.
const FOREIGN: [(&str, &str); 2] =
    [("description", "IGtlZXBzICBibGFua3M="), ("jpegPhoto", "/9j/4AAQ//4AAA==")];

/// Somebody new, and where the directory keeps what is said about him.
pub(super) struct Neo<'a> {
    pub(super) site: &'a Site,
    pub(super) login: &'a str,
    /// The attribute of the employee number.
    pub(super) number: &'a str,
    /// Attributes that follow from others.
    pub(super) follows: &'a [&'a str],
    /// An attribute, and a value of it that the schema refuses.
    pub(super) refused: (&'a str, Json),
    /// What changes in the directory when he is switched off; `{dn}` is his DN.
    pub(super) off: &'a [&'a str],
    /// What changes when he is removed.
    pub(super) gone: &'a [&'a str],
    /// His DN.
    pub(super) at: &'a dyn Fn() -> String,
    /// The values of an attribute of his entry.
    pub(super) of: &'a dyn Fn(&str) -> Vec<String>,
    /// His e-mail addresses as the entry holds them.
    pub(super) mail: &'a dyn Fn() -> Vec<String>,
}

impl Neo<'_> {
    /// Makes him and changes him; nobody else's entry changes. Returns his path.
    pub(super) fn lives_through_patches(&self) -> String {
        let path = self.site.post("/Users", self.body());
        let mut foreign = format!("dn: {}\nchangetype: modify\n", (self.at)());
        for (name, octets) in FOREIGN {
            foreign.push_str(&format!("add: {name}\n{name}:: {octets}\n-\n"));
        }
        self.site.directory().modify(&foreign);
        let patch = |op: &str, target: Option<&str>, value: Json, touches: &[&str]| {
            let mut operation = json!({ "op": op });
            if let Some(target) = target {
                operation["path"] = target.into();
            }
            if !value.is_null() {
                operation["value"] = value;
            }
            let before = self.site.directory().look();
            self.site.patch(&path, json!([operation]));
            self.assert_touched(&before, touches);
        };
        let number = format!("{ENTERPRISE}:employeeNumber");
        patch(
            "add",
            None,
            json!({ "title": "Cook", "emails": [{ "value": "a@x.org", "type": "work" }], (ENTERPRISE): { "employeeNumber": "7" } }),
            &["title", MAIL[0], MAIL[1], self.number],
        );
        self.holds("title", &["Cook"]);
        self.holds_mail(&["a@x.org"]);
        self.holds(self.number, &["7"]);
        patch(
            "replace",
            None,
            json!({ "name": { "familyName": "Two" }, "title": "Baker" }),
            &["sn", "title"],
        );
        self.holds("sn", &["Two"]);
        self.holds("givenName", &["Neo"]);
        self.holds("title", &["Baker"]);
        patch("add", Some("name.givenName"), json!("Thomas"), &["givenName"]);
        self.holds("givenName", &["Thomas"]);
        patch("add", Some("emails"), json!([{ "value": "b@x.org", "type": "other" }]), &MAIL);
        self.holds_mail(&["a@x.org", "b@x.org"]);
        let phones = json!([{ "value": "+1 2", "type": "work" }, { "value": "+3 4", "type": "mobile" }]);
        patch("add", Some("phoneNumbers"), phones, &["telephoneNumber", "mobile"]);
        patch("replace", Some("phoneNumbers[type eq \"mobile\"].value"), json!("+5 6"), &["mobile"]);
        self.holds("telephoneNumber", &["+1 2"]);
        self.holds("mobile", &["+5 6"]);
        patch("remove", Some("phoneNumbers[type eq \"work\"]"), Json::Null, &["telephoneNumber"]);
        self.holds("telephoneNumber", &[]);
        patch("remove", Some("phoneNumbers"), Json::Null, &["mobile"]);
        self.holds("mobile", &[]);
        patch("replace", Some("emails[value eq \"b@x.org\"].value"), json!("c@x.org"), &MAIL);
        self.holds_mail(&["a@x.org", "c@x.org"]);
        patch("replace", Some("emails"), json!([{ "value": "d@x.org", "type": "work" }]), &MAIL);
        self.holds_mail(&["d@x.org"]);
        patch("replace", Some(&number), json!("8"), &[self.number]);
        self.holds(self.number, &["8"]);
        patch("remove", Some(&number), Json::Null, &[self.number]);
        self.holds(self.number, &[]);
        patch("remove", Some("title"), Json::Null, &["title"]);
        self.holds("title", &[]);
        path
    }

    /// What comes after that, to the end, and once more from the beginning.
    pub(super) fn lives_on(&self, path: &str) {
        self.is_replaced(path);
        self.loses_nothing_by_a_refusal(path);
        self.goes_off_and_on(path);
        self.goes_and_comes_again(path);
    }

    fn body(&self) -> Json {
        json!({ "userName": self.login, "name": { "givenName": "Neo", "familyName": "One" }, "displayName": "Neo" })
    }

    /// PUT: what it says is there, what it leaves out is gone, and what is not SCIM's stays.
    fn is_replaced(&self, path: &str) {
        let attributes = ["givenName", "sn", "title", MAIL[0], MAIL[1], "telephoneNumber", self.number];
        // Some directories keep the client's id in the entry.
        let external = self.site.get(path)["externalId"].clone();
        let whole = json!({
            "externalId": external, "userName": self.login, "name": { "givenName": "Trin", "familyName": "Four" }, "displayName": "Neo",
            "title": "Guide", "active": true, "emails": [{ "value": "e@x.org", "type": "work", "primary": true }],
            "phoneNumbers": [{ "value": "+7 8", "type": "work" }], (ENTERPRISE): { "employeeNumber": "9" },
        });
        let before = self.site.directory().look();
        self.site.put(path, whole.clone());
        self.assert_touched(&before, &attributes);
        holds(&self.site.get(path), &whole);
        for (name, value) in [
            ("givenName", "Trin"),
            ("sn", "Four"),
            ("title", "Guide"),
            ("telephoneNumber", "+7 8"),
            (self.number, "9"),
        ] {
            self.holds(name, &[value]);
        }
        self.holds_mail(&["e@x.org"]);
        let steady = self.site.directory().look();
        self.site.put(path, whole);
        self.site.put(path, self.site.get(path));
        self.site.assert_entries(&steady, &[]);
        self.site.put(path, json!({
            "externalId": external, "userName": self.login, "name": { "familyName": "Four" }, "displayName": "Neo", "active": true,
        }));
        self.assert_touched(&steady, &attributes);
        for name in ["givenName", "title", "telephoneNumber", self.number] {
            self.holds(name, &[]);
        }
        self.holds_mail(&[]);
    }

    /// A value that the schema refuses: nothing of the request is done.
    fn loses_nothing_by_a_refusal(&self, path: &str) {
        let before = self.site.directory().look();
        let (attribute, value) = &self.refused;
        let refused = json!([
            { "op": "replace", "path": "displayName", "value": "Never" },
            { "op": "add", "path": attribute, "value": value },
        ]);
        let answer = self.site.client.patch(path, refused);
        assert_eq!(
            (answer.status, answer.json["scimType"].as_str()),
            (400, Some("invalidValue")),
            "{answer}"
        );
        assert!(answer.json["detail"].as_str().unwrap().contains(attribute), "{answer}");
        self.site.assert_entries(&before, &[]);
    }

    /// In the end he is as he was, byte for byte.
    fn goes_off_and_on(&self, path: &str) {
        let before = self.site.directory().look();
        let set = |is_on: bool| {
            self.site.patch(path, json!([{ "op": "replace", "path": "active", "value": is_on }]));
            holds(&self.site.get(path), &json!({ "active": is_on }));
        };
        let expected = self.lines(self.off);
        for _ in 0..2 {
            set(false);
            self.site.assert_entries(&before, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
        set(true);
        self.site.assert_entries(&before, &[]);
    }

    /// Removed, he is gone; made again, he is somebody else.
    fn goes_and_comes_again(&self, path: &str) {
        for (name, octets) in FOREIGN {
            assert_eq!((self.of)(name).len(), 1, "{name} {octets} is still there");
        }
        let before = self.site.directory().look();
        let expected = self.lines(self.gone);
        self.site.delete(path);
        self.site.assert_entries(&before, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(self.site.client.get(path).status, 404);
        let again = self.site.post("/Users", self.body());
        assert_ne!(again, path, "an id is never used again");
        holds(&self.site.get(&again), &self.body());
        self.holds(self.number, &[]);
        self.site.delete(&again);
    }

    fn lines(&self, patterns: &[&str]) -> Vec<String> {
        let dn = (self.at)();
        patterns.iter().map(|pattern| pattern.replace("{dn}", &dn)).collect()
    }

    /// His entry alone has changed, and of it only these attributes and what follows from others.
    #[track_caller]
    fn assert_touched(&self, before: &Entries, attributes: &[&str]) {
        let start = format!("{}: ", (self.at)());
        for line in self.site.directory().look().changes_since(before) {
            let changed = line.strip_prefix(&start).and_then(|rest| rest.get(2..)?.split(':').next());
            let is_expected = |name: &str| attributes.contains(&name) || self.follows.contains(&name);
            assert!(changed.is_some_and(is_expected), "{line}");
        }
    }

    #[track_caller]
    fn holds(&self, attribute: &str, expected: &[&str]) {
        assert_same((self.of)(attribute), expected);
    }

    #[track_caller]
    fn holds_mail(&self, expected: &[&str]) {
        assert_same((self.mail)(), expected);
    }
}

#[track_caller]
fn assert_same(mut found: Vec<String>, expected: &[&str]) {
    found.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}
