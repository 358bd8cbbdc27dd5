//! Each form of a PATCH operation (RFC 7644 §3.5.2), and what it leaves in an entry: the same for all directories.

use serde_json::{Value as Json, json};

use super::harness::Site;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Somebody new, and where the directory keeps what is said about him.
pub(super) struct Neo<'a> {
    pub(super) site: &'a Site,
    pub(super) login: &'a str,
    /// The attribute of the employee number.
    pub(super) number: &'a str,
    /// The values of an attribute of his entry.
    pub(super) of: &'a dyn Fn(&str) -> Vec<String>,
    /// His e-mail addresses as the entry holds them.
    pub(super) mail: &'a dyn Fn() -> Vec<String>,
}

impl Neo<'_> {
    /// Makes him and changes him; nobody else's entry changes. Returns his path.
    pub(super) fn lives_through_patches(&self) -> String {
        let path = self.site.post(
            "/Users",
            json!({ "userName": self.login, "name": { "givenName": "Neo", "familyName": "One" }, "displayName": "Neo" }),
        );
        let others = self.site.directory().look();
        let patch = |op: &str, target: Option<&str>, value: Json| {
            let mut operation = json!({ "op": op });
            if let Some(target) = target {
                operation["path"] = target.into();
            }
            if !value.is_null() {
                operation["value"] = value;
            }
            self.site.patch(&path, json!([operation]));
        };
        let number = format!("{ENTERPRISE}:employeeNumber");
        patch(
            "add",
            None,
            json!({ "title": "Cook", "emails": [{ "value": "a@x.org", "type": "work" }], (ENTERPRISE): { "employeeNumber": "7" } }),
        );
        self.holds("title", &["Cook"]);
        self.holds_mail(&["a@x.org"]);
        self.holds(self.number, &["7"]);
        patch("replace", None, json!({ "name": { "familyName": "Two" }, "title": "Baker" }));
        self.holds("sn", &["Two"]);
        self.holds("givenName", &["Neo"]);
        self.holds("title", &["Baker"]);
        patch("add", Some("name.givenName"), json!("Thomas"));
        self.holds("givenName", &["Thomas"]);
        patch("add", Some("emails"), json!([{ "value": "b@x.org", "type": "other" }]));
        self.holds_mail(&["a@x.org", "b@x.org"]);
        let phones = json!([{ "value": "+1 2", "type": "work" }, { "value": "+3 4", "type": "mobile" }]);
        patch("add", Some("phoneNumbers"), phones);
        patch("replace", Some("phoneNumbers[type eq \"mobile\"].value"), json!("+5 6"));
        self.holds("telephoneNumber", &["+1 2"]);
        self.holds("mobile", &["+5 6"]);
        patch("remove", Some("phoneNumbers[type eq \"work\"]"), Json::Null);
        self.holds("telephoneNumber", &[]);
        patch("remove", Some("phoneNumbers"), Json::Null);
        self.holds("mobile", &[]);
        patch("replace", Some("emails[value eq \"b@x.org\"].value"), json!("c@x.org"));
        self.holds_mail(&["a@x.org", "c@x.org"]);
        patch("replace", Some("emails"), json!([{ "value": "d@x.org", "type": "work" }]));
        self.holds_mail(&["d@x.org"]);
        patch("replace", Some(&number), json!("8"));
        self.holds(self.number, &["8"]);
        patch("remove", Some(&number), Json::Null);
        self.holds(self.number, &[]);
        patch("remove", Some("title"), Json::Null);
        self.holds("title", &[]);
        let touched = self.site.directory().look().changes_since(&others);
        let entries: std::collections::HashSet<&str> =
            touched.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        assert_eq!(entries.len(), 1, "{touched:#?}");
        path
    }

    /// A value that the schema refuses (a telephone number without digits): nothing of the request is done.
    pub(super) fn loses_nothing_by_a_refusal(&self, path: &str) {
        let before = self.site.directory().look();
        let refused = json!([
            { "op": "replace", "path": "displayName", "value": "Never" },
            { "op": "add", "path": "phoneNumbers", "value": [{ "value": "Ωμέγα", "type": "work" }] },
        ]);
        let answer = self.site.client.patch(path, refused);
        assert_eq!(
            (answer.status, answer.json["scimType"].as_str()),
            (400, Some("invalidValue")),
            "{answer}"
        );
        assert!(answer.json["detail"].as_str().unwrap().contains("phoneNumbers"), "{answer}");
        self.site.assert_entries(&before, &[]);
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
